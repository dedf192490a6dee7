//! What is remembered about tokens and clients is never used once it is known to be wrong, and for a second at most.

use authgate_core::audit::Origin;
use authgate_core::client;
use authgate_core::db::{Store, Tx};
use authgate_core::user::{self, UserStatus};
use serde_json::Value;

use crate::util::{Client, Registered, TestApp};

/// A person's tokens at a client.
async fn signed_in(app: &TestApp, web: &Registered, username: &str) -> Value {
    app.create_user(username).await;
    web.granted(&app.browser_of(username).await, &[("scope", "openid read profile")]).await
}

fn access(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

async fn userinfo(http: &Client, token: &str) -> (u16, Value) {
    let reply = http.get("/oauth/userinfo").bearer(token).send().await;
    (reply.status, reply.json())
}

#[actix_web::test]
async fn a_revocation_here_holds_at_once() {
    let (app, anon) = TestApp::init().with("METRICS_ENABLED", "true").start();
    let web = app.web_client().await;
    let tokens = signed_in(&app, &web, "ada").await;
    for _ in 0..2 {
        assert!(web.is_live(&anon, access(&tokens)).await);
        assert_eq!(userinfo(&anon, access(&tokens)).await.0, 200);
    }
    let metrics = anon.get("/metrics").send().await;
    let hits = r#"cache_hits_total{cache_name="token"} 3"#;
    assert!(metrics.text().contains(hits), "it was remembered: {}", metrics.text());
    web.revoke(&anon, access(&tokens)).await;
    assert!(!web.is_live(&anon, access(&tokens)).await);
    assert_eq!(userinfo(&anon, access(&tokens)).await.0, 401);
}

#[actix_web::test]
async fn an_expired_token_is_not_live_however_fresh_the_verdict() {
    let (app, anon) = TestApp::init().with("JWT_EXPIRATION", "1h").with("JWT_EXPIRATION_JITTER", "0").start();
    let (client, secret) = app.confidential_client().await;
    let client = Registered { id: client.id, secret: Some(secret) };
    let reply = client.token(&anon, &[("grant_type", "client_credentials")]).await;
    let (token, lifetime) =
        (reply.json()["access_token"].clone(), reply.json()["expires_in"].as_i64().unwrap());
    app.clock.advance(lifetime - 1);
    assert!(client.is_live(&anon, token.as_str().unwrap()).await);
    app.clock.advance(1);
    assert!(!client.is_live(&anon, token.as_str().unwrap()).await);
}

#[actix_web::test]
async fn what_another_process_changes_is_noticed_within_a_second() {
    let (app, anon) = TestApp::init().start();
    let web = app.web_client().await;
    let tokens = signed_in(&app, &web, "ada").await;
    assert!(web.is_live(&anon, access(&tokens)).await);
    // Another process: it shares nothing with the server but the file.
    let other = Store::sqlite(&app.app.config.database.path, 1).unwrap();
    let ctx = app.context();
    let disabled = other.write(|tx| {
        let user = user::by_username(tx, "ada")?.unwrap();
        user::set_status(tx, &user, UserStatus::Disabled, &Origin::default(), &ctx)
    });
    disabled.unwrap();
    app.clock.advance(1);
    assert!(!web.is_live(&anon, access(&tokens)).await, "a verdict is used for a second");
    assert_eq!(userinfo(&anon, access(&tokens)).await.0, 401);
}

#[actix_web::test]
async fn adv_30_nobody_gets_the_claims_of_another() {
    let (app, anon) = TestApp::init().start();
    let web = app.web_client().await;
    let ada = signed_in(&app, &web, "ada").await;
    let bob = signed_in(&app, &web, "bob").await;
    for _ in 0..3 {
        for (tokens, name) in [(&ada, "ada"), (&bob, "bob")] {
            assert_eq!(userinfo(&anon, access(tokens)).await.1["preferred_username"], name);
        }
    }
}

#[actix_web::test]
async fn a_secret_that_was_replaced_is_refused_at_once() {
    let (app, anon) = TestApp::init().start();
    let web = app.web_client().await;
    let tokens = signed_in(&app, &web, "ada").await;
    assert!(web.is_live(&anon, access(&tokens)).await);
    let (id, ctx) = (web.id.clone(), app.context());
    let rotate = move |tx: &mut Tx<'_>| {
        let client = client::by_id(tx, &id)?.unwrap();
        client::rotate_secret(tx, &client, 0, &Origin::default(), &ctx).map(drop)
    };
    app.app.issuer.write(rotate).await.unwrap();
    let reply = web.asking(&anon, "/oauth/introspect", &[("token", access(&tokens))]).send().await;
    assert_eq!(reply.status, 401);
}
