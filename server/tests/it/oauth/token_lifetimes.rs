//! `expires_in`, and that a token ends when it says.

use authgate_core::client::{ClientType, TokenProfile};

use crate::util::jws::Jws;
use crate::util::{Client, START, TestApp};

async fn ends_after(app: &TestApp, anon: &Client, granted: &serde_json::Value, seconds: i64) {
    let token = granted["access_token"].as_str().unwrap();
    assert_eq!(granted["expires_in"], seconds);
    assert_eq!(Jws::read(token).claims["exp"], START + seconds);
    app.clock.advance(seconds - 1);
    assert_eq!(anon.status_with("/oauth/tokeninfo", token).await, 200);
    app.clock.advance(1);
    assert_eq!(anon.status_with("/oauth/tokeninfo", token).await, 401);
}

#[actix_web::test]
async fn each_token_profile_has_its_lifetime() {
    for (profile, seconds) in
        [(TokenProfile::Short, 900), (TokenProfile::Standard, 3600), (TokenProfile::Long, 86_400)]
    {
        let (app, anon, alice) = TestApp::init().with_user("alice").await;
        let web = app.client_of(ClientType::Confidential, |spec| spec.token_profile = profile).await;
        // Long tokens outlive the session, which ends only what hangs on it when somebody signs out.
        let granted = web.granted(&alice, &[("scope", "read offline_access")]).await;
        ends_after(&app, &anon, &granted, seconds).await;
    }
}

#[actix_web::test]
async fn client_credentials_have_a_lifetime_of_their_own() {
    let (app, anon) = TestApp::init().with("CLIENT_CREDENTIALS_TOKEN_EXPIRATION", "2m").start();
    let machine = app.machine("read", &[]).await;
    let granted = machine.token(&anon, &[("grant_type", "client_credentials")]).await.ok();
    ends_after(&app, &anon, &granted, 120).await;
}

#[actix_web::test]
async fn jitter_is_part_of_what_is_promised_and_only_of_standard_tokens() {
    let (app, _anon, alice) = TestApp::init()
        .with("JWT_EXPIRATION", "10m")
        .with("JWT_EXPIRATION_JITTER", "5m")
        .with_user("alice")
        .await;
    let web = app.web_client().await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..8 {
        let granted = web.granted(&alice, &[]).await;
        let seconds = granted["expires_in"].as_i64().unwrap();
        assert!((600..900).contains(&seconds), "{seconds}");
        let claims = Jws::read(granted["access_token"].as_str().unwrap()).claims;
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), seconds);
        seen.insert(seconds);
    }
    assert!(seen.len() > 1, "eight equal draws of 300: {seen:?}");
    let short =
        app.client_of(ClientType::Confidential, |spec| spec.token_profile = TokenProfile::Short).await;
    assert_eq!(short.granted(&alice, &[]).await["expires_in"], 900);
}
