//! What is answered where no handler is.

use actix_web::http::header::{ACCEPT, ALLOW, ContentType, HeaderValue, LOCATION};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};

use crate::error::PageError;
use crate::page::ErrorPage;

/// An unknown path: a page for browsers, the contract's text for programs. A known path with a slash too many is
/// redirected to the form without.
pub fn not_found(request: &HttpRequest) -> Result<HttpResponse, PageError> {
    if let Some(location) = without_slash(request) {
        return Ok(redirect(request, location));
    }
    if wants_html(request) {
        return Err(ErrorPage::not_found().into());
    }
    Ok(HttpResponse::NotFound().content_type(ContentType::plaintext()).body("404 page not found"))
}

/// A known path with a method that it does not answer.
pub fn method_not_allowed(
    request: &HttpRequest,
    methods: &[Method],
    is_page: bool,
) -> Result<HttpResponse, PageError> {
    let allow = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    let allow = HeaderValue::from_str(&allow).expect("methods are visible ASCII");
    if is_page && wants_html(request) {
        return Err(PageError::from(ErrorPage::method_not_allowed()).with_header(ALLOW, allow));
    }
    Ok(HttpResponse::MethodNotAllowed().insert_header((ALLOW, allow)).finish())
}

/// The target without its trailing slash, if a route is there. The path is one of ours, so a second slash in front,
/// which would lead to another host, cannot occur.
fn without_slash(request: &HttpRequest) -> Option<String> {
    let uri = request.uri();
    let path = uri.path().strip_suffix('/').filter(|path| !path.is_empty() && !path.starts_with("//"))?;
    let is_known = request.resource_map().has_resource(path);
    is_known.then(|| uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}")))
}

/// 301 lets caches learn it; a body is only sent again after 307, and a password must not be (RFC 9700 4.12).
fn redirect(request: &HttpRequest, location: String) -> HttpResponse {
    let takes_password = location.split('?').next().is_some_and(|path| path.ends_with("/login"));
    let status = match *request.method() {
        Method::GET | Method::HEAD => StatusCode::MOVED_PERMANENTLY,
        _ if takes_password => StatusCode::SEE_OTHER,
        _ => StatusCode::TEMPORARY_REDIRECT,
    };
    HttpResponse::build(status).insert_header((LOCATION, location)).finish()
}

/// True for browsers, which name the type.
pub fn wants_html(request: &HttpRequest) -> bool {
    let accepted = request.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        range.split(';').next().is_some_and(|range| range.trim().eq_ignore_ascii_case("text/html"))
    })
}
