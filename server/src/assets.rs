//! What the pages link to: style and icons, embedded in the program.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};

use crate::app::App;
use crate::error::PageError;
use crate::page::Asset;
use crate::routes::unmatched;

/// `GET /static/{file}`.
pub async fn file(request: HttpRequest, file: Path<String>) -> Result<HttpResponse, PageError> {
    find(&request, &format!("/static/{file}"))
}

/// `GET /favicon.ico`.
pub async fn favicon(request: HttpRequest) -> Result<HttpResponse, PageError> {
    find(&request, "/favicon.ico")
}

fn find(request: &HttpRequest, path: &str) -> Result<HttpResponse, PageError> {
    let app = App::of(request);
    app.pages.asset(path).map_or_else(|| unmatched::not_found(request), |asset| Ok(answer(app, asset)))
}

/// The file, with how long browsers may keep it.
pub fn answer(app: &App, asset: &Asset) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static(asset.content_type)));
    if asset.compressed {
        response.insert_header((CONTENT_ENCODING, "gzip"));
    }
    match (asset.immutable, app.config.server.static_max_age) {
        (true, _) => drop(response.insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))),
        (false, Some(age)) => drop(response.insert_header((CACHE_CONTROL, format!("public, max-age={age}")))),
        (false, None) => {}
    }
    response.body(asset.bytes)
}
