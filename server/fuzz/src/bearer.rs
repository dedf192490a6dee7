//! The access token of a request.

use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::test::TestRequest;
use authgate::oauth::bearer;

/// A query on the first line, a header on each other. A token comes from the one header or not at all.
pub fn check(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let query = lines.next().and_then(|line| std::str::from_utf8(line).ok()).unwrap_or_default();
    let Ok(uri) = actix_web::http::Uri::try_from(format!("/oauth/userinfo?{query}")) else { return };
    let mut request = TestRequest::get().uri(&uri.to_string());
    let headers: Vec<_> = lines.filter_map(|line| HeaderValue::from_bytes(line).ok()).collect();
    for header in &headers {
        request = request.append_header((AUTHORIZATION, header.clone()));
    }
    let Ok(Some(token)) = bearer::token(&request.to_http_request()) else { return };
    assert_eq!(headers.len(), 1, "two headers have two meanings");
    let text = headers[0].to_str().expect("visible ASCII");
    let (scheme, value) = text.split_once(' ').expect("a scheme and its value");
    assert!(scheme.eq_ignore_ascii_case("bearer"));
    assert_eq!(value.trim_matches(' '), token.expose());
    assert!(!token.expose().is_empty());
    let named = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    assert!(named.into_iter().all(|(name, _)| name != "access_token"), "a token in the address is refused");
}
