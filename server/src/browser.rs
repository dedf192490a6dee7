//! The browser of a request: what it calls itself, its cookies, and whether a form really came from our pages.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::{COOKIE, HeaderName, ORIGIN, USER_AGENT};
use authgate_core::error::{Code, Error, Result};

use crate::app::App;

/// Holds interactions before and after login; login never promotes it.
pub const INTERACTION: &str = "oauth_interaction";
/// Says who has signed in with this browser before, so that strangers' guesses cannot lock them out of it.
pub const KNOWN: &str = "oauth_known";

/// Longest cookie value looked at, in bytes; ours are below 200.
const MAX_COOKIE: usize = 1024;

/// The value of one of our cookies: the first of this name that could be ours. Each cookie is read by itself, so that
/// a broken one of somebody else's spoils none (threat 38).
pub fn cookie(request: &HttpRequest, name: &str) -> Option<String> {
    let headers = request.headers().get_all(COOKIE);
    let mut cookies = headers.flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
    cookies.find_map(|cookie| value_of(cookie, name))
}

fn value_of(cookie: &[u8], name: &str) -> Option<String> {
    let (known, value) = std::str::from_utf8(cookie).ok()?.trim().split_once('=')?;
    // Ours are base64url, and go back into `Set-Cookie` as they are.
    let is_ours = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (known == name && (1..=MAX_COOKIE).contains(&value.len()) && value.bytes().all(is_ours))
        .then(|| value.to_owned())
}

/// A cookie of ours. `max_age` is in seconds; none ends with the browser.
pub fn set(app: &App, name: &'static str, value: String, max_age: Option<i64>) -> Cookie<'static> {
    let cookie = Cookie::build(name, value).path("/").http_only(true).same_site(SameSite::Lax);
    let cookie = cookie.secure(app.config.server.https);
    match max_age {
        Some(seconds) => cookie.max_age(Duration::seconds(seconds)).finish(),
        None => cookie.finish(),
    }
}

/// Removes a cookie.
pub fn unset(app: &App, name: &'static str) -> Cookie<'static> {
    set(app, name, String::new(), Some(0))
}

/// Refuses a request that its own browser says was caused by another site. Headers that are absent say nothing.
pub fn same_site(app: &App, request: &HttpRequest) -> Result<()> {
    let header =
        |name: HeaderName| request.headers().get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let site = header(HeaderName::from_static("sec-fetch-site"));
    let origin = header(ORIGIN);
    let own = url::Url::parse(&app.config.server.issuer).map(|url| url.origin().ascii_serialization());
    let foreign_origin = origin.is_some_and(|origin| own.as_deref() != Ok(origin));
    if matches!(site, None | Some("same-origin" | "none")) && !foreign_origin {
        return Ok(());
    }
    Err(Error::refused(
        Code::AccessDenied,
        "this form was sent from another site, so nothing was done: open the page here and try again",
    ))
}

/// Family and system of a browser, as `Firefox on Linux`. Versions are left out, so that an update changes nothing.
pub fn name(request: &HttpRequest) -> String {
    let agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    describe(agent)
}

fn describe(agent: &str) -> String {
    // Chromium's relatives call themselves Chrome too, and all of them Safari: the more special names come first.
    let families = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser", "Samsung Internet"),
        ("Firefox", "Firefox"),
        ("FxiOS", "Firefox"),
        ("CriOS", "Chrome"),
        ("Chrome", "Chrome"),
        ("Safari", "Safari"),
        ("curl", "curl"),
    ];
    let systems = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let first = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    match (first(&families), first(&systems)) {
        (Some(family), Some(system)) => format!("{family} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "Unknown browser".to_owned(),
    }
}

/// The network of an address: /24 of IPv4, /56 of IPv6. People move within it.
pub fn network(address: &str) -> String {
    match address.parse() {
        Ok(std::net::IpAddr::V4(address)) => format!("{:?}", &address.octets()[..3]),
        Ok(std::net::IpAddr::V6(address)) => format!("{:?}", &address.octets()[..7]),
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn adv_38_a_broken_cookie_spoils_no_other() {
        let cookie = |header: &'static [u8]| {
            let value = actix_web::http::header::HeaderValue::from_bytes(header).unwrap();
            let request = actix_web::test::TestRequest::default().insert_header((COOKIE, value));
            cookie(&request.to_http_request(), "oauth_session")
        };
        for header in [
            b"oauth_session=good".as_slice(),
            b"a; oauth_session=good; b",
            b"=; ;;a=b=c;oauth_session=good",
            b"a=\xff; oauth_session=good",
            b"oauth_session=; oauth_session=good",
            b"oauth_session=no%0d%0a; oauth_session=\"no\"; oauth_session=good; oauth_session=later",
        ] {
            assert_eq!(cookie(header).as_deref(), Some("good"), "{}", String::from_utf8_lossy(header));
        }
        for header in
            [b"oauth_session".as_slice(), b"OAUTH_SESSION=a", b"xoauth_session=a", b"oauth_session=a b"]
        {
            assert_eq!(cookie(header), None);
        }
    }

    #[test]
    fn an_update_is_the_same_browser() {
        let chrome = |version: &str| {
            describe(&format!(
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version} Safari/537.36"
            ))
        };
        assert_eq!(chrome("150.0.0.0"), "Chrome on Linux");
        assert_eq!(chrome("150.0.0.0"), chrome("151.0.1.2"));
        assert_eq!(
            describe("Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"),
            "Firefox on Windows"
        );
        assert_eq!(describe(""), "Unknown browser");
    }

    #[test]
    fn neighbours_share_a_network() {
        assert_eq!(network("192.0.2.7"), network("192.0.2.250"));
        assert_ne!(network("192.0.2.7"), network("192.0.3.7"));
        assert_ne!(network("2001:db8:0:100::1"), network("2001:db8:0:200::1"));
    }

    proptest! {
        #[test]
        fn any_cookie_header_is_read_or_passed_over(before in "[ -~]{0,40}", value in "[A-Za-z0-9_-]{1,40}") {
            let read = |text: &str| {
                let request = actix_web::test::TestRequest::default().insert_header((COOKIE, text.to_owned()));
                cookie(&request.to_http_request(), "oauth_session")
            };
            if let Some(found) = read(&before) {
                prop_assert!(found.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            }
            let expected = read(&before).unwrap_or_else(|| value.clone());
            prop_assert_eq!(read(&format!("{before}; oauth_session={value}")), Some(expected));
        }
    }
}
