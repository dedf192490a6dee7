//! `extra_claims` (contract 3.8, deviation D17), on the wire.

use authgate_core::client::{ClientSpec, ClientType, Grant};
use serde_json::{Value, json};

use crate::util::jws::Jws;
use crate::util::{CALLBACK, Client, DEVICE_GRANT, Registered, TestApp, VERIFIER};

const CLAIMS: (&str, &str) = ("extra_claims", r#"{"tenant":"t-1","limit":123456789012345678901234567890}"#);

async fn start() -> (TestApp, Client, Client) {
    TestApp::init().with("EXTRA_CLAIMS_ENABLED", "true").with_user("alice").await
}

async fn registered(app: &TestApp, names: &'static [&'static str]) -> Registered {
    let change = |spec: &mut ClientSpec| {
        spec.extra_claims = names.iter().map(|name| (*name).to_owned()).collect();
        spec.grants.push(Grant::ClientCredentials);
    };
    app.client_of(ClientType::Confidential, change).await
}

fn code_form(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

fn tenant(answer: &Value, member: &str) -> Value {
    Jws::read(answer[member].as_str().unwrap()).claims["tenant"].clone()
}

#[actix_web::test]
async fn d17_registered_claims_go_into_the_access_tokens_of_all_four_grants_and_nowhere_else() {
    let (app, anon, alice) = start().await;
    let web = registered(&app, &["tenant", "limit"]).await;
    let code = web.code(&alice, &[("scope", "openid read offline_access")]).await;
    let by_code = web.token(&anon, &[&code_form(&code)[..], &[CLAIMS]].concat()).await.ok();
    let device = web.device(&anon, &[("scope", "openid read")]).await;
    alice.decide(&device, "approve").await;
    let form = [("grant_type", DEVICE_GRANT), ("device_code", device.device_code.as_str()), CLAIMS];
    let by_device = web.token(&anon, &form).await.ok();
    let refresh = by_code["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh), CLAIMS];
    let by_refresh = web.token(&anon, &form).await.ok();
    let by_itself = web.token(&anon, &[("grant_type", "client_credentials"), CLAIMS]).await.ok();
    for answer in [&by_code, &by_device, &by_refresh, &by_itself] {
        let token = answer["access_token"].as_str().unwrap();
        assert_eq!(tenant(answer, "access_token"), "t-1");
        assert!(
            Jws::read(token).text.contains("\"limit\":123456789012345678901234567890"),
            "digits are kept"
        );
        let shown = web.introspect(&anon, &[("token", token)]).await;
        assert_eq!((&shown["active"], shown.get("tenant")), (&json!(true), None));
        let shown = anon.get("/oauth/tokeninfo").bearer(token).send().await.ok();
        assert_eq!(shown.get("tenant"), None);
    }
    for answer in [&by_code, &by_device, &by_refresh] {
        assert_eq!(tenant(answer, "id_token"), Value::Null);
    }
    let without = web.refresh(&anon, by_refresh["refresh_token"].as_str().unwrap()).await.ok();
    assert_eq!(tenant(&without, "access_token"), Value::Null, "it is sent again or not there");
}

#[actix_web::test]
async fn adv_37_what_is_refused_uses_nothing_up() {
    let (app, anon, alice) = start().await;
    let (web, other) = (registered(&app, &["tenant"]).await, registered(&app, &[]).await);
    let code = web.code(&alice, &[("scope", "openid read offline_access")]).await;
    let device = web.device(&anon, &[]).await;
    for (claims, words) in [
        (r#"{"roles":["admin"]}"#, "registration does not allow"),
        (r#"{"sub":"root"}"#, "reserved claim key: 'sub'"),
        (r#"{"extra_uid":"root"}"#, "reserved claim key: 'extra_uid'"),
        (r#"{"tenant":1,"tenant":2}"#, "invalid JSON"),
        ("[]", "invalid JSON"),
        ("{", "invalid JSON"),
    ] {
        for form in [
            &code_form(&code)[..],
            &[("grant_type", DEVICE_GRANT), ("device_code", &device.device_code)],
            &[("grant_type", "client_credentials")],
        ] {
            let refused = web.token(&anon, &[form, &[("extra_claims", claims)]].concat()).await;
            refused.is_error(400, "invalid_request").says(words);
        }
    }
    let long = format!("{{\"tenant\":\"{}\"}}", "x".repeat(511));
    let form = [("grant_type", "client_credentials"), ("extra_claims", long.as_str())];
    web.token(&anon, &form).await.is_error(400, "invalid_request").says("exceeds configured size limits");
    let form = [("grant_type", "client_credentials"), ("extra_claims", r#"{"tenant":1}"#)];
    other.token(&anon, &form).await.is_error(400, "invalid_request").says("registration does not allow");
    let granted = web.token(&anon, &[&code_form(&code)[..], &[("extra_claims", "null")]].concat()).await.ok();
    assert_eq!(tenant(&granted, "access_token"), Value::Null);
    web.poll(&anon, &device).await.is_error(400, "authorization_pending");
}

#[actix_web::test]
async fn d17_off_unless_switched_on() {
    let (app, anon) = TestApp::init().start();
    let web = registered(&app, &["tenant"]).await;
    for claims in ["{}", r#"{"tenant":1}"#] {
        let form = [("grant_type", "client_credentials"), ("extra_claims", claims)];
        web.token(&anon, &form).await.is_error(400, "invalid_request").says("feature is not enabled");
    }
    web.token(&anon, &[("grant_type", "client_credentials"), ("extra_claims", "")]).await.ok();
}
