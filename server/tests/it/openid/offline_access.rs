//! `offline_access` is asked for by its name (OpenID Connect Core 11).

use crate::util::TestApp;

const OFFLINE: (&str, &str) = ("scope", "openid read offline_access");

/// Grants that outlive the browser session.
const LASTING: &str = "SELECT COUNT(*) FROM families WHERE session_id IS NULL";

#[actix_web::test]
async fn openid_core_11_offline_access_is_granted_only_where_it_was_allowed() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let silent = web.asks(&[OFFLINE, ("prompt", "none")]);
    let reply = alice.allow(&web.asks(&[])).await;
    web.redeem(&alice, &reply.is_allowed().sent("code")).await.ok();
    assert_eq!(app.number(LASTING).await, 0, "a refresh token alone is no offline access");
    // What was allowed without it is not enough, asked silently or not.
    alice.open(&silent).await.is_refused("consent_required");
    let page = alice.open(&web.asks(&[OFFLINE])).await;
    page.is_page(200).says("when you&#x27;re not present");
    alice.submit(page.form_to("/oauth/authorize").press("deny")).await.is_refused("access_denied");
    alice.open(&silent).await.is_refused("consent_required");
    // Once it was allowed, that stands in for prompt=consent; the parameter asks again all the same.
    let reply = alice.allow(&web.asks(&[OFFLINE, ("prompt", "consent")])).await;
    web.redeem(&alice, &reply.is_allowed().sent("code")).await.ok();
    assert_eq!(app.number(LASTING).await, 1);
    alice.open(&silent).await.is_allowed();
    alice.open(&web.asks(&[OFFLINE, ("prompt", "consent")])).await.is_page(200);
}

#[actix_web::test]
async fn openid_core_11_without_remembered_consent_it_is_asked_for_each_time() {
    let (app, _, alice) = TestApp::init().with("CONSENT_REMEMBER", "false").with_user("alice").await;
    let web = app.web_client().await;
    for _ in 0..2 {
        let page = alice.visit(&web.asks(&[OFFLINE])).await;
        page.is_page(200).says("when you&#x27;re not present");
        alice.submit(page.form_to("/oauth/authorize").press("approve")).await.is_allowed();
    }
    alice.open(&web.asks(&[OFFLINE, ("prompt", "none")])).await.is_refused("consent_required");
}
