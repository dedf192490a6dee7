//! `/account`: what a person sees of their own, and ends.

use crate::util::{Form, ORIGIN, PASSWORD, Reply, TestApp};

const SESSIONS: &str = "/account/sessions";
const AUTHORIZATIONS: &str = "/account/authorizations";

/// The forms below a path, without those that end everything.
fn below(page: &Reply, path: &str) -> Vec<Form> {
    let mut forms = page.forms();
    forms
        .retain(|form| form.action.starts_with(&format!("{path}/")) && !form.action.ends_with("/revoke-all"));
    forms
}

#[actix_web::test]
async fn everybody_sees_their_own() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    app.create_user("bob").await;
    let bob = app.browser_of("bob").await;
    alice.tokens(&web, "openid offline_access").await;
    let page = alice.visit(SESSIONS).await;
    page.says("alice@example.com").says("This browser").says("Example App").says("offline_access");
    assert_eq!(below(&page, SESSIONS).len(), 2, "a browser and an application");
    assert_eq!(below(&alice.visit(AUTHORIZATIONS).await, AUTHORIZATIONS).len(), 1);
    let page = bob.visit(SESSIONS).await;
    page.says("bob@example.com").says("No app has lasting access");
    assert!(!page.text().contains("alice"));
    assert_eq!(below(&page, SESSIONS).len(), 1);
    bob.visit(AUTHORIZATIONS).await.says("No app has access");
}

#[actix_web::test]
async fn adv_26_what_is_anothers_cannot_be_ended_by_its_id() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (access, refresh) = alice.tokens(&web, "openid offline_access").await;
    app.create_user("mallory").await;
    let mallory = app.browser_of("mallory").await;
    let token =
        mallory.visit(SESSIONS).await.form_to("/account/sessions/revoke-all").field("csrf_token").to_owned();
    let mut forms = below(&alice.visit(SESSIONS).await, SESSIONS);
    forms.extend(below(&alice.visit(AUTHORIZATIONS).await, AUTHORIZATIONS));
    assert_eq!(forms.len(), 3);
    for form in forms {
        let reply = mallory.submit(form.clone().with("csrf_token", &token)).await;
        let refused = reply.status == 403 || reply.sent("error") == "not_found";
        assert!(refused, "{}: {} {:?}", form.action, reply.status, reply.header("location"));
        // With Alice's own form token, which is worth nothing in another session.
        mallory.submit(form).await.is_page(403);
    }
    assert_eq!(alice.visit(SESSIONS).await.status, 200);
    assert!(web.is_live(&anon, &access).await);
    assert_eq!(web.refresh(&anon, &refresh).await.status, 200);
    alice.open(&web.asks(&[("prompt", "none"), ("scope", "openid offline_access")])).await.is_allowed();
}

#[actix_web::test]
async fn what_is_not_there_is_said_to_be_gone() {
    let (_app, _, alice) = TestApp::init().with_user("alice").await;
    let form = alice.visit(SESSIONS).await.form_to("/account/sessions/revoke-all");
    for list in [SESSIONS, AUTHORIZATIONS] {
        let path = format!("{list}/0199a0b0-0000-7000-8000-000000000000/revoke");
        let reply = alice.post(&path).header("origin", ORIGIN).form(&form.pairs()).send().await;
        assert_eq!(reply.header("location"), Some(format!("{list}?error=not_found").as_str()));
        alice.follow(reply).await.says("gone already");
    }
}

#[actix_web::test]
async fn one_browser_is_signed_out_and_its_tokens_with_it() {
    let (app, anon, here) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let there = app.browser_of("alice").await;
    let (access, refresh) = there.tokens(&web, "openid read").await;
    let (offline_access, offline) = there.tokens(&web, "openid offline_access").await;
    let (own, _) = here.tokens(&web, "openid read").await;
    let page = here.visit(SESSIONS).await;
    // This browser stands first.
    let sessions = below(&page, SESSIONS);
    let reply = here.submit(sessions[1].clone()).await;
    assert_eq!(reply.header("location"), Some("/account/sessions?success=revoked"));
    assert_eq!(there.open(SESSIONS).await.location().path(), "/login");
    assert_eq!(here.open(SESSIONS).await.status, 200);
    assert!(!web.is_live(&anon, &access).await);
    assert_eq!(web.refresh(&anon, &refresh).await.error(), "invalid_grant");
    assert!(web.is_live(&anon, &offline_access).await && web.is_live(&anon, &own).await);
    assert_eq!(web.refresh(&anon, &offline).await.status, 200);
    // And this one: it is led to the login page.
    let reply = here.submit(sessions[0].clone()).await;
    assert_eq!(reply.header("location"), Some("/login"));
    assert!(!here.has_cookie("oauth_session") && !web.is_live(&anon, &own).await);
}

#[actix_web::test]
async fn one_application_loses_its_access() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (access, refresh) = alice.tokens(&web, "openid offline_access").await;
    // The newest stands first.
    app.clock.advance(1);
    let (other, _) = alice.tokens(&web, "openid offline_access").await;
    let page = alice.visit(SESSIONS).await;
    let oldest = below(&page, SESSIONS).pop().unwrap();
    let reply = alice.submit(oldest.clone()).await;
    assert_eq!(reply.header("location"), Some("/account/sessions?success=revoked"));
    assert!(!web.is_live(&anon, &access).await && web.is_live(&anon, &other).await);
    assert_eq!(web.refresh(&anon, &refresh).await.error(), "invalid_grant");
    assert_eq!(alice.submit(oldest).await.sent("error"), "not_found", "it is gone");
}

#[actix_web::test]
async fn sign_out_everywhere_ends_everything() {
    let (app, anon, here) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    app.create_user("bob").await;
    let (bob, there) = (app.browser_of("bob").await, app.browser_of("alice").await);
    let (access, refresh) = there.tokens(&web, "openid offline_access").await;
    let code = here.allow(&web.asks(&[("prompt", "consent")])).await.sent("code");
    let form = here.visit(SESSIONS).await.form_to("/account/sessions/revoke-all");
    assert_eq!(here.submit(form).await.header("location"), Some("/login"));
    assert!(!here.has_cookie("oauth_session"));
    for browser in [&here, &there] {
        assert_eq!(browser.open(SESSIONS).await.location().path(), "/login");
    }
    assert!(!web.is_live(&anon, &access).await);
    assert_eq!(web.refresh(&anon, &refresh).await.error(), "invalid_grant");
    assert_eq!(web.redeem(&anon, &code).await.error(), "invalid_grant");
    assert_eq!(bob.open(SESSIONS).await.status, 200, "of others nothing");
    here.sign_in("alice", PASSWORD).await;
    let page = here.visit(SESSIONS).await;
    page.says("No app has lasting access");
    assert_eq!(below(&page, SESSIONS).len(), 1);
    here.visit(AUTHORIZATIONS).await.says("No app has access");
}

#[actix_web::test]
async fn d6_withdrawing_kills_what_grew_from_it_at_once() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (access, refresh) = alice.tokens(&web, "openid offline_access").await;
    let form = below(&alice.visit(AUTHORIZATIONS).await, AUTHORIZATIONS).pop().unwrap();
    let reply = alice.submit(form.clone()).await;
    assert_eq!(reply.header("location"), Some("/account/authorizations?success=revoked"));
    alice.follow(reply).await.says("Access revoked").says("No app has access");
    assert!(!web.is_live(&anon, &access).await);
    assert_eq!(anon.get("/oauth/userinfo").bearer(&access).send().await.status, 401);
    assert_eq!(web.refresh(&anon, &refresh).await.error(), "invalid_grant");
    alice.visit(SESSIONS).await.says("No app has lasting access");
    assert_eq!(alice.submit(form).await.sent("error"), "not_found");
}
