//! Parameters of the authorization request (OpenID Connect Core 3.1.2.1, 5.5.1, 6).

use crate::util::jws::Jws;
use crate::util::{PASSWORD, TestApp};

const ACR: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

#[actix_web::test]
async fn openid_core_6_request_objects_are_refused_by_their_codes() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    for (name, value, error) in [
        ("request", "e30.e30.", "request_not_supported"),
        ("request_uri", "https://app.example.com/request", "request_uri_not_supported"),
        ("registration", "{}", "registration_not_supported"),
    ] {
        let reply = alice.open(&web.asks(&[(name, value)])).await;
        reply.is_refused(error);
        assert_eq!(
            (reply.sent("state").as_str(), reply.sent("iss").as_str()),
            ("s1", "http://localhost:8080")
        );
    }
}

#[actix_web::test]
async fn openid_core_3_1_2_1_what_is_not_understood_is_ignored() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    alice.allow(&web.asks(&[])).await;
    for (name, value) in [
        ("unknown", "x"),
        ("display", "popup"),
        ("ui_locales", "fr-CA fr en"),
        ("claims_locales", "de"),
        ("acr_values", "urn:nobody:has:this"),
    ] {
        alice.open(&web.asks(&[(name, value)])).await.is_allowed();
    }
}

#[actix_web::test]
async fn openid_core_5_5_1_1_an_essential_acr_is_met_or_the_client_hears_of_it() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    alice.allow(&web.asks(&[])).await;
    let claims = |acr: &str, essential: bool| {
        format!(r#"{{"id_token":{{"acr":{{"essential":{essential},"values":["urn:x","{acr}"]}}}}}}"#)
    };
    let unmet = claims("urn:y", true);
    alice.open(&web.asks(&[("claims", &unmet)])).await.is_refused("unmet_authentication_requirements");
    alice.open(&web.asks(&[("claims", &claims("urn:y", false))])).await.is_allowed();
    let reply = alice.open(&web.asks(&[("claims", &claims(ACR, true))])).await;
    let tokens = web.redeem(&alice, &reply.is_allowed().sent("code")).await.ok();
    let id_token = Jws::verified(&alice, tokens["id_token"].as_str().unwrap()).await.claims;
    assert_eq!((&id_token["acr"], &id_token["amr"]), (&ACR.into(), &serde_json::json!(["pwd"])));
    // A session that does not say how it came about is no proof; logging in again is.
    app.sql("UPDATE sessions SET acr = ''").await;
    let page = alice.visit(&web.asks(&[("claims", &claims(ACR, true))])).await;
    let form = page.form_to("/login").with("username", "alice").with("password", PASSWORD);
    alice.follow(alice.submit(form).await).await.is_allowed();
}

#[actix_web::test]
async fn openid_core_5_5_1_sub_in_claims_says_who_may_answer() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    alice.allow(&web.asks(&[])).await;
    let (alice_id, claims) =
        (app.user_id("alice").await, |sub: &str| format!(r#"{{"id_token":{{"sub":{{"value":"{sub}"}}}}}}"#));
    alice.open(&web.asks(&[("claims", &claims(&alice_id)), ("prompt", "none")])).await.is_allowed();
    let other = claims("somebody-else");
    alice.open(&web.asks(&[("claims", &other), ("prompt", "none")])).await.is_refused("login_required");
    alice.visit(&web.asks(&[("claims", &other)])).await.form_to("/login");
    let (access, _) = alice.tokens(&web, "openid").await;
    assert!(!access.is_empty());
    let reply = alice.allow(&web.asks(&[("prompt", "consent")])).await;
    let tokens = web.redeem(&alice, &reply.sent("code")).await.ok();
    let hint = tokens["id_token"].as_str().unwrap();
    alice.open(&web.asks(&[("claims", &other), ("id_token_hint", hint)])).await.is_refused("invalid_request");
}

#[actix_web::test]
async fn adv_15_claims_that_are_no_request_are_refused_at_the_client() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    let wide = format!(r#"{{"userinfo":{{"{}":null}}}}"#, "x".repeat(5000));
    for claims in ["x", "[]", "7", r#"{"userinfo":7}"#, r#"{"id_token":{"email":7}}"#, &deep, &wide] {
        alice.open(&web.asks(&[("claims", claims)])).await.is_refused("invalid_request");
    }
}

#[actix_web::test]
async fn openid_core_3_1_2_1_login_hint_fills_the_form_and_decides_nothing() {
    let (app, anon) = TestApp::init().start();
    app.create_user("alice").await;
    let web = app.web_client().await;
    let page = anon.visit(&web.asks(&[("login_hint", "\"><b>mallory")])).await;
    assert_eq!(page.form_to("/login").field("username"), "\"><b>mallory");
    assert_eq!(anon.visit(&web.asks(&[])).await.form_to("/login").field("username"), "");
}
