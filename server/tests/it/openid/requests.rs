//! What an authorization request may be and how it is answered (OpenID Connect Core 3.1.2).

use serde_json::json;

use crate::util::jws::Jws;
use crate::util::{Client, TestApp};

#[actix_web::test]
async fn openid_core_3_only_the_code_flow_is_offered() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    alice.allow(&web.asks(&[])).await.is_allowed();
    for flow in ["id_token", "id_token token", "code id_token", "code token", "code id_token token", "none"] {
        let reply = alice.open(&web.asks(&[("response_type", flow), ("nonce", "n1")])).await;
        reply.is_refused("unsupported_response_type");
        assert_eq!(reply.location().fragment(), None, "{flow}");
        assert_eq!((reply.param("id_token"), reply.param("access_token")), (None, None), "{flow}");
    }
    let metadata = anon.get("/.well-known/openid-configuration").send().await.ok();
    assert_eq!(metadata["response_types_supported"], json!(["code"]));
    assert!(!metadata["grant_types_supported"].to_string().contains("implicit"), "{metadata}");
}

#[actix_web::test]
async fn openid_core_3_1_2_1_get_and_post_are_the_same_request() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    alice.allow(&web.asks(&[])).await.is_allowed();
    for (more, error) in [(&[][..], None), (&[("scope", "admin")], Some("invalid_scope"))] {
        let asked = web.asks(more);
        let (path, query) = asked.split_once('?').unwrap();
        let got = alice.open(&asked).await;
        let sent = alice.post(path).body("application/x-www-form-urlencoded", query.to_owned()).send().await;
        let sent = alice.follow(sent).await;
        for reply in [got, sent] {
            assert_eq!((reply.param("error").as_deref(), reply.sent("state").as_str()), (error, "s1"));
            assert_eq!(reply.param("code").is_some(), error.is_none());
        }
    }
}

#[actix_web::test]
async fn openid_core_3_1_2_1_the_nonce_comes_back_unmodified() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    for nonce in [" a+b%20&c=d\"\\<> ", "e\u{301} \u{e9} \u{2028}\u{1f511}", &"n".repeat(1024)] {
        let tokens = web.granted(&alice, &[("nonce", nonce)]).await;
        assert_eq!(Jws::read(tokens["id_token"].as_str().unwrap()).claims["nonce"], nonce);
    }
}

#[actix_web::test]
async fn openid_core_3_1_2_6_state_comes_back_if_it_was_sent_and_only_then() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    alice.allow(&web.asks(&[])).await.is_allowed();
    let state = " a+b%20&iss=x\"#\u{e9} ";
    let answer = async |browser: &Client, more: &[(&str, &str)]| {
        browser.open(&web.asks(&[&[("prompt", "none")], more].concat())).await
    };
    for browser in [&alice, &anon] {
        let with = answer(browser, &[("state", state)]).await;
        let without = answer(browser, &[("state", "")]).await;
        assert_eq!((with.sent("state").as_str(), without.param("state")), (state, None));
        assert_eq!(with.param("error"), without.param("error"));
    }
    answer(&alice, &[]).await.is_allowed();
    answer(&anon, &[]).await.is_refused("login_required");
}

#[actix_web::test]
async fn openid_core_3_1_2_4_nothing_is_released_before_the_person_decides() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let codes = "SELECT COUNT(*) FROM authorization_codes";
    let page = alice.visit(&web.asks(&[])).await;
    page.is_page(200);
    alice.open(&web.asks(&[("prompt", "none")])).await.is_refused("consent_required");
    let denied = alice.submit(page.form_to("/oauth/authorize").press("deny")).await;
    denied.is_refused("access_denied");
    assert_eq!(app.number(codes).await, 0);
    alice.allow(&web.asks(&[])).await.is_allowed();
    assert_eq!(app.number(codes).await, 1);
}
