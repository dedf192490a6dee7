//! Whose address the server sees: limits, the audit trail and the list of browsers go by it.

use std::net::IpAddr;

use authgate::client_address;
use authgate::config::Config;
use authgate::public_address::is_public;
use authgate::seen::{self, Seen};
use url::Url;

use super::Finding;
use super::fetch::{self, Fetched};
use super::issuer::is_loopback;

const ABOUT: &str = "address";

/// An address that nobody has (RFC 5737): what a stranger might claim.
const CLAIMED: &str = "192.0.2.123";

/// Compares what the server saw of a plain request with what it sees of one that claims to be somebody else's.
pub async fn check(http: &awc::Client, config: &Config, url: &str, key: &str, plain: &Fetched) -> Finding {
    let Some(seen) = answer(plain) else {
        return Finding::warning(
            ABOUT,
            "the server did not say from which address it was asked",
            "a cache or a proxy drops the header, or another master key is in use there: ask again past the cache",
        );
    };
    let forwarded = format!("for={CLAIMED}");
    let headers = [(seen::QUESTION, key), ("x-forwarded-for", CLAIMED), ("forwarded", &forwarded)];
    let claims = fetch::get(http, url, &headers).await.ok().as_ref().and_then(answer);
    judge(config, &seen, claims.as_ref())
}

fn answer(fetched: &Fetched) -> Option<Seen> {
    Seen::parse(fetched.header(seen::ANSWER)?)
}

fn judge(config: &Config, seen: &Seen, claims: Option<&Seen>) -> Finding {
    let Seen { client, peer, proxied } = seen;
    let trusted = &config.server.trusted_proxies;
    if trusted.iter().any(|network| network.prefix_len() == 0) {
        return Finding::problem(
            ABOUT,
            "TRUSTED_PROXIES trusts everybody, so anybody can choose the address that the server sees",
            "name only your proxies",
        );
    }
    if !proxied && peer.parse().is_ok_and(|peer| client_address::is_trusted(peer, trusted)) {
        return Finding::warning(
            ABOUT,
            format!("the doctor asked from {peer}, which is among TRUSTED_PROXIES and may claim any address"),
            "what strangers can claim is not seen from here: let the issuer's address lead through the proxy",
        );
    }
    let asked_from_here = client.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if claims.is_some_and(|claims| claims.client == CLAIMED) && !(*proxied && asked_from_here) {
        return Finding::problem(
            ABOUT,
            "anybody can choose the address that the server sees, by a header",
            "name only your proxies in TRUSTED_PROXIES, and let them append to X-Forwarded-For, not pass it on",
        );
    }
    if *proxied && client == peer {
        return Finding::warning(
            ABOUT,
            format!(
                "a proxy speaks for its callers, but the server sees all of them as {peer}, and they share each limit"
            ),
            format!("set TRUSTED_PROXIES={peer} if that is your proxy"),
        );
    }
    if !proxied && is_inner(peer) && !ends_here(config) {
        return Finding::warning(
            ABOUT,
            format!("the server was asked from {peer}, with no word for whom"),
            "if that is a proxy, let it append to X-Forwarded-For and name it in TRUSTED_PROXIES: else all share each limit",
        );
    }
    Finding::fine(ABOUT, format!("the server sees this machine as {client}"))
}

fn is_inner(address: &str) -> bool {
    address.parse().is_ok_and(|address| !is_public(address))
}

/// True if the public address is the server's own, as far as the settings tell: then its peers are the callers.
fn ends_here(config: &Config) -> bool {
    let issuer = Url::parse(&config.server.issuer).ok();
    let port = issuer.and_then(|issuer| issuer.port_or_known_default());
    let same_port = port.is_some_and(|port| port == config.server.addr.port());
    is_loopback(config) || same_port && config.server.https == config.server.tls.is_some()
}

#[cfg(test)]
mod tests {
    use authgate::config;

    use super::super::Level;
    use super::*;

    fn level(base_url: &str, seen: (&str, &str, bool), claimed: &str) -> Level {
        trusting("", base_url, seen, claimed)
    }

    fn trusting(proxies: &str, base_url: &str, seen: (&str, &str, bool), claimed: &str) -> Level {
        let env = |name: &str| match name {
            "BASE_URL" => Some(base_url.to_owned()),
            "TRUSTED_PROXIES" => Some(proxies.to_owned()),
            _ => None,
        };
        let (config, _) = config::load(&env).unwrap();
        let of = |client: &str, proxied| Seen { client: client.to_owned(), peer: seen.1.to_owned(), proxied };
        judge(&config, &of(seen.0, seen.2), Some(&of(claimed, true))).level
    }

    #[test]
    fn d20_what_a_proxy_does_to_the_address() {
        let public = "https://id.example.com";
        for (base_url, seen, claimed, expected) in [
            ("http://localhost:8080", ("127.0.0.1", "127.0.0.1", false), "127.0.0.1", Level::Fine),
            (public, ("198.51.100.7", "10.0.0.1", true), "198.51.100.7", Level::Fine),
            (public, ("10.0.0.1", "10.0.0.1", true), "10.0.0.1", Level::Warning),
            (public, ("10.0.0.1", "10.0.0.1", false), "10.0.0.1", Level::Warning),
            (public, ("8.8.8.8", "8.8.8.8", false), "8.8.8.8", Level::Fine),
            (public, ("198.51.100.7", "10.0.0.1", true), CLAIMED, Level::Problem),
            ("http://localhost:8080", ("127.0.0.1", "127.0.0.1", false), CLAIMED, Level::Problem),
        ] {
            assert_eq!(level(base_url, seen, claimed), expected, "{seen:?} {claimed}");
        }
    }

    #[test]
    fn d20_who_is_trusted_cannot_tell_what_strangers_can_do() {
        let (local, behind) = (("127.0.0.1", "127.0.0.1", false), ("198.51.100.7", "10.0.0.1", true));
        let public = "https://id.example.com";
        assert_eq!(trusting("127.0.0.1", "http://localhost:8080", local, CLAIMED), Level::Warning);
        assert_eq!(trusting("10.0.0.1", public, behind, "198.51.100.7"), Level::Fine);
        assert_eq!(trusting("10.0.0.1", public, behind, CLAIMED), Level::Problem);
        assert_eq!(trusting("10.0.0.1,0.0.0.0/0", public, behind, "198.51.100.7"), Level::Problem);
    }
}
