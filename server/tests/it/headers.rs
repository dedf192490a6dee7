//! Headers that every answer has, and headers of requests that nobody believes.

use crate::util::{Reply, TestApp};

const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

fn assert_secured(reply: &Reply, what: &str) {
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "strict-origin-when-cross-origin"),
        ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{name} of {what}");
    }
    assert_eq!(reply.header("x-request-id").map(str::len), Some(16), "{what}");
}

#[actix_web::test]
async fn d22_every_answer_is_secured() {
    let (_app, anon) = TestApp::init().start();
    for (path, status) in [
        ("/login", 200),
        ("/health", 200),
        ("/favicon.ico", 200),
        ("/.well-known/jwks.json", 200),
        ("/oauth/userinfo", 401),
        ("/oauth/token", 405),
        ("/health/", 301),
        ("/account/sessions", 302),
        ("/nothing", 404),
    ] {
        let reply = anon.get(path).send().await;
        assert_eq!(reply.status, status, "{path}");
        assert_secured(&reply, path);
        assert_eq!(reply.header("strict-transport-security"), None, "{path}");
    }
    let reply = anon.get(&format!("/nothing?{}", "a".repeat(21 * 1024))).send().await;
    assert_eq!(reply.status, 414);
    assert_secured(&reply, "a long target");
}

#[actix_web::test]
async fn an_https_issuer_asks_for_https() {
    let (_app, anon) = TestApp::init().with("BASE_URL", "https://id.example.com").start();
    let reply = anon.get("/health").send().await;
    assert_eq!(reply.header("strict-transport-security"), Some("max-age=31536000; includeSubDomains"));
}

#[actix_web::test]
async fn adv_27_the_request_id_is_ours() {
    let (_app, anon) = TestApp::init().start();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let reply = anon.get("/health").header("x-request-id", "forged\tline").send().await;
        let id = reply.header("x-request-id").unwrap().to_owned();
        assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        ids.push(id);
    }
    assert_ne!(ids[0], ids[1]);
}

#[actix_web::test]
async fn adv_18_host_and_forwarded_headers_change_nothing() {
    let (app, _) = TestApp::init().start();
    for path in
        ["/", "/login", "/health/", "/nothing", "/.well-known/openid-configuration", "/account/sessions"]
    {
        let answer = app
            .raw(format!(
                "GET {path} HTTP/1.1\r\nhost: evil.example\r\nx-forwarded-host: evil.example\r\n\
                 x-forwarded-proto: https\r\nforwarded: host=evil.example\r\naccept: text/html\r\n\
                 connection: close\r\n\r\n"
            ))
            .await;
        assert!(answer.starts_with("HTTP/1.1 "), "{path}: {answer}");
        assert!(!answer.contains("evil.example"), "{path}: {answer}");
    }
}

#[actix_web::test]
async fn rfc9112_3_2_a_request_without_one_host_is_refused() {
    let (app, _) = TestApp::init().start();
    for head in ["", "host: a\r\nhost: b\r\n"] {
        let answer = app.raw(format!("GET /health HTTP/1.1\r\n{head}connection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
}

#[actix_web::test]
async fn d13_errors_about_tokens_are_not_stored() {
    let (_app, anon) = TestApp::init().start();
    for path in
        ["/oauth/token", "/oauth/introspect", "/oauth/revoke", "/oauth/device/code", "/oauth/userinfo"]
    {
        let reply = anon.post(path).form(&[("client_id", "nobody"), ("client_secret", "x")]).send().await;
        assert!((400..500).contains(&reply.status), "{path}: {}", reply.status);
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(reply.header("pragma"), Some("no-cache"), "{path}");
        assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"), "{path}");
    }
}

#[actix_web::test]
async fn rfc6750_3_protected_endpoints_challenge() {
    let (_app, anon) = TestApp::init().start();
    let reply = anon.get("/oauth/tokeninfo").send().await;
    assert_eq!((reply.status, reply.error().as_str()), (401, "missing_token"));
    assert_eq!(reply.header("www-authenticate"), Some(r#"Bearer realm="authgate""#));
    let reply = anon.get("/oauth/userinfo").bearer("nonsense").send().await;
    assert_eq!((reply.status, reply.error().as_str()), (401, "invalid_token"));
    assert_eq!(reply.header("www-authenticate"), Some(r#"Bearer realm="authgate", error="invalid_token""#));
}

#[actix_web::test]
async fn rfc6749_5_2_a_failed_client_is_challenged() {
    let (_app, anon) = TestApp::init().start();
    let form = [("token", "x")];
    let reply = anon.post("/oauth/introspect").form(&form).send().await;
    assert_eq!((reply.status, reply.error().as_str()), (401, "invalid_client"));
    assert_eq!(reply.header("www-authenticate"), Some(r#"Basic realm="authgate""#));
    let reply = anon.post("/oauth/introspect").basic("nobody", "guess").form(&form).send().await;
    assert_eq!(reply.header("www-authenticate"), Some(r#"Basic realm="authgate""#));
}
