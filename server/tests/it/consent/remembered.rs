//! When the page may be left out.

use authgate_core::client::{ClientSpec, ClientType};
use authgate_core::consent;

use super::decide;
use crate::util::{Reply, TestApp};

#[actix_web::test]
async fn consent_is_remembered_for_https() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    alice.allow(&web.asks(&[("scope", "openid read write")])).await.is_allowed();
    for scope in ["openid read write", "read", "write openid"] {
        alice.open(&web.asks(&[("scope", scope)])).await.is_allowed();
    }
    alice.open(&web.asks(&[("prompt", "consent")])).await.is_page(200);
    alice.open(&web.asks(&[("resource", "https://api.example.com")])).await.is_page(200);
    app.change_client(&web.id, |spec| spec.name = "Renamed".into()).await;
    alice.open(&web.asks(&[])).await.is_page(200);
}

#[actix_web::test]
async fn a_consent_ages_from_the_last_yes() {
    let (app, _, alice) = TestApp::init().with("CONSENT_MAX_AGE", "24h").with_user("alice").await;
    let web = app.web_client().await;
    alice.allow(&web.asks(&[])).await.is_allowed();
    app.clock.advance(20 * 3600);
    let alice = app.browser_of("alice").await;
    alice.allow(&web.asks(&[("prompt", "consent")])).await.is_allowed();
    app.clock.advance(20 * 3600);
    let alice = app.browser_of("alice").await;
    alice.open(&web.asks(&[])).await.is_allowed();
    app.clock.advance(4 * 3600);
    let alice = app.browser_of("alice").await;
    alice.allow(&web.asks(&[])).await.is_allowed();
    alice.open(&web.asks(&[])).await.is_allowed();
    assert_eq!(app.number("SELECT COUNT(*) FROM consents").await, 1, "it is one and the same");
}

#[actix_web::test]
async fn consent_is_asked_each_time_where_it_is_not_remembered() {
    let (app, _, alice) = TestApp::init().with("CONSENT_REMEMBER", "false").with_user("alice").await;
    let web = app.web_client().await;
    for _ in 0..2 {
        alice.allow(&web.asks(&[])).await.is_allowed();
    }
}

#[actix_web::test]
async fn rfc8252_8_6_a_loopback_redirect_always_asks() {
    let uri = "http://127.0.0.1:8088/cb";
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let native = app.client_of(ClientType::Public, |spec| spec.redirect_uris = vec![uri.into()]).await;
    for _ in 0..2 {
        let page = alice.visit(&native.asks(&[("redirect_uri", uri)])).await;
        page.is_page(200).says("Runs on this device");
        decide(&alice, &page, "approve").await.sent("code");
    }
    let (app, _, alice) =
        TestApp::init().with("COMPAT_REMEMBER_NATIVE_CONSENT", "true").with_user("alice").await;
    let native = app.client_of(ClientType::Public, |spec| spec.redirect_uris = vec![uri.into()]).await;
    alice.allow(&native.asks(&[("redirect_uri", uri)])).await.sent("code");
    alice.open(&native.asks(&[("redirect_uri", uri)])).await.sent("code");
}

#[actix_web::test]
async fn first_party_clients_skip_the_page_unless_it_is_asked_for() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let own = app.client_of(ClientType::Confidential, |spec| spec.skip_consent = true).await;
    alice.open(&own.asks(&[])).await.is_allowed();
    alice.open(&own.asks(&[("prompt", "none")])).await.is_allowed();
    alice.open(&own.asks(&[("prompt", "consent")])).await.is_page(200);
    let uri = "http://127.0.0.1:8088/cb";
    let native = |spec: &mut ClientSpec| {
        spec.skip_consent = true;
        spec.redirect_uris = vec![uri.into()];
    };
    let native = app.client_of(ClientType::Public, native).await;
    alice.open(&native.asks(&[("redirect_uri", uri)])).await.is_page(200);
}

#[actix_web::test]
async fn d6_a_withdrawn_consent_is_asked_for_again_under_another_id() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let code = alice.allow(&web.asks(&[])).await.sent("code");
    let revoke =
        |page: Reply| page.forms().into_iter().find(|f| f.action.starts_with("/account/authorizations/"));
    let form = revoke(alice.visit("/account/authorizations").await).unwrap();
    let reply = alice.submit(form.clone()).await;
    assert_eq!(reply.header("location"), Some("/account/authorizations?success=revoked"));
    assert_eq!(web.redeem(&alice, &code).await.error(), "invalid_grant", "a code that was on its way");
    alice.open(&web.asks(&[("prompt", "none")])).await.is_refused("consent_required");
    alice.allow(&web.asks(&[])).await.is_allowed();
    assert_ne!(revoke(alice.visit("/account/authorizations").await).unwrap().action, form.action);
    let all = app.write(|tx| consent::list(tx, None)).await;
    assert_eq!(all.len(), 1);
}
