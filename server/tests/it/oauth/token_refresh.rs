//! `grant_type=refresh_token` (RFC 6749 6), as a client sees it; the rules are tested beside the core.

use authgate_core::client::{ClientStatus, ClientType};
use serde_json::json;

use crate::util::jws::{Jws, at_hash};
use crate::util::{Client, Registered, Reply, START, TestApp};

const API: &str = "https://api.example.com";
const FILES: &str = "https://files.example.com";

async fn ask(client: &Registered, anon: &Client, token: &str, more: &[(&str, &str)]) -> Reply {
    client.token(anon, &[&[("grant_type", "refresh_token"), ("refresh_token", token)], more].concat()).await
}

#[actix_web::test]
async fn a_refresh_rotates_and_answers_as_the_code_did() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    for client in [app.web_client().await, app.client_of(ClientType::Public, |_| ()).await] {
        let granted = client.granted(&alice, &[("scope", "openid read"), ("nonce", "n1")]).await;
        let first = granted["refresh_token"].as_str().unwrap();
        let reply = client.refresh(&anon, first).await;
        assert_eq!(reply.member("scope"), "openid read");
        assert_ne!(reply.member("refresh_token"), first);
        let access = reply.member("access_token");
        let claims = Jws::verified(&anon, &access).await.claims;
        let before = Jws::read(granted["access_token"].as_str().unwrap()).claims;
        for name in ["iss", "sub", "aud", "client_id", "scope", "type", "user_id", "extra_uid"] {
            assert_eq!(claims[name], before[name], "{name}");
        }
        assert_ne!(claims["jti"], before["jti"]);
        // OpenID Connect Core 12.2: the same subject and login, and no nonce needed.
        let id_token = Jws::verified(&anon, &reply.member("id_token")).await.claims;
        assert_eq!((&id_token["sub"], &id_token["auth_time"]), (&before["sub"], &json!(START)));
        assert_eq!((&id_token["aud"], &id_token["at_hash"]), (&json!(client.id), &json!(at_hash(&access))));
        client.refresh(&anon, &reply.member("refresh_token")).await.ok();
    }
}

#[actix_web::test]
async fn a_lost_answer_can_be_asked_for_again_and_a_superseded_token_ends_everything() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (access, first) = alice.tokens(&web, "read").await;
    let second = web.refresh(&anon, &first).await.member("refresh_token");
    app.clock.advance(60);
    let again = web.refresh(&anon, &first).await;
    assert_eq!(again.member("refresh_token"), second, "byte for byte");
    assert!(web.is_live(&anon, &again.member("access_token")).await);
    app.clock.advance(1);
    web.refresh(&anon, &first).await.is_error(400, "invalid_grant");
    web.refresh(&anon, &second).await.is_error(400, "invalid_grant");
    for token in [access, again.member("access_token")] {
        assert!(!web.is_live(&anon, &token).await);
    }
}

#[actix_web::test]
async fn d8_a_narrower_scope_is_what_the_token_carries_and_the_grant_keeps_its_own() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (_, token) = alice.tokens(&web, "openid read write").await;
    let narrow = ask(&web, &anon, &token, &[("scope", "read")]).await;
    assert_eq!(narrow.member("scope"), "read");
    assert_eq!(narrow.ok().get("id_token"), None);
    let access = narrow.member("access_token");
    assert_eq!(Jws::read(&access).claims["scope"], "read");
    assert_eq!(web.introspect(&anon, &[("token", &access)]).await["scope"], "read");
    let newest = narrow.member("refresh_token");
    for scope in ["profile", "read admin"] {
        ask(&web, &anon, &newest, &[("scope", scope)]).await.is_error(400, "invalid_scope");
    }
    assert_eq!(web.refresh(&anon, &newest).await.member("scope"), "openid read write");
}

#[actix_web::test]
async fn rfc8707_2_2_resources_are_narrowed_and_never_widened() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let granted = web.granted(&alice, &[("resource", API), ("resource", FILES)]).await;
    let token = granted["refresh_token"].as_str().unwrap();
    let aud = |reply: &Reply| Jws::read(&reply.member("access_token")).claims["aud"].clone();
    let narrow = ask(&web, &anon, token, &[("resource", FILES)]).await;
    assert_eq!(aud(&narrow), json!(FILES));
    let newest = narrow.member("refresh_token");
    ask(&web, &anon, &newest, &[("resource", "https://c.example.com")]).await.is_error(400, "invalid_target");
    assert_eq!(aud(&web.refresh(&anon, &newest).await), json!([API, FILES]));
    let (_, unbound) = alice.tokens(&web, "read").await;
    ask(&web, &anon, &unbound, &[("resource", API)]).await.is_error(400, "invalid_target");
}

#[actix_web::test]
async fn d5_without_rotation_confidential_clients_keep_their_token_and_public_ones_do_not() {
    let (app, anon, alice) = TestApp::init().with("ENABLE_TOKEN_ROTATION", "false").with_user("alice").await;
    let (web, public) = (app.web_client().await, app.client_of(ClientType::Public, |_| ()).await);
    let (_, fixed) = alice.tokens(&web, "read").await;
    for _ in 0..3 {
        assert_eq!(web.refresh(&anon, &fixed).await.member("refresh_token"), fixed);
        app.clock.advance(100);
    }
    let (_, rotating) = alice.tokens(&public, "read").await;
    assert_ne!(public.refresh(&anon, &rotating).await.member("refresh_token"), rotating);
}

#[actix_web::test]
async fn d5_the_compatibility_switch_fixes_public_ones_too() {
    let init = TestApp::init().with("COMPAT_FIXED_PUBLIC_REFRESH", "true");
    let (app, anon, alice) = init.with_user("alice").await;
    let public = app.client_of(ClientType::Public, |_| ()).await;
    let (_, fixed) = alice.tokens(&public, "read").await;
    assert_eq!(public.refresh(&anon, &fixed).await.member("refresh_token"), fixed);
}

#[actix_web::test]
async fn adv_01_another_clients_refresh_token_is_refused_and_stays_good() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let (web, other) = (app.web_client().await, app.web_client().await);
    let public = app.client_of(ClientType::Public, |_| ()).await;
    let (_, token) = alice.tokens(&web, "read").await;
    for thief in [&other, &public] {
        thief.refresh(&anon, &token).await.is_error(400, "invalid_grant");
    }
    web.refresh(&anon, &token).await.ok();
}

#[actix_web::test]
async fn adv_13_only_the_whole_text_is_a_refresh_token() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (access, token) = alice.tokens(&web, "read").await;
    let (body, last) = token.split_at(token.len() - 1);
    let next = char::from(last.as_bytes()[0] + 1);
    for wrong in [
        body.to_owned(),
        format!("{token}A"),
        format!("{token}="),
        format!("{token} "),
        format!("{body}{next}"),
        token.replace("agr_", ""),
        token.replace("agr_", "AGR_"),
        access,
    ] {
        web.refresh(&anon, &wrong).await.is_error(400, "invalid_grant");
    }
    web.refresh(&anon, &token).await.ok();
}

#[actix_web::test]
async fn adv_02_nothing_is_refreshed_for_who_is_gone() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (_, token) = alice.tokens(&web, "read").await;
    app.switch_client(&web.id, ClientStatus::Inactive).await;
    web.refresh(&anon, &token).await.is_error(401, "invalid_client");
    app.switch_client(&web.id, ClientStatus::Active).await;
    web.refresh(&anon, &token).await.is_error(400, "invalid_grant");
    let (_, token) = alice.tokens(&web, "read").await;
    app.disable_user("alice").await;
    web.refresh(&anon, &token).await.is_error(400, "invalid_grant");
}

#[actix_web::test]
async fn d6_withdrawing_consent_ends_what_was_refreshed_too() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (first, token) = alice.tokens(&web, "read").await;
    let reply = web.refresh(&anon, &token).await;
    let page = alice.open("/account/authorizations").await;
    let mut forms = page.forms().into_iter();
    let form = forms.find(|form| form.action.starts_with("/account/authorizations/")).expect("it is listed");
    alice.submit(form.press_any()).await;
    for token in [first, reply.member("access_token")] {
        assert!(!web.is_live(&anon, &token).await);
    }
    web.refresh(&anon, &reply.member("refresh_token")).await.is_error(400, "invalid_grant");
}

#[actix_web::test]
async fn it_outlives_a_restart() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (access, token) = alice.tokens(&web, "read").await;
    drop(anon);
    let app = app.restarted().await;
    let anon = app.client();
    assert!(web.is_live(&anon, &access).await);
    web.refresh(&anon, &token).await.ok();
}
