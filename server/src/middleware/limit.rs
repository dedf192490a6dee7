//! Requests per window, most of them a minute (contract, deviation D20): who guesses is slowed down, by address and by account.

use std::net::IpAddr;

use actix_web::dev::ServiceResponse;
use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{HttpMessage as _, HttpRequest};
use authgate_actors::limiter::{Allowance, Verdict};
use authgate_core::audit::Event;
use authgate_core::error::{Code, Error};
use serde_json::json;

use crate::app::App;
use crate::client_address;
use crate::config::Limits;

/// What is counted, and how much of it passes.
pub struct Rule {
    /// Names the counter; two rules never share one.
    pub name: &'static str,
    /// Attempts in a window: the configured number.
    pub limit: fn(&Limits) -> u32,
    /// The length of a window in seconds.
    pub window: i64,
}

/// The two sides of client authentication.
pub struct ClientRules {
    /// Failures, by address.
    pub failures: Rule,
    /// Requests that are authenticated by a secret, by client.
    pub requests: Rule,
}

impl Rule {
    const fn per_minute(name: &'static str, limit: fn(&Limits) -> u32) -> Self {
        Self { name, limit, window: 60 }
    }

    fn allowance(&self, limits: &Limits) -> Allowance {
        Allowance { limit: (self.limit)(limits), window: self.window }
    }
}

/// Failed logins from an address.
pub const LOGIN_ADDRESS: Rule = Rule::per_minute("login-address", |limits| limits.login);
/// Failed logins into an account.
pub const LOGIN_ACCOUNT: Rule = Rule::per_minute("login-account", |limits| limits.login);
/// Client authentication at the introspection endpoint.
pub const INTROSPECT: ClientRules = ClientRules {
    failures: Rule::per_minute("introspect-address", |limits| limits.introspect),
    requests: Rule::per_minute("introspect-client", |limits| limits.introspect_client),
};
/// Client authentication everywhere else.
pub const TOKEN: ClientRules = ClientRules {
    failures: Rule::per_minute("token-address", |limits| limits.token),
    requests: Rule::per_minute("token-client", |limits| limits.token_client),
};
/// Device flows that public clients start from an address.
pub const DEVICE_CODE: Rule = Rule::per_minute("device-code", |limits| limits.device_code);
/// User codes looked up from an address.
pub const DEVICE_VERIFY: Rule = Rule::per_minute("device-verify", |limits| limits.device_verify);

/// Clients that register themselves from an address.
pub const REGISTER: Rule = Rule::per_minute("register", |limits| limits.register);
/// Changes of a registration by its client.
pub const REGISTRATION_CHANGE: Rule = Rule::per_minute("registration-change", |limits| limits.register);

/// Wrong user codes of one person: ten in ten minutes (deviation D46).
pub const DEVICE_WRONG: Rule = Rule { name: "device-wrong", limit: |_| 10, window: 600 };

/// Why a request did not pass.
#[derive(Debug)]
pub enum Exceeded {
    /// Too many in this window.
    Limit {
        /// The state of the counter.
        verdict: Verdict,
        /// Seconds until the counter starts again, at least 1.
        retry_after: i64,
    },
    /// The limiter cannot say; nobody passes unseen.
    Busy,
}

/// Counts one; `None` if limits are switched off.
pub async fn take(
    app: &App,
    request: &HttpRequest,
    rule: &Rule,
    key: &str,
) -> Result<Option<Verdict>, Exceeded> {
    ask(app, request, rule, key, true).await
}

/// The state of a counter, without counting; `None` if limits are switched off.
pub async fn look(
    app: &App,
    request: &HttpRequest,
    rule: &Rule,
    key: &str,
) -> Result<Option<Verdict>, Exceeded> {
    ask(app, request, rule, key, false).await
}

async fn ask(
    app: &App,
    request: &HttpRequest,
    rule: &Rule,
    key: &str,
    counts: bool,
) -> Result<Option<Verdict>, Exceeded> {
    let limits = &app.config.limits;
    if !limits.enabled {
        return Ok(None);
    }
    let (key, allowance, now_ms) = (key.to_owned(), rule.allowance(limits), app.clock.now_ms());
    let verdict = if counts {
        app.limiter.take(rule.name, key, allowance, now_ms).await
    } else {
        app.limiter.look(rule.name, key, allowance, now_ms).await
    };
    within(app, request, rule, verdict.map_err(|_| Exceeded::Busy)?).await.map(Some)
}

/// The first refusal of a window is written down; the others of it are the same caller at the same door.
async fn within(
    app: &App,
    request: &HttpRequest,
    rule: &Rule,
    verdict: Verdict,
) -> Result<Verdict, Exceeded> {
    if verdict.allowed {
        return Ok(verdict);
    }
    if verdict.refused == 1 {
        let endpoint = request.match_pattern();
        let details = json!({"endpoint": endpoint, "requests_per_minute": verdict.limit, "rule": rule.name});
        let event = Event::warning("RATE_LIMIT_EXCEEDED", "Rate limit exceeded");
        let event = Event { error: Some("rate limit exceeded"), ..event.with(details) };
        app.record(request, event).await.map_err(|_| Exceeded::Busy)?;
    }
    let retry_after = (verdict.reset - app.context().now()).max(1);
    Err(Exceeded::Limit { verdict, retry_after })
}

/// Counts one that was let through after a [`look`], and notes it. Another may have taken the last one meanwhile, and a
/// limiter in trouble does not count: what was done is done.
pub async fn count(app: &App, request: &HttpRequest, rule: &Rule, key: &str) {
    if app.config.limits.enabled {
        let allowance = rule.allowance(&app.config.limits);
        let counted = app.limiter.take(rule.name, key.to_owned(), allowance, app.clock.now_ms()).await;
        note(request, counted.ok());
    }
}

/// Notes in the answer of a limited endpoint where the caller's counter stands.
pub fn note(request: &HttpRequest, verdict: Option<Verdict>) {
    if let Some(verdict) = verdict {
        request.extensions_mut().insert(verdict);
    }
}

/// The caller's address as a limiter's key. Whoever has one IPv6 address has the whole /64 it is in.
pub fn address(request: &HttpRequest) -> String {
    client_address::of(request).map_or_else(String::new, key_of)
}

fn key_of(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// Tells the caller of a limited endpoint where its counter stands (contract).
pub fn add_headers(response: &mut ServiceResponse) {
    let verdict = response.request().extensions().get::<Verdict>().copied();
    for (name, value) in verdict.iter().flat_map(counter) {
        response.headers_mut().insert(name, value);
    }
}

fn counter(verdict: &Verdict) -> [(HeaderName, HeaderValue); 3] {
    [
        (HeaderName::from_static("x-ratelimit-limit"), verdict.limit.into()),
        (HeaderName::from_static("x-ratelimit-remaining"), verdict.remaining.into()),
        (HeaderName::from_static("x-ratelimit-reset"), verdict.reset.into()),
    ]
}

impl Exceeded {
    /// The headers of the refusal.
    pub fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        match self {
            Exceeded::Limit { verdict, retry_after } => {
                let mut headers = counter(verdict).to_vec();
                headers.push((RETRY_AFTER, (*retry_after).into()));
                headers
            }
            Exceeded::Busy => vec![(RETRY_AFTER, HeaderValue::from_static("1"))],
        }
    }
}

impl From<Exceeded> for Error {
    fn from(exceeded: Exceeded) -> Self {
        match exceeded {
            Exceeded::Limit { .. } => {
                Error::refused(Code::RateLimitExceeded, "Too many requests. Please try again later.")
            }
            Exceeded::Busy => Error::refused(Code::TemporarilyUnavailable, "the server is busy, try again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::key_of;

    #[test]
    fn adv_21_an_ipv6_network_is_one_caller() {
        let key = |text: &str| key_of(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), key("2001:db8:1:2::9"));
        assert_ne!(key("2001:db8:1:2::"), key("2001:db8:1:3::"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
