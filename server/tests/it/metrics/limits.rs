//! Who floods the server does not flood its metrics; what is too much is counted.

use actix_web::http::Method;
use authgate_core::client::ClientType;

use super::{measured, scrape};

#[actix_web::test]
async fn callers_cannot_make_series() {
    let (_app, anon) = measured().start();
    let round = async |first: usize| {
        for n in first..first + 50 {
            anon.get(&format!("/{n}/{n}")).send().await;
            anon.get(&format!("/static/{n}")).send().await;
            anon.get(&format!("/oauth/register/{n}")).send().await;
            anon.request(Method::from_bytes(format!("M{n}").as_bytes()).unwrap(), "/login").send().await;
            let client = format!("client-{n}");
            anon.post("/oauth/token")
                .form(&[("grant_type", "refresh_token"), ("refresh_token", "x"), ("client_id", &client)])
                .send()
                .await;
            anon.post("/oauth/device/code").form(&[("client_id", &client)]).send().await;
        }
    };
    round(0).await;
    let before = scrape(&anon).await;
    round(50).await;
    let after = scrape(&anon).await;
    // The first scrape has a series of its own since.
    let scraped = after.label("http_requests_total", "path").contains("/metrics");
    assert!(scraped && after.len() <= before.len() + 16, "{} after {}", after.len(), before.len());
    let methods = after.label("http_requests_total", "method");
    assert!(methods.iter().all(|method| ["GET", "POST", "other"].contains(&method.as_str())), "{methods:?}");
    assert_eq!(
        after.value("http_requests_total", &[("method", "other"), ("path", "/login"), ("status", "405")]),
        100
    );
}

#[actix_web::test]
async fn one_route_has_one_name_with_and_without_the_issuers_path() {
    let (_app, anon) = measured().with("BASE_URL", "http://localhost:8080/auth").start();
    anon.get("/health").send().await;
    anon.get("/auth/health").send().await;
    let shown = scrape(&anon).await;
    let asked = [("method", "GET"), ("path", "/health"), ("status", "200")];
    assert_eq!(shown.value("http_requests_total", &asked), 2);
    assert_eq!(anon.get("/auth/metrics").send().await.status, 200);
}

#[actix_web::test]
async fn a_switch_that_lets_something_pass_is_counted() {
    let (app, anon, alice) = measured().with("COMPAT_INTROSPECT_ANY", "true").with_user("alice").await;
    let owner = app.web_client().await;
    let other = app.client_of(ClientType::Confidential, |spec| spec.audiences = Some(Vec::new())).await;
    let (access, _) = alice.tokens(&owner, "read").await;
    assert!(other.is_live(&anon, &access).await);
    let shown = scrape(&anon).await;
    let used = |switch| shown.value("authgate_compat_uses_total", &[("switch", switch)]);
    assert_eq!((used("COMPAT_INTROSPECT_ANY"), used("COMPAT_M2M_ANY_RESOURCE")), (1, 0));
}

#[actix_web::test]
async fn what_is_rolled_back_is_not_counted() {
    let (app, anon, alice) = measured().with_user("alice").await;
    app.sql("CREATE TRIGGER full BEFORE INSERT ON audit_logs BEGIN SELECT RAISE(ABORT, 'no room'); END")
        .await;
    let reply = alice.get("/logout").header("sec-fetch-site", "none").send().await;
    assert_eq!(reply.status, 500, "{}", reply.text());
    let shown = scrape(&anon).await;
    assert_eq!(shown.value("auth_logout_total", &[]), 0);
    assert_eq!(shown.value("sessions_created_total", &[]), 1);
}

#[actix_web::test]
async fn nothing_is_measured_twice_by_two_servers_in_one_process() {
    let ((_one, first), (_two, second)) = (measured().start(), measured().start());
    first.get("/health").send().await;
    let health = [("method", "GET"), ("path", "/health"), ("status", "200")];
    assert_eq!(scrape(&first).await.value("http_requests_total", &health), 1);
    assert!(scrape(&second).await.labels_of("http_requests_total").is_empty());
}
