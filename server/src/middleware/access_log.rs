//! One log line per request. It never has the query, headers or a body: codes, tokens and secrets travel there.

use actix_web::dev::ServiceRequest;
use actix_web::http::{Method, StatusCode};

use crate::client_address;

use super::request_id::RequestId;

/// Bytes of the path that are logged; ours have less than half of it.
const MAX_PATH: usize = 256;

/// What is known before the answer.
pub struct Line {
    method: Method,
    path: String,
    address: Option<String>,
    id: RequestId,
    started_ms: i64,
}

impl Line {
    /// Of a request that arrived at `started_ms`.
    pub fn of(request: &ServiceRequest, id: RequestId, started_ms: i64) -> Self {
        let path = request.uri().path();
        Self {
            method: request.method().clone(),
            // The path of a parsed URI is ASCII, so every position is the border of a character.
            path: path[..path.len().min(MAX_PATH)].to_owned(),
            address: client_address::of(request.request()).map(|address| address.to_string()),
            id,
            started_ms,
        }
    }

    /// The request's name.
    pub fn id(&self) -> &RequestId {
        &self.id
    }

    /// Writes the line.
    pub fn write(self, status: StatusCode, now_ms: i64) {
        tracing::info!(
            target: "authgate::access",
            method = self.method.as_str(),
            path = self.path,
            status = status.as_u16(),
            ms = (now_ms - self.started_ms).max(0),
            address = self.address,
            request_id = self.id.as_str(),
        );
    }
}
