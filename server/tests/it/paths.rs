//! Which paths there are, and how else they are spelled.

use actix_web::http::Method;

use crate::util::TestApp;

#[actix_web::test]
async fn an_unknown_path_is_404_in_the_callers_language() {
    let (_app, anon) = TestApp::init().start();
    for path in ["/nothing", "/metrics", "/oauth", "/static/nothing.css", "/static", "/static/../health"] {
        let reply = anon.get(path).send().await;
        assert_eq!((reply.status, reply.text()), (404, "404 page not found"), "{path}");
        assert!(reply.header("content-type").unwrap().starts_with("text/plain"), "{path}");
        let reply = anon.get(path).header("accept", "text/html,*/*;q=0.8").send().await;
        assert_eq!((reply.status, reply.header("content-type")), (404, Some("text/html; charset=utf-8")));
        assert!(reply.text().contains("Page not found"), "{path}");
        // Whoever asks for help can name the request.
        assert!(reply.text().contains(reply.header("x-request-id").unwrap()), "{path}");
    }
}

#[actix_web::test]
async fn a_superfluous_slash_is_redirected() {
    let (_app, anon) = TestApp::init().start();
    let reply = anon.get("/health/?a=b%20c").send().await;
    assert_eq!((reply.status, reply.header("location")), (301, Some("/health?a=b%20c")));
    let reply = anon.post("/oauth/token/").form(&[("grant_type", "x")]).send().await;
    assert_eq!((reply.status, reply.header("location")), (307, Some("/oauth/token")));
    let reply = anon.request(Method::HEAD, "/.well-known/jwks.json/").send().await;
    assert_eq!((reply.status, reply.header("location")), (301, Some("/.well-known/jwks.json")));
    assert_eq!(anon.get("/nothing/").send().await.status, 404);
    assert_eq!(anon.get("/health//").send().await.status, 404);
}

#[actix_web::test]
async fn adv_38_a_redirect_never_leads_to_another_host() {
    let (app, _) = TestApp::init().start();
    for path in
        ["//evil.example/", "//evil.example/health/", "/\\evil.example/", "//health/", "///", "/%2f/health/"]
    {
        let answer = app.raw(format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")).await;
        let status = answer.lines().next().unwrap();
        assert!(status.contains(" 404 ") || status.contains(" 400 "), "{path}: {status}");
        assert!(!answer.to_ascii_lowercase().contains("location:"), "{path}: {answer}");
    }
}

#[actix_web::test]
async fn adv_38_other_spellings_reach_nothing_else() {
    let (app, _) = TestApp::init().start();
    for path in [
        "/./health",
        "/static/../health",
        "/static/%2e%2e/health",
        "/static/..%2fhealth",
        "/.well-known/..;/health",
        "//health",
        "/health;x=1",
        "/health%00",
        "/HEALTH",
        "/oauth/%2e%2e/health",
    ] {
        let answer = app.raw(format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")).await;
        let status = answer.lines().next().unwrap();
        assert!(status.contains(" 404 ") || status.contains(" 400 "), "{path}: {status}");
        assert!(!answer.contains("healthy"), "{path}");
    }
}

#[actix_web::test]
async fn assets_are_cached_by_their_names() {
    let (_app, anon) = TestApp::init().start();
    let page = anon.get("/login").send().await;
    let style = page.text().split('"').find(|text| text.starts_with("/static/dist/")).unwrap().to_owned();
    let reply = anon.get(&style).send().await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/css; charset=utf-8")));
    assert_eq!(reply.header("cache-control"), Some("public, max-age=31536000, immutable"));
    let reply = anon.get("/favicon.ico").send().await;
    assert_eq!(reply.header("content-type"), Some("image/x-icon"));
    assert_eq!(reply.header("cache-control"), Some("public, max-age=86400"));
    let (_app, anon) = TestApp::init().with("STATIC_CACHE_MAX_AGE", "0").start();
    assert_eq!(anon.get("/favicon.ico").send().await.header("cache-control"), None);
}
