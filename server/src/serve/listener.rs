//! A port, the threads that answer what comes there, and how each connection begins.

use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_server::Server;
use actix_service::{
    IntoServiceFactory as _, Service as _, ServiceFactory as _, ServiceFactoryExt as _, fn_factory,
    fn_service, map_config,
};
use actix_web::body::BoxBody;
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::rt::spawn;
use actix_web::web::Data;
use actix_web::{App as Application, dev};
use authgate_core::error::{Error, Result};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::Running;
use super::admission::Admission;
use super::http2;
use super::patient::Patient;
use crate::app::App;
use crate::{form, middleware, routes, tls};

/// How long what a client still sends is read and thrown away after an early answer.
const LINGER: Duration = Duration::from_secs(2);

/// Starts `workers` threads that answer what arrives at `listener`. Must be called inside an actix `System`.
pub fn start(app: Arc<App>, listener: TcpListener, workers: usize) -> Result<Running> {
    let addr = listener.local_addr().map_err(Error::failed)?;
    let settings = &app.config.server;
    let most = settings.max_connections;
    let certificate = app.certificate.clone();
    let tls =
        certificate.map(tls::server_config).transpose()?.map(|config| TlsAcceptor::from(Arc::new(config)));
    // One address may hold half of them: whoever takes more than that leaves as many to all others.
    let admission = Admission::new(most.div_ceil(2));
    let builder = Server::build()
        .workers(workers)
        // Of each worker. Who comes when all are full waits in the kernel's queue.
        .max_concurrent_connections(most.div_ceil(workers))
        .shutdown_timeout(whole_seconds(settings.shutdown_timeout))
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let app = Data::from(app);
    let server = builder.listen("http", listener, move || {
        let (app, tls, admission, stopping) = (app.clone(), tls.clone(), admission.clone(), stopping.clone());
        fn_factory(move || {
            let timeouts = app.timeouts;
            let (tls, admission) = (tls.clone(), admission.clone());
            let (stopping, notified) = (stopping.clone(), stopping.clone());
            let application = || {
                let application = Application::new()
                    .app_data(app.clone())
                    .app_data(form::queries())
                    .wrap(from_fn(middleware::edge))
                    .configure(routes::configure(&app));
                let answering = application.into_factory().map_err(|error| error.error_response());
                map_config(answering, |()| dev::AppConfig::default())
            };
            let http1 = HttpService::<Patient, _, BoxBody>::build()
                .client_request_timeout(timeouts.head)
                .keep_alive(timeouts.keep_alive)
                .client_disconnect_timeout(LINGER)
                .graceful_shutdown_signal(move || {
                    let notified = notified.clone();
                    async move { notified.notified().await }
                })
                .on_connect_ext(|stream: &Patient, extensions| drop(extensions.insert(stream.requests())))
                .h1(application());
            let http2 = application();
            async move {
                let http1 = Rc::new(http1.new_service(()).await?);
                let http2 = Rc::new(http2.new_service(()).await?);
                Ok::<_, ()>(fn_service(move |stream: TcpStream| {
                    let (tls, admission, stopping) = (tls.clone(), admission.clone(), stopping.clone());
                    let (http1, http2) = (Rc::clone(&http1), Rc::clone(&http2));
                    async move {
                        let Ok(peer) = stream.peer_addr() else { return Ok(()) };
                        let Some(_place) = admission.admit(peer.ip()) else {
                            tracing::debug!(peer = %peer.ip(), "an address holds too many connections");
                            return Ok(());
                        };
                        // Answers are written whole, so waiting for more to send only delays them.
                        let _ = stream.set_nodelay(true);
                        let Some(tls) = tls else {
                            let stream = Patient::new(stream, timeouts);
                            return http1.call((stream, Some(peer))).await.map_err(drop);
                        };
                        let Ok(Ok(stream)) = timeout(timeouts.head, tls.accept(stream)).await else {
                            return Ok(());
                        };
                        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                        let stream = Patient::new(stream, timeouts);
                        if !is_http2 {
                            return http1.call((stream, Some(peer))).await.map_err(drop);
                        }
                        http2::serve(stream, peer, http2, timeouts, stopping.notified()).await;
                        Ok::<_, ()>(())
                    }
                }))
            }
        })
    });
    let server = server.map_err(Error::failed)?.run();
    Ok(Running { addr, handle: server.handle(), server: spawn(server) })
}

/// Rounded up: a timeout must not become none.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
