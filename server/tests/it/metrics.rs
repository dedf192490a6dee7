//! `GET /metrics`: who may read it, what stands there, and that nobody can make it grow.

mod contract;
mod exposition;
mod limits;

use std::time::Duration;

use authgate::serve::gauges;

use crate::util::{Client, Init, TestApp};
use exposition::Exposition;

/// A server that shows its metrics.
fn measured() -> Init {
    TestApp::init().with("METRICS_ENABLED", "true")
}

/// What it shows now.
async fn scrape(anon: &Client) -> Exposition {
    let reply = anon.get("/metrics").send().await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    Exposition::read(reply.text())
}

/// The same after a count of what is alive.
async fn scrape_counted(app: &TestApp, anon: &Client) -> Exposition {
    gauges::update(&app.app, Duration::ZERO).await;
    scrape(anon).await
}

#[actix_web::test]
async fn it_is_text_for_prometheus() {
    let (_app, anon) = measured().start();
    let reply = anon.get("/metrics").send().await;
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(anon.post("/metrics").send().await.status, 405);
}

#[actix_web::test]
async fn without_the_switch_there_is_nothing() {
    let (app, anon) = TestApp::init().with("METRICS_TOKEN", "secret").start();
    for request in [anon.get("/metrics"), anon.get("/metrics").bearer("secret"), anon.post("/metrics")] {
        let reply = request.send().await;
        assert_eq!((reply.status, reply.text()), (404, "404 page not found"));
    }
    assert_eq!(app.app.metrics.registry.render(), "");
}

#[actix_web::test]
async fn it_wants_its_token() {
    let (_app, anon) = measured().with("METRICS_TOKEN", "a secret of 25 characters").start();
    let missing = r#"{"error":"unauthorized","message":"Bearer token required"}"#;
    let invalid = r#"{"error":"unauthorized","message":"Invalid token"}"#;
    let get = || anon.get("/metrics");
    let sent = |header: &str| get().header("authorization", header);
    for (request, body) in [
        (get(), missing),
        (sent("Basic YTpi"), missing),
        (sent("a secret of 25 characters"), missing),
        (sent("Bearer"), missing),
        (sent("Bearer wrong"), invalid),
        (sent("Bearer a secret of 25 characters!"), invalid),
    ] {
        let reply = request.send().await;
        assert_eq!((reply.status, reply.text()), (401, body));
        assert_eq!(reply.header("www-authenticate"), Some(r#"Bearer realm="Metrics""#));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
    for scheme in ["Bearer", "bearer"] {
        let reply = sent(&format!("{scheme} a secret of 25 characters")).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert!(!reply.text().contains("a secret"));
    }
}

#[actix_web::test]
async fn a_count_that_fails_is_counted_and_changes_nothing() {
    let (app, anon, _alice) = measured().with_user("alice").await;
    let before = scrape_counted(&app, &anon).await;
    assert_eq!(before.value("sessions_active", &[]), 1);
    app.sql("ALTER TABLE sessions RENAME TO elsewhere").await;
    let after = scrape_counted(&app, &anon).await;
    let failed = |operation| after.value("database_query_errors_total", &[("operation", operation)]);
    assert_eq!((failed("count_sessions"), failed("count_access_tokens")), (1, 0));
    assert_eq!(after.value("sessions_active", &[]), 1);
}

#[actix_web::test]
async fn another_server_may_show_what_is_alive() {
    let (app, anon) = measured().with("METRICS_GAUGE_UPDATE_ENABLED", "false").start();
    let shown = scrape_counted(&app, &anon).await;
    for name in ["oauth_tokens_active", "oauth_device_codes_active", "sessions_active"] {
        assert!(!shown.types.contains_key(name), "{name}");
    }
    assert!(shown.types.contains_key("sessions_created_total"));
}

#[actix_web::test]
async fn a_large_table_is_counted_in_steps() {
    let (app, anon) = measured().start();
    app.sql(
        "INSERT INTO tokens (jti, client_id, scope, audience, client_epoch, issued_at, expires_at, status) \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) \
         SELECT printf('%06d', i), 'c', 'read', '[]', 0, 0, CASE WHEN i % 3 THEN 4000000000 ELSE 1 END, 'active' FROM n",
    )
    .await;
    let shown = scrape_counted(&app, &anon).await;
    assert_eq!(shown.value("oauth_tokens_active", &[("token_type", "access")]), 8000);
}
