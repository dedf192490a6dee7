//! ID tokens of every grant (OpenID Connect Core 2, 3.1.3, 12).

use authgate_core::keys::Algorithm;
use serde_json::{Value, json};

use crate::util::jws::{self, Jws};
use crate::util::{Client, Registered, Reply, TestApp};

async fn id_token(http: &Client, tokens: &Reply) -> Jws {
    Jws::verified(http, tokens.ok()["id_token"].as_str().expect("openid was granted")).await
}

async fn granted(http: &Client, web: &Registered, more: &[(&str, &str)]) -> Reply {
    let reply = http.allow(&web.asks(&[&[("prompt", "consent")], more].concat())).await;
    web.redeem(http, &reply.sent("code")).await
}

#[actix_web::test]
async fn openid_core_2_the_claims_of_an_id_token() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let login = app.context().now();
    app.clock.advance(100);
    let tokens = granted(&alice, &web, &[("nonce", "n-1")]).await;
    let Jws { header, claims, .. } = id_token(&alice, &tokens).await;
    let now = app.context().now();
    assert_eq!((&header["alg"], &header["typ"]), (&json!("RS256"), &json!("JWT")));
    assert_eq!(claims["iss"], "http://localhost:8080");
    assert_eq!(claims["sub"], app.user_id("alice").await);
    assert_eq!(claims["aud"], web.id);
    assert_eq!((claims["iat"].as_i64(), claims["auth_time"].as_i64()), (Some(now), Some(login)));
    assert!(claims["exp"].as_i64().unwrap() > now);
    assert_eq!(claims["nonce"], "n-1", "3.1.3.7: unmodified");
    assert_eq!(claims["amr"], json!(["pwd"]));
    assert_eq!(claims["at_hash"], jws::at_hash(tokens.ok()["access_token"].as_str().unwrap()));
    assert!(claims.get("azp").is_none(), "2: the client is the only audience");
    let without = id_token(&alice, &granted(&alice, &web, &[]).await).await;
    assert!(without.claims.get("nonce").is_none(), "without one, none");
    let reply = granted(&alice, &web, &[("scope", "read")]).await;
    assert!(reply.ok().get("id_token").is_none(), "3.1.2.1: without openid this is no OpenID request");
}

#[actix_web::test]
async fn openid_core_12_2_a_refreshed_id_token_is_about_the_same_login() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let tokens = granted(&alice, &web, &[("nonce", "n-1")]).await;
    let first = id_token(&alice, &tokens).await.claims;
    app.clock.advance(1000);
    let again = web.refresh(&alice, tokens.ok()["refresh_token"].as_str().unwrap()).await;
    let second = id_token(&alice, &again).await.claims;
    for name in ["iss", "sub", "aud", "auth_time", "acr", "amr"] {
        assert_eq!(second[name], first[name], "{name} MUST be the same");
    }
    assert_eq!(second["iat"].as_i64(), Some(app.context().now()), "iat MUST be the time of the new one");
    assert!(second.get("nonce").is_none(), "it SHOULD NOT have a nonce");
    assert!(second.get("azp").is_none() && second["jti"] != first["jti"]);
    assert_eq!(second["at_hash"], jws::at_hash(again.ok()["access_token"].as_str().unwrap()));
}

#[actix_web::test]
async fn d31_a_device_gets_an_id_token_when_openid_was_granted() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    for (scope, expected) in [("openid email", true), ("email", false)] {
        let device = web.device(&anon, &[("scope", scope)]).await;
        alice.decide(&device, "approve").await;
        app.clock.advance(10);
        let tokens = web.poll(&anon, &device).await;
        assert_eq!(tokens.ok().get("id_token").is_some(), expected, "{scope}");
        if expected {
            let claims: Value = id_token(&anon, &tokens).await.claims;
            assert_eq!((&claims["aud"], &claims["amr"]), (&json!(web.id), &json!(["pwd"])));
        }
    }
}

#[actix_web::test]
async fn openid_registration_2_each_client_has_its_algorithm() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
        app.change_client(&web.id, move |spec| spec.id_token_alg = Some(algorithm)).await;
        let jws = id_token(&alice, &granted(&alice, &web, &[]).await).await;
        assert_eq!(jws.header["alg"], algorithm.as_str());
    }
}
