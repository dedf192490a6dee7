//! Notices what other processes changed, and turns keys over when it is time.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time;
use authgate_core::error::Result;
use authgate_core::generation::{self, Generation};
use authgate_core::keys::{Keys, rotation};

use crate::app::App;
use crate::open;

/// How often the generation is looked at. A change is noticed within a second, whatever else a look has to wait for.
const LOOK: Duration = Duration::from_millis(250);
/// Looks between two questions whether a key is due; keys have minutes of grace.
const LOOKS_PER_TURN: u32 = 40;

/// What the keeper remembers between two looks.
#[derive(Debug)]
pub struct Keeper {
    generation: Generation,
    looks: u32,
}

impl Keeper {
    /// Knows the generation that the server was opened at.
    pub fn new(generation: Generation) -> Self {
        Self { generation, looks: 0 }
    }

    /// One look: reloads the keys if they have changed, and forgets verdicts if rows have.
    pub async fn look(&mut self, app: &App) -> Result<()> {
        let known = self.generation;
        let (master, config) = (Arc::clone(&app.master), open::key_config(&app.config));
        let changed = app.read(move |tx| {
            let generation = generation::read(tx)?;
            let keys =
                (generation.keys != known.keys).then(|| Keys::load(tx, &master, &config)).transpose()?;
            Ok((generation, keys))
        });
        let (generation, keys) = changed.await?;
        if let Some(keys) = keys {
            app.keyring.replace(&app.policy, keys);
            tracing::info!(generation = generation.keys, "keys reloaded");
        }
        if generation.rows != known.rows {
            app.store.changes().note_all();
        }
        self.generation = generation;
        // After the reload, so that a writer in trouble keeps nobody from hearing of a revoked key.
        self.looks = self.looks.wrapping_add(1);
        if self.looks % LOOKS_PER_TURN == 1 { turn(app).await } else { Ok(()) }
    }
}

/// Publishes, promotes and removes keys that are due.
async fn turn(app: &App) -> Result<()> {
    let own = app.env_of("keeper");
    let own_too = app.env_of("keeper");
    if app.read(move |tx| rotation::is_due(tx, own.env())).await? {
        app.issuer.write(move |tx| rotation::advance(tx, own_too.env())).await?;
    }
    Ok(())
}

/// Looks until the server stops.
pub async fn run(app: Arc<App>) {
    let mut keeper = Keeper::new(app.generation);
    let mut ticks = time::interval(LOOK);
    let mut healthy = true;
    loop {
        ticks.tick().await;
        let looked = keeper.look(&app).await;
        if let Err(error) = &looked
            && healthy
        {
            tracing::error!(%error, "cannot look for changed keys; trying again");
        }
        healthy = looked.is_ok();
    }
}
