//! Cross-origin answers of the API (deviation D43): exact origins or `*`, never `null`, never with credentials.

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap,
    HeaderValue, ORIGIN, VARY,
};
use actix_web::middleware::Next;

use crate::app::App;
use crate::config::Cors;

/// Wraps an endpoint that pages of other origins may call. Without configuration it changes nothing.
pub async fn cross_origin(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, actix_web::Error> {
    let app = App::of(request.request()).clone();
    let Some(cors) = &app.config.cors else { return next.call(request).await };
    let allowed = allowed(cors, request.headers());
    if is_preflight(&request) {
        return Ok(request.into_response(preflight(cors, allowed)));
    }
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers
            .insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("WWW-Authenticate, Retry-After"));
    }
    Ok(response)
}

/// The value of `Access-Control-Allow-Origin`; `None` for an origin that gets no answer.
fn allowed(cors: &Cors, headers: &HeaderMap) -> Option<HeaderValue> {
    let mut origins = headers.get_all(ORIGIN);
    let (origin, None) = (origins.next()?, origins.next()) else { return None };
    // Sandboxed frames and local files call themselves `null`: anybody can be that.
    if origin == "null" {
        return None;
    }
    let known = cors.origins.iter().find(|known| *known == "*" || known.as_bytes() == origin.as_bytes())?;
    HeaderValue::from_str(known).ok()
}

fn is_preflight(request: &ServiceRequest) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The browser compares method and headers with these lists; a foreign origin gets none.
fn preflight(cors: &Cors, allowed: Option<HeaderValue>) -> HttpResponse {
    let vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
    let mut response = HttpResponse::NoContent();
    response.insert_header((VARY, vary));
    if let Some(origin) = allowed {
        response
            .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, origin))
            .insert_header((ACCESS_CONTROL_ALLOW_METHODS, cors.methods.join(",")))
            .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, cors.headers.join(",")))
            .insert_header((ACCESS_CONTROL_MAX_AGE, cors.max_age));
    }
    response.finish()
}
