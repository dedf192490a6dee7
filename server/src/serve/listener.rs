//! A port, the threads that answer what comes there, and how each connection begins.

use futures_util::future::{Either, select};
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::{HttpService, Request, Response};
use actix_server::{GracefulShutdownSignal, Server};
use actix_service::{
    IntoServiceFactory as _, Service, ServiceFactory, ServiceFactoryExt as _, fn_factory, fn_service,
    map_config,
};
use actix_web::body::BoxBody;
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::rt::spawn;
use actix_web::web::Data;
use actix_web::{App as Application, HttpResponse};
use authgate_core::error::{Error, Result};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::Running;
use super::admission::Admission;
use super::http2;
use super::patient::Patient;
use crate::app::{App, Timeouts};
use crate::client_address;
use crate::metrics::Route;
use crate::{form, middleware, routes, tls};
use ipnet::IpNet;

/// How long what a client still sends is read and thrown away after an early answer.
const LINGER: Duration = Duration::from_secs(2);

/// Starts `workers` threads that answer what arrives at `listener`. Must be called inside an actix `System`.
pub fn start(app: Arc<App>, listener: TcpListener, workers: usize) -> Result<Running> {
    let addr = listener.local_addr().map_err(Error::failed)?;
    let settings = &app.config.server;
    let builder = Server::build()
        .workers(workers)
        // Of each worker. Who comes when all are full waits in the kernel's queue.
        .max_concurrent_connections(settings.max_connections.div_ceil(workers))
        .shutdown_timeout(whole_seconds(settings.shutdown_timeout))
        .disable_signals();
    let tls = app.certificate.clone().map(tls::server_config).transpose()?;
    let gate = Gate {
        // Whoever takes half of them leaves as many to all others.
        admission: Admission::new(settings.max_connections.div_ceil(2)),
        proxies: settings.trusted_proxies.as_slice().into(),
        tls: tls.map(|config| TlsAcceptor::from(Arc::new(config))),
        timeouts: app.timeouts,
        stopping: builder.graceful_shutdown_signal(),
    };
    let app = Data::from(app);
    let server = builder.listen("http", listener, move || {
        let (app, gate) = (app.clone(), gate.clone());
        fn_factory(move || {
            let gate = gate.clone();
            let stopping = gate.stopping.clone();
            let http1 = HttpService::<Patient, _, BoxBody>::build()
                .client_request_timeout(gate.timeouts.head)
                .keep_alive(gate.timeouts.keep_alive)
                .client_disconnect_timeout(LINGER)
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .on_connect_ext(|stream: &Patient, extensions| drop(extensions.insert(stream.requests())))
                .h1(application(&app));
            let http2 = application(&app);
            async move {
                let http1 = Rc::new(http1.new_service(()).await?);
                let http2 = Rc::new(http2.new_service(()).await?);
                Ok::<_, ()>(fn_service(move |stream| {
                    answer(stream, gate.clone(), Rc::clone(&http1), Rc::clone(&http2))
                }))
            }
        })
    });
    let server = server.map_err(Error::failed)?.run();
    Ok(Running { addr, handle: server.handle(), server: spawn(server) })
}

/// Everything behind the protocol.
pub fn application(
    app: &Data<App>,
) -> impl ServiceFactory<
    Request,
    Config = (),
    Response = ServiceResponse<BoxBody>,
    Error = HttpResponse,
    InitError = (),
    Service: 'static,
    Future: 'static,
> + use<> {
    let application = Application::new()
        .app_data(app.clone())
        .app_data(form::queries())
        .app_data(Route::unknown())
        .wrap(from_fn(middleware::edge))
        .configure(routes::configure(app));
    let answering = application.into_factory().map_err(|error: actix_web::Error| error.error_response());
    map_config(answering, |()| AppConfig::default())
}

/// What every connection passes first.
#[derive(Clone)]
struct Gate {
    admission: Arc<Admission>,
    proxies: Arc<[IpNet]>,
    tls: Option<TlsAcceptor>,
    timeouts: Timeouts,
    stopping: GracefulShutdownSignal,
}

/// One connection, from its first byte to its last. Whatever ends it ends nothing else.
async fn answer<H1, H2>(stream: TcpStream, gate: Gate, http1: Rc<H1>, http2: Rc<H2>) -> Result<(), Infallible>
where
    H1: Service<(Patient, Option<SocketAddr>)>,
    H2: Service<Request, Response: Into<Response<BoxBody>>, Error: Into<Response<BoxBody>>>,
{
    let Ok(peer) = stream.peer_addr() else { return Ok(()) };
    // A proxy speaks for many.
    let is_proxy = client_address::is_trusted(peer.ip().to_canonical(), &gate.proxies);
    let place = if is_proxy { None } else { gate.admission.admit(peer.ip()) };
    if place.is_none() && !is_proxy {
        tracing::debug!(peer = %peer.ip(), "an address holds too many connections");
        return Ok(());
    }
    // Answers are written whole, so waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    let (stream, is_http2) = match &gate.tls {
        None => (Patient::new(stream, gate.timeouts), false),
        Some(tls) => {
            let accepted = pin!(timeout(gate.timeouts.head, tls.accept(stream)));
            // Who has not even asked when the server stops is not waited for.
            let stopping = pin!(gate.stopping.notified());
            let Either::Left((Ok(Ok(stream)), _)) = select(accepted, stopping).await else { return Ok(()) };
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            (Patient::new(stream, gate.timeouts), is_http2)
        }
    };
    if is_http2 {
        http2::serve(stream, peer, http2, gate.timeouts, gate.stopping.notified()).await;
    } else {
        let _ = http1.call((stream, Some(peer))).await;
    }
    Ok(())
}

/// Rounded up: a timeout must not become none.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
