//! `grant_type=authorization_code` (RFC 6749 4.1.3, RFC 7636 4.5, OpenID Connect Core 3.1.3).

use authgate_core::client::{ClientType, Grant};
use serde_json::json;

use crate::util::jws::{Jws, at_hash};
use crate::util::{CALLBACK, Reply, START, TestApp, VERIFIER};

const API: &str = "https://api.example.com";
const FILES: &str = "https://files.example.com";

fn names(claims: &serde_json::Value) -> Vec<&str> {
    let mut names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[actix_web::test]
async fn rfc9068_2_the_access_token() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    app.clock.advance(7);
    let granted = web.granted(&alice, &[("scope", "openid profile read")]).await;
    assert_eq!(granted["scope"], "openid profile read");
    let token = Jws::verified(&anon, granted["access_token"].as_str().unwrap()).await;
    assert_eq!(names(&token.header), ["alg", "kid", "typ"]);
    assert_eq!((&token.header["typ"], &token.header["alg"]), (&json!("at+jwt"), &json!("ES256")));
    let claims = token.claims;
    assert_eq!(
        names(&claims),
        ["aud", "client_id", "exp", "extra_uid", "iat", "iss", "jti", "scope", "sub", "type", "user_id"]
    );
    let user = app.user_id("alice").await;
    for (name, value) in [
        ("iss", json!("http://localhost:8080")),
        ("aud", json!("http://localhost:8080")),
        ("sub", json!(user)),
        ("user_id", json!(user)),
        ("client_id", json!(web.id)),
        ("scope", json!("openid profile read")),
        ("type", json!("access")),
        ("extra_uid", json!("alice")),
        ("iat", json!(START + 7)),
        ("exp", json!(START + 7 + 3600)),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
}

#[actix_web::test]
async fn openid_core_3_1_3_6_the_id_token() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    app.clock.advance(7);
    let asked = [("scope", "openid profile email read"), ("nonce", "n-0S6_WzA2Mj")];
    let granted = web.granted(&alice, &asked).await;
    let token = Jws::verified(&anon, granted["id_token"].as_str().unwrap()).await;
    assert_eq!((&token.header["typ"], &token.header["alg"]), (&json!("JWT"), &json!("RS256")));
    let claims = token.claims;
    for (name, value) in [
        ("iss", json!("http://localhost:8080")),
        ("aud", json!(web.id)),
        ("sub", json!(app.user_id("alice").await)),
        ("nonce", json!("n-0S6_WzA2Mj")),
        ("auth_time", json!(START)),
        ("iat", json!(START + 7)),
        ("exp", json!(START + 7 + 3600)),
        ("at_hash", json!(at_hash(granted["access_token"].as_str().unwrap()))),
        ("preferred_username", json!("alice")),
        ("email", json!("alice@example.com")),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    for foreign in ["scope", "client_id", "type", "user_id", "extra_uid"] {
        assert_eq!(claims.get(foreign), None, "{foreign} is of access tokens");
    }
    let plain = web.granted(&alice, &[("scope", "openid")]).await;
    let claims = Jws::read(plain["id_token"].as_str().unwrap()).claims;
    for absent in ["nonce", "email", "email_verified", "name", "preferred_username", "updated_at"] {
        assert_eq!(claims.get(absent), None, "{absent}");
    }
}

#[actix_web::test]
async fn rfc8707_resources_become_the_audience() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let aud = |granted: &serde_json::Value| {
        Jws::read(granted["access_token"].as_str().unwrap()).claims["aud"].clone()
    };
    let one = web.granted(&alice, &[("resource", API)]).await;
    assert_eq!(aud(&one), json!(API), "one value is a string");
    let two = web.granted(&alice, &[("resource", API), ("resource", FILES)]).await;
    assert_eq!(aud(&two), json!([API, FILES]));
    // RFC 8707 2.2: fewer than were granted, never others; a refused request costs nothing.
    let code = web.code(&alice, &[("resource", API), ("resource", FILES)]).await;
    let ask = |resource: &'static str| {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("resource", resource),
        ];
        let secret = web.secret.as_ref().unwrap().expose();
        anon.post("/oauth/token").basic(&web.id, secret).form(&form).send()
    };
    ask("https://other.example.com").await.is_error(400, "invalid_target");
    assert_eq!(aud(&ask(FILES).await.ok()), json!(FILES));
}

#[actix_web::test]
async fn d29_the_configured_audience_is_the_default() {
    let (app, _anon, alice) = TestApp::init().with("JWT_AUDIENCE", "api,other").with_user("alice").await;
    let web = app.web_client().await;
    let granted = web.granted(&alice, &[]).await;
    let claims = Jws::read(granted["access_token"].as_str().unwrap()).claims;
    assert_eq!(claims["aud"], json!(["api", "other"]));
}

#[actix_web::test]
async fn d30_scopes_that_the_client_has_not_are_dropped_everywhere() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let granted = web.granted(&alice, &[("scope", "openid read admin")]).await;
    let token = granted["access_token"].as_str().unwrap();
    assert_eq!(granted["scope"], "openid read");
    assert_eq!(Jws::read(token).claims["scope"], "openid read");
    assert_eq!(web.introspect(&anon, &[("token", token)]).await["scope"], "openid read");
}

async fn exchange(app: &TestApp, client: &crate::util::Registered, more: &[(&str, &str)]) -> Reply {
    let usual =
        [("grant_type", "authorization_code"), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
    let changed = |name: &str| more.iter().any(|(known, _)| *known == name);
    let usual = usual.into_iter().filter(|(name, _)| !changed(name));
    let form: Vec<_> = usual.chain(more.iter().copied()).collect();
    client.token(&app.client(), &form).await
}

#[actix_web::test]
async fn rfc7636_4_6_and_rfc6749_4_1_3_a_request_that_does_not_fit_is_refused_and_burns_nothing() {
    let (app, _anon, alice) = TestApp::init().with_user("alice").await;
    let (web, other) = (app.web_client().await, app.web_client().await);
    let public = app.client_of(ClientType::Public, |_| ()).await;
    for client in [web, public] {
        let code = client.code(&alice, &[]).await;
        let ask = async |more: &[(&str, &str)]| {
            exchange(&app, &client, &[&[("code", code.as_str())], more].concat()).await
        };
        for wrong in [
            ("code_verifier", ""),
            ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK"),
            ("code_verifier", "short"),
            ("redirect_uri", "https://app.example.com/callback/"),
            ("redirect_uri", "https://app.example.com/CALLBACK"),
        ] {
            ask(&[wrong]).await.is_error(400, "invalid_grant");
        }
        // adv_01
        exchange(&app, &other, &[("code", &code)]).await.is_error(400, "invalid_grant");
        let almost = format!("{}0", &code[..code.len() - 1]);
        for wrong in [almost.as_str(), &code[..code.len() - 1], &format!("{code} "), &code.to_uppercase()] {
            if wrong != code {
                exchange(&app, &client, &[("code", wrong)]).await.is_error(400, "invalid_grant");
            }
        }
        // D2: PKCE proves what the redirect URI would.
        ask(&[("redirect_uri", "")]).await.ok();
    }
}

#[actix_web::test]
async fn adv_06_without_a_challenge_no_verifier_is_taken_and_the_redirect_uri_is_needed() {
    let (app, _anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.client_of(ClientType::Confidential, |spec| spec.pkce_required = Some(false)).await;
    let code = web.code(&alice, &[("code_challenge", ""), ("code_challenge_method", "")]).await;
    let code = ("code", code.as_str());
    exchange(&app, &web, &[code]).await.is_error(400, "invalid_grant");
    let none = ("code_verifier", "");
    exchange(&app, &web, &[code, none, ("redirect_uri", "")]).await.is_error(400, "invalid_request");
    exchange(&app, &web, &[code, none]).await.ok();
}

#[actix_web::test]
async fn a_code_lives_for_a_minute() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (first, second) = (web.code(&alice, &[]).await, web.code(&alice, &[]).await);
    app.clock.advance(59);
    web.redeem(&anon, &first).await.ok();
    app.clock.advance(1);
    web.redeem(&anon, &second).await.is_error(400, "invalid_grant");
}

#[actix_web::test]
async fn d11_a_code_that_comes_again_ends_what_it_produced_unless_it_was_a_blind_repeat() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let code = web.code(&alice, &[]).await;
    let granted = web.redeem(&anon, &code).await;
    let token = granted.member("access_token");
    app.clock.advance(10);
    web.redeem(&anon, &code).await.is_error(400, "invalid_grant");
    assert!(web.is_live(&anon, &token).await);
    app.clock.advance(1);
    // Whoever cannot pass for the client ends nothing.
    exchange(&app, &web, &[("code", &code), ("code_verifier", "")]).await.is_error(400, "invalid_grant");
    assert!(web.is_live(&anon, &token).await);
    web.redeem(&anon, &code).await.is_error(400, "invalid_grant");
    assert!(!web.is_live(&anon, &token).await);
    web.refresh(&anon, &granted.member("refresh_token")).await.is_error(400, "invalid_grant");
}

#[actix_web::test]
async fn adv_02_a_code_is_worth_nothing_once_its_user_or_client_is_disabled() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let code = web.code(&alice, &[]).await;
    app.sql("UPDATE clients SET epoch = epoch + 1").await;
    web.redeem(&anon, &code).await.is_error(400, "invalid_grant");
    let code = web.code(&alice, &[]).await;
    app.disable_user("alice").await;
    web.redeem(&anon, &code).await.is_error(400, "invalid_grant");
}

#[actix_web::test]
async fn private_claims_come_from_the_registration_and_the_configuration() {
    let (app, _anon, alice) = TestApp::init()
        .with("JWT_DOMAIN", "example.com")
        .with("JWT_PRIVATE_CLAIM_PREFIX", "acme")
        .with_user("alice")
        .await;
    let web = app
        .client_of(ClientType::Confidential, |spec| {
            spec.project = Some("apollo".into());
            spec.service_account = Some("robot@example".into());
        })
        .await;
    let granted = web.granted(&alice, &[]).await;
    let claims = Jws::read(granted["access_token"].as_str().unwrap()).claims;
    assert_eq!(claims["acme_domain"], "example.com");
    assert_eq!(claims["acme_project"], "apollo");
    assert_eq!(claims["acme_service_account"], "robot@example");
    assert_eq!(claims["acme_uid"], "alice");
    let id_token = Jws::read(granted["id_token"].as_str().unwrap()).claims;
    assert!(!id_token.to_string().contains("acme_"), "{id_token}");
}

#[actix_web::test]
async fn refresh_tokens_come_with_the_refresh_grant() {
    let (app, _anon, alice) = TestApp::init().with_user("alice").await;
    let without = |spec: &mut authgate_core::client::ClientSpec| spec.grants = vec![Grant::AuthorizationCode];
    let web = app.client_of(ClientType::Confidential, without).await;
    assert_eq!(web.granted(&alice, &[]).await.get("refresh_token"), None);
}

#[actix_web::test]
async fn d31_refresh_tokens_can_be_switched_off() {
    let (app, anon, alice) = TestApp::init().with("ENABLE_REFRESH_TOKENS", "false").with_user("alice").await;
    let web = app.web_client().await;
    assert_eq!(web.granted(&alice, &[]).await.get("refresh_token"), None);
    web.refresh(&anon, "agr_x").await.is_error(400, "unsupported_grant_type");
    for document in ["openid-configuration", "oauth-authorization-server"] {
        let metadata = anon.get(&format!("/.well-known/{document}")).send().await.json();
        assert!(!metadata["grant_types_supported"].to_string().contains("refresh_token"), "{metadata}");
    }
}
