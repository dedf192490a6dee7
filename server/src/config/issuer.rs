//! The one spelling of the issuer, used byte for byte everywhere (deviation D26).

use url::{Host, Url};

use super::parse::Parsed;

/// `BASE_URL`, made canonical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// Scheme, host and port as a browser would write the origin, then the path without trailing slash.
    pub text: String,
    /// Empty, or one leading slash and no trailing one.
    pub path: String,
    /// True for https.
    pub https: bool,
    /// True if the host can only be this machine.
    pub loopback: bool,
}

/// Lower-cases scheme and host, drops the default port and trailing slashes; refuses what an issuer cannot have
/// (RFC 8414 2) and paths that have more than one spelling.
pub fn canonical(text: &str) -> Parsed<Issuer> {
    parsed(text).ok_or_else(|| {
        "must be an http or https URL such as https://id.example.com or https://example.com/auth: a host, \
         optionally a port and a path of letters, digits and -._~ without dot segments; no user, query or fragment"
            .into()
    })
}

fn parsed(text: &str) -> Option<Issuer> {
    let (_, rest) = text.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = path.trim_end_matches('/');
    let foreign = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '@' | '?' | '#' | '%');
    if authority.is_empty() || authority.contains(foreign) || !path.split('/').skip(1).all(is_plain) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let loopback = match url.host()? {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    Some(Issuer {
        text: format!("{}{path}", url.origin().ascii_serialization()),
        path: path.to_owned(),
        https: url.scheme() == "https",
        loopback,
    })
}

fn is_plain(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..")
        && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn canonical_spellings() {
        for (text, issuer) in [
            ("https://id.example.com", "https://id.example.com"),
            ("https://id.example.com/", "https://id.example.com"),
            ("https://id.example.com//", "https://id.example.com"),
            ("HTTPS://ID.Example.COM", "https://id.example.com"),
            ("https://id.example.com:443/", "https://id.example.com"),
            ("https://id.example.com:", "https://id.example.com"),
            ("https://id.example.com:8443", "https://id.example.com:8443"),
            ("http://localhost:80", "http://localhost"),
            ("http://localhost:8080/", "http://localhost:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("https://example.com/Auth/v1/", "https://example.com/Auth/v1"),
            ("https://b\u{fc}cher.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(canonical(text).map(|issuer| issuer.text), Ok(issuer.into()), "{text}");
        }
    }

    #[test]
    fn the_path_stands_alone_too() {
        let path = |text: &str| canonical(text).map(|issuer| issuer.path);
        assert_eq!(path("https://example.com/"), Ok(String::new()));
        assert_eq!(path("https://example.com/a/b/"), Ok("/a/b".into()));
    }

    #[test]
    fn rfc8414_2_an_issuer_has_no_query_or_fragment() {
        for text in [
            "https://example.com?",
            "https://example.com/?a=b",
            "https://example.com/#",
            "https://example.com/a#b",
            "https://joe:pw@example.com",
            "https://@example.com",
            "https://",
            "https:///a",
            "https:example.com",
            "https:/example.com",
            "example.com",
            "//example.com",
            "ftp://example.com",
            "https://example.com/a//b",
            "https://example.com//a",
            "https://example.com/a/../b",
            "https://example.com/./b",
            "https://example.com/%61",
            "https://example.com/a b",
            "https://example.com\\a",
            "https://exa\tmple.com",
            "https://example.com:99999",
            "https://exam%70le.com",
        ] {
            assert!(canonical(text).is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_hosts() {
        for host in ["localhost", "app.localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
            assert!(canonical(&format!("http://{host}:1/x")).is_ok_and(|issuer| issuer.loopback), "{host}");
        }
        for host in ["localhost.example.com", "notlocalhost", "0.0.0.0", "10.0.0.1", "[::2]"] {
            assert!(canonical(&format!("http://{host}")).is_ok_and(|issuer| !issuer.loopback), "{host}");
        }
    }

    proptest! {
        #[test]
        fn a_canonical_issuer_stays_as_it_is(
            text in "[hH][tT]{2}[pP][sS]?://([a-zA-Z0-9-]{1,6}\\.)?[a-zA-Z0-9-]{1,8}(:[0-9]{0,5})?(/[a-zA-Z.~_-]{0,4}){0,3}"
        ) {
            if let Ok(issuer) = canonical(&text) {
                prop_assert_eq!(canonical(&issuer.text), Ok(issuer.clone()));
                prop_assert!(!issuer.text.ends_with('/') && issuer.text.ends_with(&issuer.path));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            if let Ok(issuer) = canonical(&text) {
                prop_assert_eq!(canonical(&issuer.text), Ok(issuer));
            }
        }
    }
}
