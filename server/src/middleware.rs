//! What happens around every request, whatever it asks for.
//!
//! A request gets an id, a panicking handler becomes a 500, an error for a person becomes a page, every answer gets
//! the security headers, and one line is logged. Limits and cross-origin answers belong to single endpoints: see
//! [`limit`] and [`cors`].

mod access_log;
pub mod cors;
mod error_page;
mod head;
pub mod limit;
mod panic;
pub mod request_id;
pub mod security_headers;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpResponse};

use crate::app::App;
use crate::client_address;
use crate::error;
use crate::metrics::{Arrived, Route};
use crate::serve::patient::Requests;
use crate::session;
use request_id::RequestId;

/// Wraps the whole application.
pub async fn edge(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    let app = App::of(request.request()).clone();
    client_address::note(&request, &app.config.server.trusted_proxies);
    let _running = request.conn_data::<Requests>().map(Requests::begin);
    let id = RequestId::new(app.random.as_ref());
    let line = access_log::Line::of(&request, id.clone(), app.clock.now_ms());
    let arrived = app.metrics.http.arrived(request.method(), app.clock.monotonic());
    request.extensions_mut().insert(id.clone());

    let answer = match head::refusal(&request) {
        Some(refusal) => Some(Ok(request.into_response(refusal))),
        None => panic::caught(next.call(request)).await,
    };
    let mut response = match answer {
        Some(Ok(response)) => response,
        Some(Err(error)) => return Err(without_request(&app, (line, arrived), error.error_response())),
        None => {
            tracing::error!(request_id = id.as_str(), "a handler panicked");
            let response = HttpResponse::InternalServerError().finish();
            return Err(without_request(&app, (line, arrived), response));
        }
    };
    if let Some(cause) = error::cause(response.response()) {
        tracing::error!(request_id = id.as_str(), cause, "a request failed");
    }
    response = error_page::rendered(&app, &id, response);
    limit::add_headers(&mut response);
    session::slide(&mut response);
    let route =
        response.request().app_data::<Route>().expect("the application has one for what no route takes");
    count(&app, &arrived, route, response.status());
    finish(&app, line, response.response_mut());
    Ok(response)
}

fn finish(app: &App, line: access_log::Line, response: &mut HttpResponse) {
    security_headers::add(response.headers_mut(), app.config.server.https);
    id_header(&line, response);
    line.write(response.status(), app.clock.now_ms());
}

fn id_header(line: &access_log::Line, response: &mut HttpResponse) {
    response.headers_mut().insert(request_id::HEADER, line.id().header());
}

fn count(app: &App, arrived: &Arrived, route: &Route, status: StatusCode) {
    arrived.answered(&app.metrics.registry, route, status, app.clock.monotonic());
}

/// The answer when no request is left to attach it to, and so no route either.
fn without_request(app: &App, of: (access_log::Line, Arrived), mut response: HttpResponse) -> Error {
    let (line, arrived) = of;
    count(app, &arrived, &Route::unknown(), response.status());
    finish(app, line, &mut response);
    InternalError::from_response("answered at the edge", response).into()
}
