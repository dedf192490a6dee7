//! The headers that tell browsers what our answers may do. They are on every answer.

use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use url::Url;

/// Nothing inline and nothing from elsewhere; forms lead to ourselves (deviation D22).
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

/// Adds the headers; a policy that the answer has already stays.
pub fn add(headers: &mut HeaderMap, https: bool) {
    let fixed = HeaderValue::from_static;
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, fixed(POLICY));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    headers.insert(X_FRAME_OPTIONS, fixed("DENY"));
    headers.insert(REFERRER_POLICY, fixed("strict-origin-when-cross-origin"));
    headers.insert(
        HeaderName::from_static("permissions-policy"),
        fixed("camera=(), microphone=(), geolocation=()"),
    );
    if https {
        headers.insert(STRICT_TRANSPORT_SECURITY, fixed("max-age=31536000; includeSubDomains"));
    }
}

/// The policy of a page whose form ends in a redirect to `redirect_uri`: its origin is added to `form-action`, or its
/// scheme if it has no origin. What cannot be read adds nothing.
pub fn leading_to(redirect_uri: &str) -> HeaderValue {
    let target = Url::parse(redirect_uri).ok().map(|url| match url.scheme() {
        "http" | "https" => url.origin().ascii_serialization(),
        scheme => format!("{scheme}:"),
    });
    let with = |target: String| {
        HeaderValue::from_str(&POLICY.replace("form-action 'self'", &format!("form-action 'self' {target}")))
            .expect("schemes and origins are visible ASCII")
    };
    target.map_or(HeaderValue::from_static(POLICY), with)
}

/// The policy of the page that posts an answer to `redirect_uri`: [`leading_to`] there, and a script of ours may run.
pub fn handing_over(redirect_uri: &str) -> HeaderValue {
    let policy = leading_to(redirect_uri);
    let policy = policy.to_str().expect("a policy is visible ASCII");
    HeaderValue::from_str(&format!("{policy}; script-src 'self'")).expect("a policy is visible ASCII")
}

/// The policy of the page that tries the API out: its script and the requests that it makes stay here. Its icons are in
/// its stylesheet, as `data:`.
pub fn trying_out() -> HeaderValue {
    let policy = POLICY.replace("img-src 'self'", "img-src 'self' data:");
    HeaderValue::from_str(&format!("{policy}; script-src 'self'; connect-src 'self'"))
        .expect("a policy is visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::leading_to;

    fn form_action(redirect_uri: &str) -> String {
        let policy = leading_to(redirect_uri);
        let policy = policy.to_str().unwrap().to_owned();
        policy.split("; ").find_map(|part| part.strip_prefix("form-action ")).unwrap().to_owned()
    }

    #[test]
    fn d22_one_origin_is_added_to_the_forms_of_a_page() {
        for (redirect_uri, expected) in [
            ("https://App.example.com/cb?x=1", "'self' https://app.example.com"),
            ("http://127.0.0.1:8088/callback", "'self' http://127.0.0.1:8088"),
            ("http://[::1]:1/", "'self' http://[::1]:1"),
            ("com.example.app:/done", "'self' com.example.app:"),
            ("no uri", "'self'"),
        ] {
            assert_eq!(form_action(redirect_uri), expected, "{redirect_uri}");
        }
    }

    #[test]
    fn adv_28_a_redirect_uri_cannot_add_directives() {
        for hostile in [
            "https://a.example;script-src *",
            "https://a.example/;script-src *",
            "https://a.example,script-src *",
            "https://a.example 'unsafe-inline'/",
            "a;script-src:x",
        ] {
            let added = form_action(hostile);
            assert!(!added.contains([';', ',', '*']) && !added.contains("unsafe"), "{hostile}: {added}");
            assert!(added.split(' ').count() <= 2, "{hostile}: {added}");
        }
    }
}
