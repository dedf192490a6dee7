//! Keeps the metrics in order: counts what is alive, and sorts what histograms were given.

use std::sync::Arc;
use std::time::Duration;

use authgate_core::counting::Count;
use authgate_core::error::Result;
use tokio::time::{self, MissedTickBehavior};

use crate::app::App;
use crate::metrics::Gauged;

/// Between two steps of a count, so that it takes a small part of one reader.
const PAUSE: Duration = Duration::from_millis(20);
/// How often histograms are sorted: 100,000 requests in that time take some megabytes.
const SORT: Duration = Duration::from_secs(1);

/// Counts now and at every interval.
pub async fn run(app: Arc<App>) {
    if app.metrics.living.is_none() {
        return;
    }
    let mut ticks = time::interval(Duration::from_secs(app.config.metrics.gauge_interval.unsigned_abs()));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        update(&app, PAUSE).await;
    }
}

/// Sorts every second.
pub async fn sort(app: Arc<App>) {
    let mut ticks = time::interval(SORT);
    loop {
        ticks.tick().await;
        app.metrics.registry.sort();
    }
}

/// Counts once. A count that fails leaves its gauge as it was.
pub async fn update(app: &App, pause: Duration) {
    for gauged in app.metrics.living.iter().flatten() {
        if let Err(error) = count(app, gauged, pause).await {
            gauged.errors.increment(1);
            tracing::error!(%error, living = ?gauged.living, "a gauge cannot be counted");
        }
    }
}

async fn count(app: &App, gauged: &Gauged, pause: Duration) -> Result<()> {
    let mut count = Count::of(gauged.living);
    loop {
        let now = app.context().now();
        let step = app.read(move |tx| {
            let number = count.step(tx, now)?;
            Ok((count, number))
        });
        let (so_far, number) = step.await?;
        if let Some(number) = number {
            gauged.gauge.set(f64::from(u32::try_from(number).unwrap_or(u32::MAX)));
            return Ok(());
        }
        count = so_far;
        time::sleep(pause).await;
    }
}
