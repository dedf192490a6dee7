//! `POST /oauth/introspect` (RFC 7662; deviation D21).

use authgate_core::client::{ClientStatus, ClientType};
use serde_json::json;

use crate::util::{START, TestApp};

const SCOPE: (&str, &str) = ("scope", "openid read");

#[actix_web::test]
async fn a_client_learns_all_about_its_own_token() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let access_token = web.granted(&alice, &[SCOPE]).await["access_token"].as_str().unwrap().to_owned();
    let known = web.introspect(&anon, &[("token", &access_token)]).await;
    let issuer = app.app.config.server.issuer.clone();
    assert_eq!(
        known,
        json!({
            "active": true, "scope": "openid read", "client_id": web.id, "token_type": "Bearer",
            "exp": START + 3600, "iat": START, "sub": app.user_id("alice").await, "iss": issuer, "aud": issuer,
            "jti": known["jti"], "username": "alice",
        })
    );
    assert_eq!(app.number("SELECT COUNT(*) FROM tokens").await, 1);
    app.clock.advance(3600);
    assert_eq!(web.introspect(&anon, &[("token", &access_token)]).await, json!({"active": false}));
}

#[actix_web::test]
async fn adv_14_a_stranger_learns_nothing_and_a_resource_server_what_is_for_it() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let more = [SCOPE, ("resource", "https://api.example.com")];
    let access_token = web.granted(&alice, &more).await["access_token"].as_str().unwrap().to_owned();
    let form = [("token", access_token.as_str())];

    let audiences = |list: &'static [&'static str]| {
        move |spec: &mut authgate_core::client::ClientSpec| {
            spec.audiences = Some(list.iter().map(|text| (*text).to_owned()).collect());
        }
    };
    let stranger = app.client_of(ClientType::Confidential, audiences(&["https://other.example.com"])).await;
    assert_eq!(stranger.introspect(&anon, &form).await, json!({"active": false}));
    let api = app.client_of(ClientType::Confidential, audiences(&["https://api.example.com"])).await;
    assert_eq!(api.introspect(&anon, &form).await["aud"], "https://api.example.com");
    let public = app.client_of(ClientType::Public, |_| ()).await;
    assert_eq!(public.introspect(&anon, &form).await, json!({"active": false}));

    web.post(&anon, "/oauth/introspect", &[]).await.is_error(400, "invalid_request");
    anon.post("/oauth/introspect").form(&form).send().await.is_error(401, "invalid_client");
    let wrong = anon.post("/oauth/introspect").basic(&api.id, "ago_wrong").form(&form).send().await;
    wrong.is_error(401, "invalid_client");
    assert_eq!(wrong.header("www-authenticate"), Some(r#"Basic realm="authgate""#));
}

#[actix_web::test]
async fn d21_a_refresh_token_is_known_to_its_own_client_that_says_so() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let refresh_token = web.granted(&alice, &[SCOPE]).await["refresh_token"].as_str().unwrap().to_owned();
    let hinted = [("token", refresh_token.as_str()), ("token_type_hint", "refresh_token")];
    let known = web.introspect(&anon, &hinted).await;
    assert_eq!((&known["active"], &known["client_id"]), (&json!(true), &json!(web.id)));
    assert!(known.get("token_type").is_none(), "so that it passes for no access token");
    assert_eq!(web.introspect(&anon, &hinted[..1]).await, json!({"active": false}));
    let other = app.web_client().await;
    assert_eq!(other.introspect(&anon, &hinted).await, json!({"active": false}));
}

#[actix_web::test]
async fn what_ends_a_token_shows_at_once() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let (web, watcher) = (app.web_client().await, app.web_client().await);
    let token = |tokens: serde_json::Value| tokens["access_token"].as_str().unwrap().to_owned();
    let inactive = json!({"active": false});

    let first = token(web.granted(&alice, &[SCOPE]).await);
    assert_eq!(
        watcher.introspect(&anon, &[("token", &first)]).await["active"],
        true,
        "it has the default audience"
    );
    app.switch_client(&web.id, ClientStatus::Inactive).await;
    assert_eq!(watcher.introspect(&anon, &[("token", &first)]).await, inactive);
    app.switch_client(&web.id, ClientStatus::Active).await;
    assert_eq!(watcher.introspect(&anon, &[("token", &first)]).await, inactive, "it does not come back");

    let second = token(web.granted(&alice, &[SCOPE]).await);
    app.disable_user("alice").await;
    assert_eq!(watcher.introspect(&anon, &[("token", &second)]).await, inactive);
}

#[actix_web::test]
async fn d21_what_only_the_compatibility_switch_shows_is_audited() {
    let init = TestApp::init().with("COMPAT_INTROSPECT_ANY", "true");
    let (app, anon, alice) = init.with_user("alice").await;
    let web = app.web_client().await;
    let stranger = app.client_of(ClientType::Confidential, |spec| spec.audiences = Some(Vec::new())).await;
    let tokens = web.granted(&alice, &[SCOPE]).await;
    let form = [("token", tokens["access_token"].as_str().unwrap())];
    assert_eq!(web.introspect(&anon, &form).await["active"], true);
    assert_eq!(app.events("COMPAT_SWITCH_USED").await, 0, "its own client needs no switch");
    assert_eq!(stranger.introspect(&anon, &form).await["active"], true);
    assert_eq!(app.events("COMPAT_SWITCH_USED").await, 1);
}
