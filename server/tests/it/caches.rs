//! What browsers, proxies and their caches may keep.

use actix_web::http::Method;
use authgate::routes::{Optional, Routes};

use crate::util::TestApp;

#[actix_web::test]
async fn adv_30_what_may_be_kept_is_the_same_for_everybody() {
    let (app, anon, alice) = TestApp::init()
        .with("METRICS_ENABLED", "true")
        .with("ENABLE_SWAGGER", "true")
        .with_user("alice")
        .await;
    app.create_user("bob").await;
    let bob = app.browser_of("bob").await;
    let mut kept = 0;
    for endpoint in Routes::all(Optional { metrics: true, swagger: true }).endpoints() {
        if !endpoint.methods().contains(&Method::GET) {
            continue;
        }
        let file = if endpoint.path().starts_with("/static") { "main.css" } else { "swagger-ui.css" };
        let path = endpoint.path().replace("{file:.*}", file);
        let mut answers = Vec::new();
        for who in [&anon, &alice, &bob] {
            let reply = who.get(&path).send().await;
            if reply.header("cache-control") != Some("no-store") {
                assert_eq!(reply.header("set-cookie"), None, "{path}");
                answers.push((reply.status, reply.body.clone()));
            }
        }
        kept += usize::from(!answers.is_empty());
        let same = answers.iter().all(|answer| *answer == answers[0]);
        assert!(same && matches!(answers.len(), 0 | 3), "{path} is kept, and depends on who asks");
    }
    assert!(kept >= 4, "keys, metadata and assets: {kept}");
    let (one, other) = (alice.visit("/account/sessions").await, bob.visit("/account/sessions").await);
    assert!(one.text().contains("alice") && other.text().contains("bob") && !other.text().contains("alice"));
}
