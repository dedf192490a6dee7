//! Numbers for monitoring (contract, 6.4): what is counted where, and `GET /metrics`, which shows them.
//!
//! There is no global recorder. [`Metrics`] belongs to the [`App`] and has a handle for every series with known labels, so
//! that counting is an addition to an atomic number. `METRICS_ENABLED=false` makes every handle do nothing.

pub mod catalogue;
mod committed;
mod http;
mod living;
mod metric;
mod oauth;
mod panics;
mod process;
mod registry;
mod sign_in;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, WWW_AUTHENTICATE};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use authgate_actors::measures::Measures;
use authgate_core::counting::Living;
use authgate_core::secret::{Secret, same};
use metrics::{Counter, Gauge, Histogram};
use serde_json::json;

use crate::app::App;
use crate::oauth::bearer;
use crate::reply;
use catalogue::{
    ACTOR_QUEUE, ACTOR_QUEUE_CAPACITY, ACTOR_REFUSED, ACTOR_RESTARTS, ACTOR_WAIT, AUDIT_DROPPED, BUILD_INFO,
    CACHE_HITS, CACHE_MISSES, CATALOGUE, COMMIT_BATCH, COMMIT_DURATION, HASH_QUEUE, HASH_REFUSED, HASH_WAIT,
    READ_WAIT, READS_REFUSED, WRITE_LOCK_WAIT,
};
pub use committed::Committed;
pub use http::{Arrived, Http, Route};
pub use living::Gauged;
pub use metric::{Kind, Metric};
pub use oauth::OAuth;
pub use panics::{Panics, Watched};
pub use registry::Registry;
pub use sign_in::SignIn;

/// Every number of one server.
pub struct Metrics {
    /// Where they are.
    pub registry: Arc<Registry>,
    /// Requests.
    pub http: Http,
    /// Device codes and tokens.
    pub oauth: OAuth,
    /// Passwords.
    pub sign_in: SignIn,
    /// What transactions did.
    pub committed: Committed,
    /// What is alive; none if others show it (`METRICS_GAUGE_UPDATE_ENABLED=false`).
    pub living: Option<[Gauged; Living::ALL.len()]>,
    /// Panics that were caught.
    pub panics: Panics,
    /// From asking for a reader to having one.
    pub read_wait: Histogram,
    /// Reads refused because too many waited.
    pub reads_refused: Counter,
}

impl Metrics {
    /// All at their beginning; `gauges` says whether this server shows what is alive.
    pub fn new(enabled: bool, gauges: bool) -> Self {
        let registry = Arc::new(Registry::new(enabled, CATALOGUE));
        registry.gauge(&BUILD_INFO, &[env!("CARGO_PKG_VERSION")]).set(1);
        registry.counter(&AUDIT_DROPPED, &[]).absolute(0);
        Self {
            http: Http::new(&registry),
            oauth: OAuth::new(&registry),
            sign_in: SignIn::new(&registry),
            committed: Committed::new(&registry),
            living: (enabled && gauges).then(|| living::all(&registry)),
            panics: Panics::new(&registry),
            read_wait: registry.histogram(&READ_WAIT, &[]),
            reads_refused: registry.counter(&READS_REFUSED, &[]),
            registry,
        }
    }

    /// Where actors note what they cost.
    pub fn of_actors(&self) -> Measures {
        let registry = Arc::clone(&self.registry);
        Measures {
            wait: Arc::new(move |actor| registry.histogram(&ACTOR_WAIT, &[actor])),
            batch: self.registry.histogram(&COMMIT_BATCH, &[]),
            lock: self.registry.histogram(&WRITE_LOCK_WAIT, &[]),
            commit: self.registry.histogram(&COMMIT_DURATION, &[]),
        }
    }

    /// Where what is remembered is counted.
    pub fn of_caches(&self) -> Caches {
        Caches(Arc::clone(&self.registry))
    }

    /// Where the password threads do.
    pub fn of_hasher(&self) -> Hashing {
        Hashing {
            waiting: self.registry.gauge(&HASH_QUEUE, &[]),
            wait: self.registry.histogram(&HASH_WAIT, &[]),
            refused: self.registry.counter(&HASH_REFUSED, &[]),
            panicked: self.panics.password.clone(),
        }
    }
}

/// Counts what was remembered, and what had to be read.
pub struct Caches(Arc<Registry>);

impl Caches {
    /// Hits and misses of one of them.
    pub fn of(&self, name: &str) -> (Counter, Counter) {
        (self.0.counter(&CACHE_HITS, &[name]), self.0.counter(&CACHE_MISSES, &[name]))
    }
}

/// What the password threads note.
#[derive(Clone)]
pub struct Hashing {
    /// Jobs that wait.
    pub waiting: Gauge,
    /// How long they did.
    pub wait: Histogram,
    /// Jobs refused because too many waited.
    pub refused: Counter,
    /// Jobs that panicked.
    pub panicked: Counter,
}

/// `GET /metrics`.
pub async fn get(app: Data<App>, request: HttpRequest) -> HttpResponse {
    if let Some(token) = &app.config.metrics.token
        && let Err(message) = authorized(&request, token)
    {
        let body = json!({ "error": "unauthorized", "message": message });
        let mut refused = reply::json(StatusCode::UNAUTHORIZED, &body);
        refused.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer realm="Metrics""#));
        return refused;
    }
    let text = "text/plain; version=0.0.4; charset=utf-8";
    let mut shown = HttpResponse::Ok().content_type(text).body(render(&app));
    // It may have been shown to a token, and is old at once.
    reply::forbid_storing(shown.headers_mut());
    shown
}

/// Whether the request carries the token; else the contract's words.
fn authorized(request: &HttpRequest, token: &Secret) -> Result<(), &'static str> {
    let header = bearer::authorization(request).ok().flatten();
    let sent = header.and_then(|header| header.split_once(' '));
    let Some((_, sent)) = sent.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else {
        return Err("Bearer token required");
    };
    if same(sent.trim_matches(' ').as_bytes(), token.expose().as_bytes()) {
        Ok(())
    } else {
        Err("Invalid token")
    }
}

fn render(app: &App) -> String {
    let registry = &app.metrics.registry;
    for actor in app.health.actors() {
        let name = &[actor.name];
        registry.gauge(&ACTOR_QUEUE, name).set(count(actor.queue));
        registry.gauge(&ACTOR_QUEUE_CAPACITY, name).set(count(actor.capacity));
        registry.counter(&ACTOR_RESTARTS, name).absolute(actor.restarts);
        registry.counter(&ACTOR_REFUSED, name).absolute(actor.turned_away);
    }
    registry.render() + &process::render()
}

/// Mailboxes hold some thousands.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
