//! The span of a request: the lines that are logged in it say whose they are, and it is where its trace begins here.

use actix_web::dev::ServiceRequest;
use actix_web::http::{Method, StatusCode};
use authgate_core::trace::SPANS;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::request_id::RequestId;
use crate::traces;

/// Its name.
pub const REQUEST: &str = "request";

/// The span of this request. At the level of errors, so that the id is there whatever is logged.
pub(super) fn of(id: &RequestId) -> Span {
    tracing::error_span!(
        target: SPANS,
        REQUEST,
        request_id = id.as_str(),
        trace_id = Empty,
        client_id = Empty,
        user_id = Empty,
        otel.name = Empty,
        otel.kind = Empty,
        otel.status_code = Empty,
        http.request.method = Empty,
        http.route = Empty,
        http.response.status_code = Empty,
        url.scheme = Empty,
    )
}

/// Makes a trace of it, continuing the caller's: in the words of OpenTelemetry's conventions for HTTP, without query,
/// path and headers.
pub(super) fn trace(span: &Span, request: &ServiceRequest, route: &str, https: bool) {
    let method = known(request.method());
    span.record("otel.kind", "server");
    span.record("otel.name", format!("{method} {route}"));
    span.record("http.request.method", method);
    span.record("http.route", route);
    span.record("url.scheme", if https { "https" } else { "http" });
    if let Some(parent) = traces::parent(request.headers()) {
        // Refused only where nobody collects this span.
        let _ = span.set_parent(parent);
    }
    if let Some(trace_id) = traces::trace_id(span) {
        span.record("trace_id", trace_id);
    }
}

/// How it was answered.
pub(super) fn answered(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

/// The method, if it is one that we know: callers may invent some.
pub(super) fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"];
    KNOWN.into_iter().find(|known| method == *known).unwrap_or("_OTHER")
}

/// Notes the client of the request at hand, once it is known to be one.
pub fn client(id: &str) {
    Span::current().record("client_id", id);
}

/// Notes who sits before the browser of the request at hand.
pub fn user(id: &str) {
    Span::current().record("user_id", id);
}
