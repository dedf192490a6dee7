//! Cross-origin requests (deviation D43).

use actix_web::http::Method;

use crate::util::{Client, Reply, TestApp};

const APP: &str = "https://app.example.com";
const API: [&str; 11] = [
    "/oauth/token",
    "/oauth/device/code",
    "/oauth/revoke",
    "/oauth/introspect",
    "/oauth/userinfo",
    "/oauth/tokeninfo",
    "/oauth/register",
    "/oauth/register/x",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/.well-known/jwks.json",
];

fn allowing(origins: &str) -> (TestApp, Client) {
    TestApp::init().with("CORS_ENABLED", "true").with("CORS_ALLOWED_ORIGINS", origins).start()
}

async fn preflight(client: &Client, path: &str, origin: &str) -> Reply {
    let request = client.request(Method::OPTIONS, path).header("origin", origin);
    request.header("access-control-request-method", "POST").send().await
}

fn cors_headers(reply: &Reply) -> Vec<String> {
    let names = reply.headers.keys().map(|name| name.as_str().to_owned());
    names.filter(|name| name.starts_with("access-control-")).collect()
}

#[actix_web::test]
async fn d43_switched_off_there_is_no_header() {
    let (_app, anon) = TestApp::init().start();
    for path in API {
        let reply = anon.get(path).header("origin", APP).send().await;
        assert_eq!(cors_headers(&reply), [""; 0], "{path}");
        assert_eq!(preflight(&anon, path, APP).await.status, 405, "{path}");
    }
}

#[actix_web::test]
async fn d43_preflights_are_answered_on_the_whole_api() {
    let (_app, anon) = allowing(APP);
    for path in API {
        let reply = preflight(&anon, path, APP).await;
        assert_eq!((reply.status, reply.body.len()), (204, 0), "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), Some(APP));
        assert_eq!(reply.header("access-control-allow-methods"), Some("GET,POST,PUT,DELETE,OPTIONS"));
        assert_eq!(reply.header("access-control-allow-headers"), Some("Origin,Content-Type,Authorization"));
        assert_eq!(reply.header("access-control-max-age"), Some("43200"));
        assert_eq!(reply.header("access-control-allow-credentials"), None);
        assert!(reply.header("vary").unwrap().split(", ").any(|name| name == "Origin"));
    }
}

#[actix_web::test]
async fn d43_an_allowed_origin_reads_answers_and_errors() {
    let (_app, anon) = allowing("https://other.example.com,https://app.example.com");
    for (path, status) in [("/.well-known/jwks.json", 200), ("/oauth/userinfo", 401), ("/oauth/token", 405)] {
        let reply = anon.get(path).header("origin", APP).send().await;
        assert_eq!(reply.status, status);
        assert_eq!(reply.header("access-control-allow-origin"), Some(APP), "{path}");
        assert_eq!(reply.header("access-control-expose-headers"), Some("WWW-Authenticate, Retry-After"));
        assert_eq!(reply.header("access-control-allow-credentials"), None);
        assert_eq!(reply.header("vary"), Some("Origin"));
    }
    // A cache that keeps the answer to one caller must not hand it to another.
    assert_eq!(anon.get("/.well-known/jwks.json").send().await.header("vary"), Some("Origin"));
}

#[actix_web::test]
async fn adv_32_foreign_origins_and_null_get_no_header() {
    for origins in [APP, "*"] {
        let (_app, anon) = allowing(origins);
        let foreign: &[&str] = match origins {
            "*" => &["null"],
            _ => &[
                "null",
                "https://evil.example",
                "https://app.example.com.evil.example",
                "https://app.example.co",
                "http://app.example.com",
                "https://app.example.com:8443",
                "https://APP.example.com",
                "https://app.example.com/",
            ],
        };
        for origin in foreign {
            let reply = anon.get("/.well-known/jwks.json").header("origin", origin).send().await;
            assert_eq!((reply.status, cors_headers(&reply)), (200, vec![]), "{origin}");
            let reply = preflight(&anon, "/oauth/token", origin).await;
            assert_eq!(cors_headers(&reply), [""; 0], "{origin}");
        }
        let twice = anon.get("/health").header("origin", APP).header("origin", "https://evil.example");
        assert_eq!(cors_headers(&twice.send().await), [""; 0]);
    }
}

#[actix_web::test]
async fn d43_any_origin_is_a_star_and_no_echo() {
    let (_app, anon) = allowing("*");
    let reply = anon.get("/.well-known/jwks.json").header("origin", APP).send().await;
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
}

#[actix_web::test]
async fn d43_pages_are_nobody_elses() {
    let (_app, anon) = allowing("*");
    for path in ["/login", "/device", "/oauth/authorize", "/account/sessions", "/health", "/nothing"] {
        assert_eq!(cors_headers(&anon.get(path).header("origin", APP).send().await), [""; 0], "{path}");
        assert_ne!(preflight(&anon, path, APP).await.status, 204, "{path}");
    }
}
