//! From a configuration to a server that listens, and back in the opposite order.

pub mod cleaner;
pub mod gauges;
pub mod keeper;
mod signals;
mod task;
mod welcome;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::rt::task::JoinHandle;
use actix_web::rt::{System, spawn, time};
use actix_web::web::Data;
use actix_web::{App as Application, HttpServer, dev};
use authgate_actors::supervisor::Health;
use authgate_core::context::{Context, SystemClock, SystemRandom};
use authgate_core::error::{Error, Result};
use authgate_core::recovery;
use tokio::sync::mpsc;

use task::Tasks;

use crate::app::{App, Surroundings, Timeouts};
use crate::config::Config;
use crate::metrics::Route;
use crate::{backchannel, form, middleware, open, policy, routes, seed, tls};

/// Serves until SIGTERM or SIGINT, then lets running requests finish. A second signal ends at once.
///
/// Start: database and keys, first start, address, actors, workers. Stop: the same backwards.
pub fn run(config: Config) -> Result<()> {
    System::new().block_on(serve(config))
}

async fn serve(config: Config) -> Result<()> {
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let ctx = Context::new(clock.as_ref(), random.clone());
    let opened = open::for_server(&config, &ctx)?;
    let credentials = seed::first_start(&opened.store, &config, &policy::of(&config), &ctx)?;
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
        .with("keeper", keeper::run)
        .with("backchannel", backchannel::run)
        .with("gauges", gauges::run)
        .with("histograms", gauges::sort);
    welcome::print(&app, running.addr, credentials.as_deref()).await?;

    let panicked = signals::first(&mut broke).await?;
    tracing::info!("stopping: running requests may finish");
    running.stop().await;
    drop(tasks);
    let now = app.context().now();
    let noted = app.issuer.write(move |tx| recovery::stopped(tx, now)).await;
    let noted = noted.and_then(|()| app.store.checkpoint());
    match panicked {
        Some(actor) => Err(Error::failed(format_args!("the actor {actor} panicked again and again"))),
        None => noted,
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

/// Starts `workers` threads that answer what arrives at `listener`. Must be called inside an actix `System`.
pub fn start(app: Arc<App>, listener: TcpListener, workers: usize) -> Result<Running> {
    let addr = listener.local_addr().map_err(Error::failed)?;
    let (timeouts, settings) = (app.timeouts, app.config.server.clone());
    let app = Data::from(app);
    let server = HttpServer::new(move || {
        Application::new()
            .app_data(app.clone())
            .app_data(form::queries())
            .app_data(Route::unknown())
            .wrap(from_fn(middleware::edge))
            .configure(routes::configure(&app))
    })
    .workers(workers)
    .client_request_timeout(timeouts.head)
    .keep_alive(timeouts.keep_alive)
    // How long what a client still sends is read and thrown away after an early answer.
    .client_disconnect_timeout(Duration::from_secs(2))
    .shutdown_timeout(whole_seconds(settings.shutdown_timeout))
    .disable_signals();
    let server = match &settings.tls {
        Some(files) => server.listen_rustls_0_23(listener, tls::server_config(files)?),
        None => server.listen(listener),
    };
    let server = server.map_err(Error::failed)?.run();
    Ok(Running { addr, handle: server.handle(), server: spawn(server) })
}

/// Rounded up: a timeout must not become none.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
