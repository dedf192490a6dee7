//! Cookies, and the sealed session in one.

use actix_web::http::header::{COOKIE, HeaderValue};
use actix_web::test::TestRequest;
use authgate::browser::{self, INTERACTION, KNOWN};
use authgate_core::session;

use super::installation::Installation;

/// A header on each line. What is taken is a value that could be ours, as it was sent; and nobody is signed in by a
/// text that this server did not seal.
pub fn check(data: &[u8]) {
    let headers: Vec<_> =
        data.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok()).collect();
    let mut request = TestRequest::get();
    for header in &headers {
        request = request.append_header((COOKIE, header.clone()));
    }
    let request = request.to_http_request();
    for name in [INTERACTION, KNOWN, "oauth_session"] {
        let Some(value) = browser::cookie(&request, name) else { continue };
        assert!((1..=1024).contains(&value.len()));
        assert!(value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        let pair = format!("{name}={value}");
        let sent =
            |header: &HeaderValue| header.as_bytes().windows(pair.len()).any(|part| part == pair.as_bytes());
        assert!(headers.iter().any(sent), "{pair}");
        let live =
            Installation::with(|here| here.tried(|tx, env| session::live(tx, env.master, &value, env.now())));
        assert!(live.expect("a read").is_none());
    }
}
