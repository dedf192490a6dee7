//! `/swagger`: the OpenAPI document, and Swagger UI to try it out, where the operator switched them on.

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_SECURITY_POLICY;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::app::App;
use crate::error::PageError;
use crate::middleware::security_headers;
use crate::routes::unmatched;
use crate::{assets, openapi, reply};

/// Where it is; the second address is the one that the reference's README names.
pub const BASES: [&str; 2] = ["/swagger", "/api/swagger"];

/// `GET /swagger`.
pub async fn index(app: Data<App>) -> HttpResponse {
    reply::found(&app, "/swagger/index.html")
}

/// `GET /swagger/{file}`.
pub async fn file(
    app: Data<App>,
    request: HttpRequest,
    name: Path<String>,
) -> Result<HttpResponse, PageError> {
    match name.as_str() {
        "" => return Ok(index(app).await),
        "doc.json" => return Ok(reply::json(StatusCode::OK, &openapi::document(&app.config))),
        _ => {}
    }
    let path = format!("/swagger/{name}");
    let Some(asset) = app.pages.asset(&path) else { return unmatched::not_found(&request) };
    let mut response = assets::answer(&app, asset);
    if name.as_str() == "index.html" {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, security_headers::trying_out());
    }
    Ok(response)
}
