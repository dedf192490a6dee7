//! The route of a request, for the log: a pattern of ours, never the path. What stands where no route is may be
//! anything, such as a code that somebody put behind the wrong slash.

use actix_web::dev::ServiceRequest;

/// Segments of a path that are looked at; ours have fewer, below the path of an issuer.
const MAX_SEGMENTS: usize = 8;

/// The pattern of the path's route. Where there is none: that of its longest beginning that has one, and `/*`.
pub(super) fn of(request: &ServiceRequest) -> String {
    let (path, routes) = (request.uri().path(), request.request().resource_map());
    if let Some(pattern) = routes.match_pattern(path) {
        return pattern;
    }
    let slashes: Vec<_> = path.match_indices('/').map(|(at, _)| at).take(MAX_SEGMENTS).collect();
    let mut beginnings = slashes.into_iter().rev().filter(|at| *at > 0).map(|at| &path[..at]);
    let known = beginnings.find_map(|beginning| routes.match_pattern(beginning));
    format!("{}/*", known.unwrap_or_default())
}
