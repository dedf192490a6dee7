//! Requests per window, most of them a minute (contract, deviation D20): who guesses is slowed down, by address and by account.

use std::net::IpAddr;

use actix_web::dev::ServiceResponse;
use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{HttpMessage as _, HttpRequest};
use authgate_actors::limiter::{Allowance, Verdict};
use authgate_core::error::{Code, Error};

use crate::app::App;
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
/// Failed client authentications at the token endpoint from an address.
pub const TOKEN_ADDRESS: Rule = Rule::per_minute("token-address", |limits| limits.token);
/// Failed client authentications at the introspection endpoint from an address.
pub const INTROSPECT_ADDRESS: Rule = Rule::per_minute("introspect-address", |limits| limits.introspect);
/// User codes looked up from an address.
pub const DEVICE_VERIFY: Rule = Rule::per_minute("device-verify", |limits| limits.device_verify);

/// Clients that register themselves from an address.
pub const REGISTER: Rule = Rule::per_minute("register", |limits| limits.register);

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
pub async fn take(app: &App, rule: &Rule, key: &str) -> Result<Option<Verdict>, Exceeded> {
    let limits = &app.config.limits;
    if !limits.enabled {
        return Ok(None);
    }
    let now_ms = app.clock.now_ms();
    let verdict = app.limiter.take(rule.name, key.to_owned(), rule.allowance(limits), now_ms).await;
    let verdict = verdict.map_err(|_| Exceeded::Busy)?;
    if verdict.allowed {
        return Ok(Some(verdict));
    }
    let retry_after = (verdict.reset - now_ms.div_euclid(1000)).max(1);
    Err(Exceeded::Limit { verdict, retry_after })
}

/// Notes in the answer of a limited endpoint where the counter of the caller's address stands. A failure is counted, and
/// refused if there were too many.
///
/// It is counted when the outcome is known, so that nobody who succeeds is held up: not by neighbours behind the same
/// address, not by requests of its own that are under way. Racing failures are still counted one by one.
pub async fn after(app: &App, request: &HttpRequest, rule: &Rule, failed: bool) -> Result<(), Exceeded> {
    let (limits, key) = (&app.config.limits, address(request));
    let verdict = if failed {
        take(app, rule, &key).await?
    } else if limits.enabled {
        // A limiter that cannot say does not take back what succeeded.
        app.limiter.look(rule.name, key, rule.allowance(limits), app.clock.now_ms()).await.ok()
    } else {
        None
    };
    if let Some(verdict) = verdict {
        request.extensions_mut().insert(verdict);
    }
    Ok(())
}

/// The caller's address as a limiter's key. Whoever has one IPv6 address has the whole /64 it is in.
pub fn address(request: &HttpRequest) -> String {
    request.peer_addr().map_or_else(String::new, |peer| key_of(peer.ip()))
}

fn key_of(ip: IpAddr) -> String {
    match ip.to_canonical() {
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
        assert_eq!(key("::ffff:192.0.2.1"), "192.0.2.1");
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
