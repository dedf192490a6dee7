//! A consent grows without losing, and what is taken back is dead everywhere (M19, D6).

use authgate_core::scope::Scope;

use crate::util::{Registered, TestApp};

const FILES: &str = "https://files.example.com/";
const MAIL: &str = "https://mail.example.com/";

async fn everything(app: &TestApp) -> Registered {
    let web = app.web_client().await;
    app.change_client(&web.id, |spec| {
        spec.scopes = Scope::parse("openid read write offline_access").unwrap();
    })
    .await;
    web
}

#[actix_web::test]
async fn m19_a_step_up_adds_to_the_consent_and_loses_nothing() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = everything(&app).await;
    alice.allow(&web.asks(&[("scope", "openid read")])).await.is_allowed();
    let id = "SELECT COUNT(DISTINCT id) FROM consents";
    let (_, old) = alice.tokens(&web, "openid read").await;
    let page = alice.visit(&web.asks(&[("scope", "openid write")])).await;
    assert_eq!(page.is_page(200).text().matches(">New<").count(), 1, "only write is new");
    alice.submit(page.form_to("/oauth/authorize").press("approve")).await.is_allowed();
    // Both together need no further question, and the grant from before goes on.
    alice.visit(&web.asks(&[("scope", "openid read write")])).await.is_allowed();
    assert_eq!(web.refresh(&alice, &old).await.ok()["scope"], "openid read");
    assert_eq!(app.number(id).await, 1, "one record, whose id stays");
}

#[actix_web::test]
async fn consent_pairs_never_cross() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = everything(&app).await;
    let asks = |scope: &str, resource: &str| web.asks(&[("scope", scope), ("resource", resource)]);
    alice.allow(&asks("read", FILES)).await.is_allowed();
    alice.allow(&asks("write", MAIL)).await.is_allowed();
    for (scope, resource) in [("read", FILES), ("write", MAIL)] {
        alice.visit(&asks(scope, resource)).await.is_allowed();
    }
    for (scope, resource) in [("write", FILES), ("read", MAIL)] {
        alice.visit(&asks(scope, resource)).await.is_page(200);
    }
    alice.visit(&web.asks(&[("scope", "read")])).await.is_page(200);
}

#[actix_web::test]
async fn d6_a_withdrawn_consent_ends_all_that_grew_from_it() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = everything(&app).await;
    let (access, refresh) = alice.tokens(&web, "openid offline_access").await;
    let again = web.refresh(&alice, &refresh).await.ok();
    let code = web.code(&alice, &[]).await;
    let device = web.device(&anon, &[("scope", "read")]).await;
    alice.decide(&device, "approve").await;
    for _ in 0..2 {
        let page = alice.open("/account/authorizations").await;
        let form = page.forms().into_iter().find(|form| form.action.ends_with("/revoke"));
        assert_eq!(alice.submit(form.expect("one is left")).await.status, 302);
    }
    app.clock.advance(10);
    for token in [access.as_str(), again["access_token"].as_str().unwrap()] {
        assert!(!web.is_live(&anon, token).await);
        assert_eq!(anon.status_with("/oauth/userinfo", token).await, 401);
    }
    let newest = again["refresh_token"].as_str().unwrap();
    assert_eq!(web.refresh(&anon, newest).await.error(), "invalid_grant");
    assert_eq!(web.redeem(&anon, &code).await.error(), "invalid_grant");
    assert_eq!(web.poll(&anon, &device).await.error(), "invalid_grant");
    alice.visit(&web.asks(&[("scope", "openid")])).await.is_page(200);
}
