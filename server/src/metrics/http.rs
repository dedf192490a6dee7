//! Requests by method, route and status.

use std::cell::RefCell;
use std::time::Instant;

use actix_web::http::{Method, StatusCode};
use metrics::{Counter, Gauge, Histogram};

use super::catalogue::{REQUEST_DURATION, REQUESTS, REQUESTS_IN_FLIGHT};
use super::registry::Registry;

/// A route, and the series of its requests. Each worker has its own, so counting takes no lock. They are as many as
/// methods and statuses of ours: callers cannot make more.
pub struct Route {
    path: String,
    counts: RefCell<Vec<(&'static str, StatusCode, Counter)>>,
    durations: RefCell<Vec<(&'static str, Histogram)>>,
}

impl Route {
    /// The route of a pattern of actix-web's router, with `{id}` written as `:id`, which the contract's dashboards know.
    pub fn at(pattern: &str) -> Self {
        let segment = |segment: &str| match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}'))
        {
            Some(name) => match name.split_once(':') {
                Some((name, _)) => format!("*{name}"),
                None => format!(":{name}"),
            },
            None => segment.to_owned(),
        };
        let path = pattern.split('/').map(segment).collect::<Vec<_>>().join("/");
        Self { path, counts: RefCell::default(), durations: RefCell::default() }
    }

    /// For what no route takes.
    pub fn unknown() -> Self {
        Self::at("unknown")
    }

    fn count(&self, registry: &Registry, method: &'static str, status: StatusCode) {
        let mut counts = self.counts.borrow_mut();
        if let Some((_, _, counter)) = counts.iter().find(|(m, s, _)| *m == method && *s == status) {
            return counter.increment(1);
        }
        let counter = registry.counter(&REQUESTS, &[method, &self.path, status.as_str()]);
        counter.increment(1);
        counts.push((method, status, counter));
    }

    fn time(&self, registry: &Registry, method: &'static str, seconds: f64) {
        let mut durations = self.durations.borrow_mut();
        if let Some((_, histogram)) = durations.iter().find(|(m, _)| *m == method) {
            return histogram.record(seconds);
        }
        let histogram = registry.histogram(&REQUEST_DURATION, &[method, &self.path]);
        histogram.record(seconds);
        durations.push((method, histogram));
    }
}

/// Requests that are being answered.
pub struct Http {
    in_flight: Gauge,
}

impl Http {
    pub(super) fn new(registry: &Registry) -> Self {
        Self { in_flight: registry.gauge(&REQUESTS_IN_FLIGHT, &[]) }
    }

    /// A request has arrived.
    pub fn arrived(&self, method: &Method, at: Instant) -> Arrived {
        self.in_flight.increment(1);
        Arrived { method: label(method), at, in_flight: self.in_flight.clone() }
    }
}

/// A request that is being answered, until it is dropped.
pub struct Arrived {
    method: &'static str,
    at: Instant,
    in_flight: Gauge,
}

impl Arrived {
    /// It was answered at `now`.
    pub fn answered(&self, registry: &Registry, route: &Route, status: StatusCode, now: Instant) {
        route.count(registry, self.method, status);
        route.time(registry, self.method, now.duration_since(self.at).as_secs_f64());
    }
}

impl Drop for Arrived {
    fn drop(&mut self) {
        self.in_flight.decrement(1);
    }
}

/// Anybody can invent methods: those that nobody registered share one name.
fn label(method: &Method) -> &'static str {
    ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"]
        .into_iter()
        .find(|known| *known == method.as_str())
        .unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_spelled_as_the_contract_has_them() {
        let path = |pattern| Route::at(pattern).path;
        assert_eq!(path("/account/sessions/{id}/revoke"), "/account/sessions/:id/revoke");
        assert_eq!(path("/static/{file:.*}"), "/static/*file");
        assert_eq!((path("/"), path("/oauth/token")), ("/".into(), "/oauth/token".into()));
        assert_eq!(Route::unknown().path, "unknown");
    }

    #[test]
    fn invented_methods_share_a_name() {
        assert_eq!(label(&Method::PATCH), "PATCH");
        assert_eq!(label(&Method::TRACE), "other");
        assert_eq!(label(&Method::from_bytes(b"get").unwrap()), "other");
    }
}
