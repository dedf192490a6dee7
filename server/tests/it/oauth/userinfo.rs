//! `/oauth/userinfo` (OpenID Connect Core 5.3; deviation D38).

use authgate_core::client::ClientStatus;
use serde_json::{Value, json};

use crate::util::{Client, START, TestApp};

async fn userinfo(anon: &Client, token: &str) -> Value {
    anon.get("/oauth/userinfo").bearer(token).send().await.ok()
}

#[actix_web::test]
async fn openid_core_5_4_scope_decides_which_claims() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let (web, sub) = (app.web_client().await, app.user_id("alice").await);
    let iss = "http://localhost:8080";
    for (scope, expected) in [
        ("openid read", json!({"sub": sub, "iss": iss})),
        // Not even `openid` is needed: command line clients do not ask for it.
        ("email", json!({"sub": sub, "iss": iss, "email": "alice@example.com", "email_verified": false})),
    ] {
        let (token, _) = alice.tokens(&web, scope).await;
        assert_eq!(userinfo(&anon, &token).await, expected, "{scope}");
    }
    let (token, _) = alice.tokens(&web, "profile").await;
    let claims = userinfo(&anon, &token).await;
    assert_eq!((&claims["preferred_username"], &claims["updated_at"]), (&json!("alice"), &json!(START)));
    assert_eq!((claims.get("email"), claims.get("email_verified")), (None, None));
}

#[actix_web::test]
async fn get_and_post_answer_the_same_and_nobody_may_store_it() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let (token, _) = alice.tokens(&app.web_client().await, "openid profile email").await;
    let get = anon.get("/oauth/userinfo").bearer(&token).send().await;
    let post = anon.post("/oauth/userinfo").bearer(&token).send().await;
    assert_eq!((get.ok(), get.header("cache-control")), (post.ok(), Some("no-store")));
    let form = anon.post("/oauth/userinfo").bearer(&token).form(&[("x", "y")]).send().await;
    assert_eq!(form.ok(), get.ok());
}

#[actix_web::test]
async fn d38_the_token_is_for_this_server() {
    let (app, anon, alice) = TestApp::init().with("JWT_AUDIENCE", "api").with_user("alice").await;
    let web = app.web_client().await;
    let elsewhere = web.granted(&alice, &[("resource", "https://api.example.com")]).await;
    let elsewhere = elsewhere["access_token"].as_str().unwrap();
    let reply = anon.get("/oauth/userinfo").bearer(elsewhere).send().await;
    reply.is_error(401, "invalid_token");
    assert_eq!(anon.status_with("/oauth/tokeninfo", elsewhere).await, 200);
    let both = [("resource", "https://api.example.com"), ("resource", "http://localhost:8080")];
    for more in [&both[..], &[]] {
        let granted = web.granted(&alice, more).await;
        userinfo(&anon, granted["access_token"].as_str().unwrap()).await;
    }
    app.sql("UPDATE clients SET userinfo_any_audience = 1").await;
    userinfo(&anon, elsewhere).await;
}

#[actix_web::test]
async fn a_token_without_a_person_has_no_claims() {
    let (app, anon) = TestApp::init().start();
    let machine = app.machine("profile email", &[]).await;
    let token = machine.token(&anon, &[("grant_type", "client_credentials")]).await.member("access_token");
    let reply = anon.get("/oauth/userinfo").bearer(&token).send().await;
    reply.is_error(401, "invalid_token");
    assert_eq!(reply.header("www-authenticate"), Some(r#"Bearer realm="authgate", error="invalid_token""#));
}

#[actix_web::test]
async fn adv_02_nothing_is_said_about_who_is_gone() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (token, _) = alice.tokens(&web, "openid").await;
    app.switch_client(&web.id, ClientStatus::Inactive).await;
    assert_eq!(anon.status_with("/oauth/userinfo", &token).await, 401);
    app.switch_client(&web.id, ClientStatus::Active).await;
    let (token, _) = alice.tokens(&web, "openid").await;
    app.sql("DELETE FROM users WHERE username = 'alice'").await;
    for path in ["/oauth/userinfo", "/oauth/tokeninfo"] {
        assert_eq!(anon.status_with(path, &token).await, 401, "{path}");
    }
}
