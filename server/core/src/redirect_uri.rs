//! Redirect URIs: what may be registered, and when a presented one is the registered one (deviation D27, RFC 8252).

use url::{Host, Url};

/// Longest redirect URI, in bytes.
const MAX_BYTES: usize = 2048;
/// Schemes that are never private use: they run code, read files or belong to the web.
pub const NEVER: [&str; 13] = [
    "javascript",
    "data",
    "vbscript",
    "file",
    "blob",
    "about",
    "filesystem",
    "view-source",
    "ftp",
    "http",
    "https",
    "ws",
    "wss",
];

/// Where a redirect URI leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// https on a host.
    Https,
    /// http on `127.0.0.1`, `[::1]` or `localhost` (RFC 8252 7.3).
    Loopback,
    /// http elsewhere; only hosts that the operator listed.
    Http,
    /// A scheme of a native application (RFC 8252 7.1).
    PrivateUse,
}

/// What registration of a redirect URI depends on besides the URI.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules<'a> {
    /// Our own origin, which no client may name.
    pub own_origin: &'a str,
    /// True for clients of `application_type` native.
    pub native: bool,
    /// Private-use schemes without a dot that are allowed all the same.
    pub schemes: &'a [String],
    /// Hosts that may use http (`COMPAT_HTTP_REDIRECTS`).
    pub http_hosts: &'a [String],
}

/// Checks a redirect URI for registration; the error says what is wrong with it.
pub fn check(text: &str, rules: Rules<'_>) -> Result<Kind, String> {
    let wrong = |why: &str| Err(format!("invalid redirect_uri: {text:?} {why}"));
    if text.is_empty() {
        return Err("invalid redirect_uri: URI must not be empty".into());
    }
    if text.len() > MAX_BYTES {
        return Err(format!("invalid redirect_uri: longer than {MAX_BYTES} bytes"));
    }
    if text.contains('#') {
        return wrong("must not contain a fragment");
    }
    if !text.bytes().all(|byte| {
        byte.is_ascii_graphic()
            && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|' | b'^')
    }) {
        return wrong(
            "has a character that a URI cannot have (spaces, control characters and backslashes are refused)",
        );
    }
    let Ok(url) = Url::parse(text) else { return wrong("is not a valid URI") };
    let Some((scheme, rest)) = text.split_once(':') else { return wrong("is not a valid URI") };
    let path = rest.split('?').next().unwrap_or_default();
    let dots = |part: &str| {
        let part = part.split(';').next().unwrap_or_default().to_ascii_lowercase().replace("%2e", ".");
        matches!(part.as_str(), "." | "..")
    };
    if path.split('/').any(dots) {
        return wrong("must not contain dot segments");
    }
    let authority =
        rest.strip_prefix("//").and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default();
    if authority.contains('@') {
        return wrong("must not contain a user name or password");
    }
    let scheme = scheme.to_ascii_lowercase();
    match scheme.as_str() {
        "https" | "http" => check_http(text, authority, &url, rules),
        _ if NEVER.contains(&scheme.as_str()) => wrong("uses a scheme that is never allowed"),
        _ if !rules.native => {
            wrong("must use http or https scheme (private-use schemes are for native clients)")
        }
        _ if !scheme.contains('.') && !rules.schemes.contains(&scheme) => wrong(
            "uses a private-use scheme without a dot (RFC 8252 7.1): use a reversed domain name, or list it in REDIRECT_SCHEMES_ALLOWED",
        ),
        _ => Ok(Kind::PrivateUse),
    }
}

fn check_http(text: &str, authority: &str, url: &Url, rules: Rules<'_>) -> Result<Kind, String> {
    let wrong = |why: &str| Err(format!("invalid redirect_uri: {text:?} {why}"));
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else { return wrong("must have a host") };
    let lower = authority.to_ascii_lowercase();
    let port = lower.strip_prefix(host).filter(|rest| rest.is_empty() || rest.starts_with(':'));
    let plain = port.is_some() && !host.contains('*') && !host.ends_with('.');
    if !plain {
        // What the URL parser understood is not what is written (127.1, 0x7f.1, a full-width dot), or names no host; with a
        // dot at its end it is another spelling of the same name, ours among them.
        return wrong("must spell its host plainly");
    }
    if url.origin().ascii_serialization() == rules.own_origin {
        return wrong("must not point at this server");
    }
    if url.scheme() == "https" {
        return Ok(Kind::Https);
    }
    if is_loopback(url) {
        return Ok(Kind::Loopback);
    }
    if rules.http_hosts.iter().any(|listed| listed.eq_ignore_ascii_case(host)) {
        return Ok(Kind::Http);
    }
    wrong("must use https (http is for 127.0.0.1, [::1] and localhost)")
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == std::net::Ipv6Addr::LOCALHOST,
        None => false,
    }
}

/// The kind of a URI that passed [`check`] when it was registered.
pub fn kind(text: &str) -> Kind {
    match Url::parse(text) {
        Ok(url) if url.scheme() == "https" => Kind::Https,
        Ok(url) if url.scheme() == "http" && is_loopback(&url) => Kind::Loopback,
        Ok(url) if url.scheme() == "http" => Kind::Http,
        _ => Kind::PrivateUse,
    }
}

/// A URI with more in its query. Its own text stays byte for byte (RFC 6749 3.1.2: an existing query MUST be retained).
pub fn with_query(uri: &str, query: &str) -> String {
    let joint = match uri.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{uri}{joint}{query}")
}

/// True if `presented` is `registered`: the same string, except that the port of a loopback address may differ for
/// native clients (RFC 8252 7.3).
pub fn matches(registered: &str, presented: &str, native: bool) -> bool {
    if registered == presented {
        return true;
    }
    if !native || kind(registered) != Kind::Loopback {
        return false;
    }
    match (without_port(registered), without_port(presented)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// `http://host` and what follows the port, if the port is absent or a number.
fn without_port(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let host = ["127.0.0.1", "[::1]", "localhost"].into_iter().find(|host| rest.starts_with(host))?;
    let rest = &rest[host.len()..];
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (port, tail) = rest.split_at(end);
    let plain = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    plain.then_some((host, tail))
}

fn is_port(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok()
}

/// The host to show a person, in punycode; the scheme for private-use URIs.
pub fn host(text: &str) -> String {
    let Ok(url) = Url::parse(text) else { return text.to_owned() };
    match url.host_str().filter(|_| url.scheme().starts_with("http")) {
        Some(host) => host.to_owned(),
        None => format!("{}:", url.scheme()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NATIVE: Rules<'_> =
        Rules { own_origin: "https://id.example.com", native: true, schemes: &[], http_hosts: &[] };
    const WEB: Rules<'_> = Rules { native: false, ..NATIVE };

    #[test]
    fn d27_what_may_be_registered() {
        let (schemes, http_hosts) = (["cursor".to_owned()], ["legacy.example.com".to_owned()]);
        let rules = Rules { schemes: &schemes, http_hosts: &http_hosts, ..NATIVE };
        for (text, kind) in [
            ("https://app.example.com", Kind::Https),
            ("https://app.example.com:8443/cb?x=1", Kind::Https),
            ("https://APP.example.com/cb", Kind::Https),
            ("https://app.example.com/a%2Fb/;x=1/c.d..e/...", Kind::Https),
            ("https://app.example.com/cb?next=/../@x", Kind::Https),
            ("https://app.example.com/@me", Kind::Https),
            ("https://xn--bcher-kva.example/cb", Kind::Https),
            ("http://127.0.0.1/cb", Kind::Loopback),
            ("http://127.0.0.1:8088/cb", Kind::Loopback),
            ("http://[::1]:80/cb", Kind::Loopback),
            ("http://localhost:8888/callback", Kind::Loopback),
            ("http://Legacy.example.com/cb", Kind::Http),
            ("com.example.app:/cb", Kind::PrivateUse),
            ("com.example.app://host/cb", Kind::PrivateUse),
            ("cursor://anysphere/cb", Kind::PrivateUse),
        ] {
            assert_eq!(check(text, rules), Ok(kind), "{text}");
            assert_eq!(super::kind(text), kind, "{text}");
        }
    }

    #[test]
    fn adv_05_what_may_not() {
        let long = format!("https://a.example/{}", "x".repeat(MAX_BYTES));
        for text in [
            "",
            "/cb",
            "//a.example/cb",
            "https://",
            "https:///a.example",
            "https:a.example/cb",
            "https:/a.example/cb",
            "https:/a.example/://a.example",
            "https://a.example@evil.example/cb",
            "https://@a.example/cb",
            "https://a.example:443@evil.example",
            "com.example.app://user:pass@host/cb",
            "https://a.example/cb#x",
            "https://a.example/cb#",
            "https://a.example/../cb",
            "https://a.example/..;/cb",
            "https://a.example/%2e%2E/cb",
            "https://a.example/.%2e;x/cb",
            "https://a.example/./cb",
            "https://a.example\\@evil.example/cb",
            "https:\\\\a.example/cb",
            "https://a.example/c b",
            "https://a.example/cb\n",
            "\thttps://a.example/cb",
            "https://a.exam\u{ff0e}ple/cb",
            "https://a.example/\u{e9}",
            "https://*.example/cb",
            "https://a.example/<script>",
            "https://ex%61mple.com/cb",
            "https://0x7f.1/cb",
            "http://127.1/cb",
            "http://127.0.0.1./cb",
            "http://localhost./cb",
            "https://a.example./cb",
            "https://192.0.2.1.:8443/cb",
            "https://id.example.com./oauth/authorize",
            "http://2130706433/cb",
            "http://[::ffff:127.0.0.1]/cb",
            "http://[0:0:0:0:0:0:0:1]/cb",
            "http://127.0.0.2/cb",
            "http://0.0.0.0/cb",
            "http://localhost.evil.example/cb",
            "http://a.example/cb",
            "https://id.example.com/oauth/authorize",
            "https://ID.example.com:443/",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java\tscript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://a.example/x",
            "view-source:https://a.example",
            "wss://a.example/cb",
            "myapp://cb",
            "myapp:/cb",
            &long,
        ] {
            let why = check(text, NATIVE).expect_err(text);
            assert!(why.starts_with("invalid redirect_uri: "), "{why}");
        }
    }

    #[test]
    fn rfc8252_7_1_private_use_is_for_native_clients() {
        assert!(check("com.example.app:/cb", WEB).is_err());
        assert!(check("com.example.app:/cb", NATIVE).is_ok());
        let listed = ["javascript".to_owned()];
        assert!(
            check("javascript:alert(1)", Rules { schemes: &listed, ..NATIVE }).is_err(),
            "whatever is listed"
        );
    }

    #[test]
    fn d27_compared_as_strings() {
        let registered = "https://app.example.com/cb";
        assert!(matches(registered, registered, false) && matches(registered, registered, true));
        for presented in [
            "https://app.example.com/cb/",
            "https://app.example.com/CB",
            "https://APP.example.com/cb",
            "https://app.example.com:443/cb",
            "https://app.example.com/cb?x",
            "https://app.example.com/cb%20",
            "https://app.example.com/cb#",
            "http://app.example.com/cb",
            "https://app.example.com/",
            "",
        ] {
            assert!(!matches(registered, presented, true), "{presented}");
        }
    }

    #[test]
    fn rfc8252_7_3_the_loopback_port_may_differ_for_native_clients() {
        for host in ["127.0.0.1", "[::1]", "localhost"] {
            let registered = format!("http://{host}:8888/cb?x=1");
            assert!(matches(&registered, &format!("http://{host}:50000/cb?x=1"), true));
            assert!(matches(&registered, &format!("http://{host}/cb?x=1"), true));
            assert!(!matches(&registered, &format!("http://{host}:50000/cb?x=1"), false));
            assert!(!matches(&registered, &format!("http://{host}:50000/cb"), true));
            assert!(!matches(&registered, &format!("https://{host}:50000/cb?x=1"), true));
            for port in ["", "x", "99999", "80@evil.example", "80:80", " 80", "+80", "-1"] {
                assert!(!matches(&registered, &format!("http://{host}:{port}/cb?x=1"), true), "{port:?}");
            }
        }
        assert!(!matches("http://localhost/cb", "http://127.0.0.1/cb", true));
        assert!(!matches("http://localhost/cb", "http://localhost.evil.example/cb", true));
        assert!(!matches("http://localhost/cb", "http://localhost:80.evil.example/cb", true));
        assert!(
            !matches("https://localhost:1/cb", "https://localhost:2/cb", true),
            "https is compared as it is"
        );
    }

    #[test]
    fn people_are_shown_the_host() {
        assert_eq!(host("https://app.example.com:8443/cb"), "app.example.com");
        assert_eq!(host("https://b\u{fc}cher.example/cb"), "xn--bcher-kva.example");
        assert_eq!(host("com.example.app:/cb"), "com.example.app:");
    }

    proptest! {
        #[test]
        fn adv_05_what_is_accepted_leads_where_it_says(
            text in "(https?|HTTPS|com\\.a|x):/{0,3}[a-z0-9.@:\\[\\]%;\\\\?#-]{0,12}(/[a-z0-9.@:%;\\\\?#-]{0,6}){0,3}"
        ) {
            if let Ok(kind) = check(&text, NATIVE) {
                let url = Url::parse(&text).unwrap();
                prop_assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
                if kind != Kind::PrivateUse {
                    let authority = text.split('/').nth(2).unwrap().split('?').next().unwrap();
                    prop_assert!(authority.starts_with(url.host_str().unwrap()));
                }
                prop_assert!(matches(&text, &text, false));
            }
        }

        #[test]
        fn only_digits_of_a_port_make_two_loopback_uris_the_same(presented in "http://(127\\.0\\.0\\.1|localhost)[:@0-9a-z./]{0,12}") {
            if matches("http://127.0.0.1:1/cb", &presented, true) {
                let url = Url::parse(&presented).unwrap();
                prop_assert_eq!((url.host_str(), url.path(), url.username()), (Some("127.0.0.1"), "/cb", ""));
            }
        }
    }
}
