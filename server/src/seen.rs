//! How a request looked when it arrived, told to `authgate doctor`: it asks through the public address, and so learns what
//! the proxies on the way do to the caller's address.
//!
//! Only who has the master key is told, for a minute: strangers need not know the addresses within. Whoever reads the
//! question on its way can ask the same for as long, and learns nothing else.

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use authgate_core::master::Master;
use authgate_core::secret::{base64url, same};

use crate::app::App;
use crate::reply::forbid_storing;

/// The header that asks: unix seconds, a dot, and a MAC over them.
pub const QUESTION: &str = "x-authgate-doctor";
/// The header that answers: see [`Seen`].
pub const ANSWER: &str = "x-authgate-seen";

/// Seconds for which a question is answered; clocks that differ by more are a finding of their own.
const FRESH: i64 = 60;
/// What proxies add.
const BY_PROXIES: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/// How a request looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The caller's address as limits and the audit trail have it.
    pub client: String,
    /// The address at the other end of the connection.
    pub peer: String,
    /// True if a proxy left its mark on the request.
    pub proxied: bool,
}

impl Seen {
    /// Reads an answer.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut word = || words.next().map(str::to_owned);
        let (client, peer, by) = (word()?, word()?, word()?);
        Some(Self { client, peer, proxied: by == "proxied" })
    }

    fn text(&self) -> String {
        format!("{} {} {}", self.client, self.peer, if self.proxied { "proxied" } else { "direct" })
    }
}

/// The question of this moment, in unix seconds.
pub fn question(master: &Master, now: i64) -> String {
    format!("{now}.{}", base64url(&master.mac("doctor", now.to_string().as_bytes())))
}

/// The same response, with the answer if the request asks.
pub fn told(app: &App, request: &HttpRequest, mut response: HttpResponse) -> HttpResponse {
    if is_asked(request.headers(), &app.master, app.context().now())
        && let Ok(answer) = HeaderValue::from_str(&seen(app, request).text())
    {
        let headers = response.headers_mut();
        headers.insert(header::HeaderName::from_static(ANSWER), answer);
        forbid_storing(headers);
    }
    response
}

fn is_asked(headers: &HeaderMap, master: &Master, now: i64) -> bool {
    let Some(asked) = headers.get(QUESTION).and_then(|value| value.to_str().ok()) else { return false };
    let time = asked.split_once('.').and_then(|(time, _)| time.parse::<i64>().ok());
    time.is_some_and(|time| {
        now.abs_diff(time) <= FRESH.unsigned_abs()
            && same(question(master, time).as_bytes(), asked.as_bytes())
    })
}

fn seen(app: &App, request: &HttpRequest) -> Seen {
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical().to_string());
    Seen {
        client: app.origin(request).ip.unwrap_or_else(|| "unknown".into()),
        peer: peer.unwrap_or_else(|| "unknown".into()),
        proxied: BY_PROXIES.iter().any(|name| request.headers().contains_key(*name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use authgate_core::secret::Secret;

    const NOW: i64 = 1_800_000_000;

    fn is_answered(text: &str, now: i64) -> bool {
        let master = Master::from_text(&Secret::new("A".repeat(43))).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::HeaderName::from_static(QUESTION), HeaderValue::from_str(text).unwrap());
        is_asked(&headers, &master, now)
    }

    #[test]
    fn adv_39_only_who_has_the_master_key_is_told_and_only_for_a_minute() {
        let question = |byte: &str| question(&Master::from_text(&Secret::new(byte.repeat(43))).unwrap(), NOW);
        let ours = question("A");
        for (now, answered) in
            [(NOW, true), (NOW + 60, true), (NOW - 60, true), (NOW + 61, false), (NOW - 61, false)]
        {
            assert_eq!(is_answered(&ours, now), answered, "{now}");
        }
        let other = format!("{}.{}", NOW + 1, ours.split_once('.').unwrap().1);
        for wrong in [&question("E"), &other, &ours[..ours.len() - 1], "x", "", "1800000000", "1800000000."] {
            assert!(!is_answered(wrong, NOW), "{wrong}");
        }
    }

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        for proxied in [true, false] {
            let seen = Seen { client: "2001:db8::1".into(), peer: "10.0.0.1".into(), proxied };
            assert_eq!(Seen::parse(&seen.text()), Some(seen));
        }
        assert_eq!(Seen::parse("10.0.0.1"), None);
    }
}
