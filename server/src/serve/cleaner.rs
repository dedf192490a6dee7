//! Removes what is over, between the requests.

use std::sync::Arc;
use std::time::Duration;

use authgate_core::audit;
use authgate_core::cleaning::Walk;
use authgate_core::error::Result;
use authgate_core::registration;
use tokio::time::{self, MissedTickBehavior};

use crate::app::App;

/// Between two steps, so that a walk through a large database takes a small part of the one writer.
const PAUSE: Duration = Duration::from_millis(20);

/// Walks through the database now and at every interval, unless the operator wants to keep everything.
pub async fn run(app: Arc<App>) {
    let Some(interval) = app.config.database.cleanup else { return };
    let mut ticks = time::interval(Duration::from_secs(interval.unsigned_abs()));
    // After a long walk, or a machine that slept, one walk is enough.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match clean(&app, PAUSE).await {
            Ok(removed) => tracing::debug!(removed, "removed what was over"),
            Err(error) => {
                tracing::error!(%error, "what is over cannot be removed; the next walk tries again");
            }
        }
    }
}

/// Removes everything that is over; returns how many rows that were.
async fn clean(app: &App, pause: Duration) -> Result<usize> {
    Ok(walk(app, pause).await? + registrations(app, pause).await?)
}

/// Clients that registered themselves and were never used; returns how many were removed.
pub async fn registrations(app: &App, pause: Duration) -> Result<usize> {
    let mut removed = 0;
    loop {
        let own = app.env_of("cleaner");
        let step = app.issuer.write(move |tx| registration::remove_unused(tx, own.env())).await?;
        if step == 0 {
            return Ok(removed);
        }
        removed += step;
        time::sleep(pause).await;
    }
}

/// Removes events that nobody has to keep any more, now and at every interval.
pub async fn forget(app: Arc<App>) {
    let Some(retention) = app.config.audit.retention else { return };
    let mut ticks = time::interval(Duration::from_secs(app.config.audit.interval.unsigned_abs()));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = old_events(&app, retention, PAUSE).await {
            tracing::error!(%error, "old events cannot be removed; the next round tries again");
        }
    }
}

/// Removes events older than `retention` seconds; returns how many.
pub async fn old_events(app: &App, retention: i64, pause: Duration) -> Result<usize> {
    let mut removed = 0;
    loop {
        let now = app.context().now();
        let step = app.issuer.write(move |tx| audit::remove_old(tx, now - retention, now)).await?;
        if step == 0 {
            return Ok(removed);
        }
        removed += step;
        time::sleep(pause).await;
    }
}

/// One walk; returns how many rows it removed.
pub async fn walk(app: &App, pause: Duration) -> Result<usize> {
    let mut walk = Walk::default();
    loop {
        let now = app.context().now();
        let step = app.issuer.write(move |tx| {
            let more = walk.step(tx, now)?;
            Ok((walk, more))
        });
        let (after, more) = step.await?;
        if !more {
            return Ok(after.removed());
        }
        walk = after;
        time::sleep(pause).await;
    }
}
