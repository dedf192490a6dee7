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
    if authority.is_empty() || !authority.to_ascii_lowercase().starts_with(&host.to_ascii_lowercase()) {
        // What the URL parser understood is not what is written: 127.1, 0x7f.1, a full-width dot.
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
