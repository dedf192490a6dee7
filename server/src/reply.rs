//! What goes out when nothing went wrong: JSON, documents that anybody may cache, and pages.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, PRAGMA,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use authgate_core::keys::JWKS_MAX_AGE;
use serde::Serialize;

use crate::app::App;
use crate::error::PageError;
use crate::middleware::security_headers::leading_to;
use crate::page::View;

/// The media type of every JSON answer.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// JSON that nobody may store, since it is about one token, client or person (RFC 6749 5.1, deviation D13).
pub fn json(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    let body = serde_json::to_vec(body).expect("answers are plain data with text keys");
    let mut response = HttpResponse::build(status).insert_header((CONTENT_TYPE, JSON)).body(body);
    forbid_storing(response.headers_mut());
    response
}

/// A JSON document for everybody, encoded beforehand; caches may keep it for an hour, as the contract has it. A key is
/// published that long before it signs.
pub fn published(document: &Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, JSON))
        .insert_header((CACHE_CONTROL, format!("public, max-age={JWKS_MAX_AGE}")))
        .body(document.clone())
}

/// A page. Nobody may store it: it shows an account and carries the tokens of its forms.
pub fn page<V: View>(app: &App, view: &V) -> Result<HttpResponse, PageError> {
    let html = app.pages.render(view)?;
    let mut response = HttpResponse::Ok().insert_header((CONTENT_TYPE, HTML)).body(html);
    forbid_storing(response.headers_mut());
    Ok(response)
}

/// A page whose form is answered by a redirect to `redirect_uri`, which browsers follow only if the page's policy
/// names its origin (deviation D22).
pub fn page_leading_to<V: View>(app: &App, view: &V, redirect_uri: &str) -> Result<HttpResponse, PageError> {
    let mut response = page(app, view)?;
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, leading_to(redirect_uri));
    Ok(response)
}

/// 302 to a path of ours.
pub fn found(app: &App, path: &str) -> HttpResponse {
    redirect(StatusCode::FOUND, &format!("{}{path}", app.config.server.issuer_path))
}

/// On to `location`: 302 for a GET, as the contract has it, and 303 for what was posted, so that no browser posts it
/// there again (RFC 9700 4.12).
pub fn on_to(request: &HttpRequest, location: &str) -> HttpResponse {
    redirect(
        if request.method() == Method::POST { StatusCode::SEE_OTHER } else { StatusCode::FOUND },
        location,
    )
}

fn redirect(status: StatusCode, location: &str) -> HttpResponse {
    let mut response = HttpResponse::build(status).insert_header((LOCATION, location)).finish();
    forbid_storing(response.headers_mut());
    response
}

/// Marks an answer that carries a token, code or secret, or says why there is none.
pub fn forbid_storing(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
}
