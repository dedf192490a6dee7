//! Panics in the place of a handler, so that tests show on every route what becomes of one. Debug builds only.

use actix_web::Route;
use actix_web::dev::ServiceRequest;
use actix_web::middleware::{Next, from_fn};

/// The route; if `AUTHGATE_PANIC_HEADER` names a header, requests that have it make the route panic.
pub(super) fn armed(route: Route) -> Route {
    let Some(header) = std::env::var("AUTHGATE_PANIC_HEADER").ok() else { return route };
    route.wrap(from_fn(move |request: ServiceRequest, next: Next<_>| {
        assert!(!request.headers().contains_key(&header), "a test asked for it");
        next.call(request)
    }))
}
