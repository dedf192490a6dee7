//! One log line per request. It never has the path, the query, headers or a body: codes, tokens and secrets travel
//! there.

use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;

use crate::client_address;

use super::request_span;

/// What is known before the answer. The request's span adds its id, and who asked.
pub struct Line {
    method: &'static str,
    route: String,
    address: Option<String>,
    started_ms: i64,
}

impl Line {
    /// Of a request that arrived at `started_ms`.
    pub fn of(request: &ServiceRequest, route: String, started_ms: i64) -> Self {
        Self {
            method: request_span::known(request.method()),
            route,
            address: client_address::of(request.request()).map(|address| address.to_string()),
            started_ms,
        }
    }

    /// Writes the line.
    pub fn write(self, status: StatusCode, now_ms: i64) {
        tracing::info!(
            target: "authgate::access",
            method = self.method,
            route = self.route,
            status = status.as_u16(),
            ms = (now_ms - self.started_ms).max(0),
            address = self.address,
        );
    }
}
