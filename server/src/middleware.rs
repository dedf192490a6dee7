//! What happens around every request, whatever it asks for.
//!
//! A request gets an id and a span, a panicking handler becomes a 503, an error for a person becomes a page, every answer gets
//! the security headers, and one line is logged. Limits and cross-origin answers belong to single endpoints: see
//! [`limit`] and [`cors`].

mod access_log;
pub mod cors;
mod error_page;
mod head;
pub mod limit;
mod panic;
pub mod request_id;
pub mod request_span;
mod route;
pub mod security_headers;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::rt::spawn;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _, HttpResponse};
use tracing::{Instrument as _, Span};

use crate::app::App;
use crate::client_address;
use crate::error;
use crate::metrics::{Arrived, Route};
use crate::routes::unmatched;
use crate::serve::patient::Requests;
use crate::session;
use request_id::RequestId;
pub use request_span::REQUEST;

/// Wraps the whole application.
pub async fn edge(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    let app = App::of(request.request()).clone();
    client_address::note(&request, &app.config.server.trusted_proxies);
    let _running = request.conn_data::<Requests>().map(Requests::begin);
    let id = RequestId::new(app.random.as_ref());
    let route = route::of(&request);
    let span = request_span::of(&id);
    if app.config.traces.is_some() {
        request_span::trace(&span, &request, &route, app.config.server.https);
    }
    let line = access_log::Line::of(&request, route, app.clock.now_ms());
    let arrived = app.metrics.http.arrived(request.method(), app.clock.monotonic());
    let edge = Edge { app, id, line, arrived, span: span.clone() };
    // A request that has arrived is finished, counted and written down, even if nobody waits for its answer any more.
    spawn(edge.answer(request, next).instrument(span)).await.unwrap_or_else(|_| {
        // Handlers cannot panic as far as here: the worker ends.
        Err(InternalError::from_response("ended", HttpResponse::ServiceUnavailable().finish()).into())
    })
}

/// What is known of a request until it is answered.
struct Edge {
    app: Data<App>,
    id: RequestId,
    line: access_log::Line,
    arrived: Arrived,
    span: Span,
}

impl Edge {
    async fn answer(self, request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
        request.extensions_mut().insert(self.id.clone());
        let wants_html = unmatched::wants_html(request.request());
        let answer = match head::refusal(&request) {
            Some(refusal) => Some(Ok(request.into_response(refusal))),
            // In a block of its own, since a service may panic before it has made its future.
            None => panic::caught(async { next.call(request).await }).await,
        };
        let mut response = match answer {
            Some(Ok(response)) => response,
            Some(Err(error)) => return Err(self.without_request(error.error_response())),
            None => {
                tracing::error!("a handler panicked");
                self.app.metrics.panics.handler.increment(1);
                let answer = error_page::rendered_alone(&self.app, &self.id, panic::answer(wants_html));
                return Err(self.without_request(answer));
            }
        };
        if let Some(cause) = error::cause(response.response()) {
            tracing::error!(cause, "a request failed");
        }
        response = error_page::rendered(&self.app, &self.id, response);
        limit::add_headers(&mut response);
        session::slide(&mut response);
        let route =
            response.request().app_data::<Route>().expect("the application has one for what no route takes");
        self.count(route, response.status());
        self.finish(response.response_mut());
        Ok(response)
    }

    /// The answer when no request is left to attach it to, and so no route either.
    fn without_request(self, mut response: HttpResponse) -> Error {
        self.count(&Route::unknown(), response.status());
        self.finish(&mut response);
        InternalError::from_response("answered at the edge", response).into()
    }

    fn count(&self, route: &Route, status: StatusCode) {
        self.arrived.answered(&self.app.metrics.registry, route, status, self.app.clock.monotonic());
    }

    fn finish(self, response: &mut HttpResponse) {
        security_headers::add(response.headers_mut(), self.app.config.server.https);
        response.headers_mut().insert(request_id::HEADER, self.id.header());
        request_span::answered(&self.span, response.status());
        self.line.write(response.status(), self.app.clock.now_ms());
    }
}
