//! From a configuration to a server that listens, and back in the opposite order.

mod admission;
pub mod cleaner;
mod descriptors;
pub mod gauges;
mod http2;
pub mod keeper;
mod listener;
pub mod patient;
mod signals;
mod stop;
mod task;
mod welcome;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev;
use actix_web::rt::task::JoinHandle;
use actix_web::rt::{System, time};
use authgate_actors::supervisor::Health;
use authgate_core::context::{Context, SystemClock, SystemRandom};
use authgate_core::error::{Error, Result};
use authgate_core::recovery;
use tokio::sync::mpsc;

use signals::Signals;
use task::Tasks;

use crate::app::{App, Surroundings, Timeouts};
use crate::config::Config;
use crate::{backchannel, open, policy, seed, tls};

pub use listener::{application, start};

/// Serves until SIGTERM or SIGINT, then lets running requests finish. A second signal ends at once.
///
/// Start: database and keys, first start, address, actors, workers. Stop: the same backwards.
pub fn run(config: Config) -> Result<()> {
    let system = System::new();
    let ended = system.block_on(serve(config));
    // Dropping it would wait for whatever still runs on a blocking thread, however long. The process ends now.
    std::mem::forget(system);
    ended
}

async fn serve(config: Config) -> Result<()> {
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    descriptors::raise(config.server.max_connections);
    let ctx = Context::new(clock.as_ref(), random.clone());
    let (limit, settings) = (config.database.init_timeout, config.clone());
    let opened = stop::on_thread(move || {
        let opened = open::for_server(&settings, &ctx)?;
        let credentials = seed::first_start(&opened.store, &settings, &policy::of(&settings), &ctx)?;
        Ok((opened, credentials))
    });
    let trouble = "the database could not be opened";
    let (opened, credentials) = stop::within("DB_INIT_TIMEOUT", limit, trouble, opened).await?;
    let listener = listen(config.server.addr)?;

    let (broken, mut broke) = mpsc::channel(1);
    let health = Health::new(move |actor| {
        // One name is enough to stop for.
        let _ = broken.try_send(actor);
    });
    let surroundings = Surroundings { clock, random, timeouts: Timeouts::default() };
    let app = Arc::new(App::start(config, opened, surroundings, health)?);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let running = start(Arc::clone(&app), listener, workers)?;
    let tasks = Tasks::new(Arc::clone(&app), Duration::from_secs(1))
        .with("heartbeat", heartbeat)
        .with("cleaner", cleaner::run)
        .with("retention", cleaner::forget)
        .with("keeper", keeper::run)
        .with("backchannel", backchannel::run)
        .with("certificate", tls::renewal::run)
        .with("gauges", gauges::run)
        .with("histograms", gauges::sort);
    // Whoever reads that it is ready may already ask it to stop.
    let signals = Signals::listen()?;
    welcome::print(&app, running.addr, credentials.as_deref()).await?;

    let panicked = signals.first(&mut broke).await;
    tracing::info!("stopping: running requests may finish");
    let stopped = stop::stop(app, running, tasks).await;
    match panicked {
        Some(actor) => Err(Error::failed(format_args!("the actor {actor} panicked again and again"))),
        None => stopped,
    }
}

fn listen(addr: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(addr)
        .map_err(|error| Error::failed(format_args!("cannot listen on SERVER_ADDR={addr}: {error}")))
}

/// Tells the next process when this one was last alive (`refresh.md`, 13).
async fn heartbeat(app: Arc<App>) {
    let mut ticks = time::interval(Duration::from_secs(recovery::HEARTBEAT.unsigned_abs()));
    loop {
        ticks.tick().await;
        let now = app.context().now();
        if let Err(error) = app.issuer.write(move |tx| recovery::beat(tx, now)).await {
            tracing::error!(%error, "the heartbeat cannot be written");
        }
    }
}

/// A server that listens.
pub struct Running {
    /// Where.
    pub addr: SocketAddr,
    handle: dev::ServerHandle,
    server: JoinHandle<std::io::Result<()>>,
}

impl Running {
    /// Stops accepting, waits for running requests as long as `SERVER_SHUTDOWN_TIMEOUT` allows, and ends the workers.
    pub async fn stop(self) {
        self.handle.stop(true).await;
        // It has ended: what is left to hear is how.
        if let Ok(Err(error)) = self.server.await {
            tracing::error!(%error, "the server ended with an error");
        }
    }
}
