//! Turns the error of a page into HTML, once the request is known that it names.

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::dev::{ResponseHead, ServiceResponse};
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};

use super::request_id::RequestId;
use crate::app::App;
use crate::error::PageError;
use crate::page::ErrorPage;

/// The answer with its error rendered, if it has one for a person. What cannot be rendered stays plain text.
pub fn rendered(app: &App, id: &RequestId, response: ServiceResponse) -> ServiceResponse {
    let Some(html) = html(app, id, response.response()) else { return response };
    response.map_body(|head, _| page(head, html))
}

/// The same where no request is left.
pub fn rendered_alone(app: &App, id: &RequestId, response: HttpResponse) -> HttpResponse {
    let Some(html) = html(app, id, &response) else { return response };
    response.map_body(|head, _| page(head, html))
}

fn page(head: &mut ResponseHead, html: String) -> BoxBody {
    head.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    BoxBody::new(html)
}

fn html(app: &App, id: &RequestId, response: &HttpResponse) -> Option<String> {
    let error = response.error()?.as_error::<PageError>()?;
    let page = ErrorPage { request_id: Some(id.as_str().to_owned()), ..error.page().clone() };
    let html = app.pages.render(&page);
    html.inspect_err(|cause| tracing::error!(%cause, "an error page failed")).ok()
}
