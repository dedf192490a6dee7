//! What holds for every page: headers, nothing inline, and errors that a person can read.

use crate::util::{PASSWORD, Reply, START, TestApp, tags};

/// Asserts what every page has.
fn is_strict(page: &Reply, path: &str) {
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("pragma", "no-cache"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "strict-origin-when-cross-origin"),
        ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
    ] {
        assert_eq!(page.header(name), Some(value), "{path}");
    }
    let policy = page.header("content-security-policy").unwrap();
    for part in ["default-src 'none'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.split("; ").any(|known| known == part), "{path}: {policy}");
    }
    assert!(
        !policy.contains("unsafe") && !policy.contains("script-src") && !policy.contains('*'),
        "{policy}"
    );
    for tag in tags(page.text()) {
        assert!(
            !matches!(tag.name, "script" | "style" | "iframe" | "object" | "embed" | "base"),
            "{path}: {tag:?}"
        );
        let shown = format!("{tag:?}");
        assert!(!shown.contains(" style=") && !shown.contains(" on"), "{path}: {shown}");
        for link in ["href", "src", "action"].iter().filter_map(|name| tag.get(name)) {
            assert!(
                link.starts_with('#') || link.starts_with('/') && !link.starts_with("//"),
                "{path}: {link}"
            );
        }
    }
}

#[actix_web::test]
async fn d22_every_page_is_strict() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    alice.tokens(&web, "openid offline_access").await;
    let consent = web.asks(&[("prompt", "consent")]);
    for path in ["/account/sessions", "/account/authorizations", "/device", "/logout", &consent] {
        is_strict(alice.visit(path).await.is_page(200), path);
    }
    for path in ["/login", "/login?error=session_timeout", &consent] {
        is_strict(anon.visit(path).await.is_page(200), path);
    }
    let wrong = anon.post("/login").form(&[("username", "alice"), ("password", "x")]).send().await;
    is_strict(wrong.is_page(401), "wrong password");
    let redirect = anon.open("/account/sessions").await;
    assert_eq!((redirect.status, redirect.header("cache-control")), (302, Some("no-store")));
}

#[actix_web::test]
async fn errors_are_pages_for_browsers() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    for path in [
        "/oauth/authorize",
        "/oauth/authorize?client_id=x&client_id=y",
        "/login?redirect=/a&redirect=/b",
        "/login?redirect=%ff%zz&redirect=",
        "/oauth/authorize?interaction=x",
    ] {
        is_strict(anon.open(path).await.is_page(400), path);
    }
    for path in ["/device?user_code=a&user_code=b", "/account/sessions?error=a&error=b"] {
        is_strict(alice.open(path).await.is_page(400), path);
    }
    let json = alice.post("/device/verify").body("application/json", "{}").send().await;
    is_strict(json.is_page(400), "a body of another kind");
    let no_token = alice.post("/device/verify").form(&[("user_code", "x")]).send().await;
    is_strict(no_token.is_page(403), "no form token");
    is_strict(anon.open("/nowhere").await.is_page(404), "/nowhere");
    is_strict(anon.open("/account/nothing").await.is_page(404), "/account/nothing");
    for path in ["/login", "/device", "/account/sessions"] {
        let method = actix_web::http::Method::DELETE;
        let reply = alice.request(method, path).header("accept", "text/html").send().await;
        is_strict(reply.is_page(405), path);
        assert!(reply.header("allow").unwrap().contains("GET"));
    }
    let large = "a=".to_owned() + &"a".repeat(64 * 1024);
    let large = anon.post("/login").body("application/x-www-form-urlencoded", large).send().await;
    is_strict(large.is_page(413), "a large body");
    for _ in 0..6 {
        anon.post("/login").form(&[("username", "alice"), ("password", "x")]).send().await;
    }
    let limited = anon.post("/login").form(&[("username", "alice"), ("password", "x")]).send().await;
    is_strict(limited.is_page(429), "too many");
    assert!(limited.header("retry-after").is_some());
    assert_eq!(app.context().now(), START);
}

#[actix_web::test]
async fn a_busy_server_says_so_on_a_page() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    // A commit is held, and as many jobs wait behind it as may.
    let (started, has_started) = tokio::sync::oneshot::channel();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let issuer = app.app.issuer.clone();
    let holding = actix_web::rt::spawn(async move {
        issuer.write(move |_| Ok((started.send(()).is_ok(), held.recv().is_err()))).await
    });
    has_started.await.unwrap();
    while poll_once(Box::pin(app.app.issuer.write(|_| Ok(())))).await.is_none() {}
    let page = alice.sign_in("alice", PASSWORD).await;
    is_strict(page.is_page(503), "busy");
    assert_eq!(page.header("retry-after"), Some("1"));
    drop(release);
    assert_eq!(holding.await.unwrap(), Ok((true, true)));
    assert_eq!(alice.sign_in("alice", PASSWORD).await.status, 303);
}

/// The output of a future that is polled once and then dropped, if it has one.
async fn poll_once<T>(mut future: impl Future<Output = T> + Unpin) -> Option<T> {
    std::future::poll_fn(|cx| match std::pin::Pin::new(&mut future).poll(cx) {
        std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}
