//! Requests per minute (contract, deviation D20): who guesses is slowed down, by address and by account.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use authgate_actors::limiter::Verdict;
use authgate_core::error::{Code, Error};

use crate::app::App;
use crate::config::Limits;

/// What is counted, and how much of it passes in a minute.
pub struct Rule {
    /// Names the counter; two rules never share one.
    pub name: &'static str,
    /// The configured number.
    pub per_minute: fn(&Limits) -> u32,
}

/// Failed logins from an address.
pub const LOGIN_ADDRESS: Rule = Rule { name: "login-address", per_minute: |limits| limits.login };
/// Failed logins into an account.
pub const LOGIN_ACCOUNT: Rule = Rule { name: "login-account", per_minute: |limits| limits.login };
/// Failed client authentications at the token endpoint from an address.
pub const TOKEN_ADDRESS: Rule = Rule { name: "token-address", per_minute: |limits| limits.token };
/// Failed client authentications at the introspection endpoint from an address.
pub const INTROSPECT_ADDRESS: Rule =
    Rule { name: "introspect-address", per_minute: |limits| limits.introspect };
/// User codes looked up from an address.
pub const DEVICE_VERIFY: Rule = Rule { name: "device-verify", per_minute: |limits| limits.device_verify };

/// Wrong user codes of one person (deviation D46).
pub const DEVICE_WRONG: Rule = Rule { name: "device-wrong", per_minute: |_| 10 };

/// Why a request did not pass.
#[derive(Debug)]
pub enum Exceeded {
    /// Too many in this minute.
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
    let limit = (rule.per_minute)(limits);
    let verdict = app.limiter.take(rule.name, key.to_owned(), limit, now_ms).await;
    let verdict = verdict.map_err(|_| Exceeded::Busy)?;
    if verdict.allowed {
        return Ok(Some(verdict));
    }
    let retry_after = (verdict.reset - now_ms.div_euclid(1000)).max(1);
    Err(Exceeded::Limit { verdict, retry_after })
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

/// Tells the caller where its counter stands (contract).
pub fn add_headers(headers: &mut HeaderMap, verdict: &Verdict) {
    for (name, value) in counter(verdict) {
        headers.insert(name, value);
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
