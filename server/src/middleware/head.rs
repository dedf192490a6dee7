//! The size of a request's head. HTTP/1 stops at 128 KiB and 96 headers by itself; HTTP/2 would take megabytes.

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;

/// Longest target in bytes: authorization requests of 16 KiB pass, with room for an interaction's own parameters.
const MAX_TARGET: usize = 20 * 1024;
/// Most bytes of headers: the cookies and the `Authorization` header of a browser stay far below.
const MAX_HEADERS: usize = 16 * 1024;

/// The refusal of a head that is too large (RFC 9110 15.5.15, RFC 6585 5).
pub fn refusal(request: &ServiceRequest) -> Option<HttpResponse> {
    let uri = request.uri();
    if uri.path().len() + uri.query().map_or(0, str::len) > MAX_TARGET {
        return Some(HttpResponse::new(StatusCode::URI_TOO_LONG));
    }
    let headers = request.headers().iter();
    let bytes: usize = headers.map(|(name, value)| name.as_str().len() + value.len()).sum();
    (bytes > MAX_HEADERS).then(|| HttpResponse::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE))
}
