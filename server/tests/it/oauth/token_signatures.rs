//! By which key and under which type tokens are signed (deviations D15, D32, D33, D37).

use serde_json::{Value, json};

use crate::util::jws::Jws;
use crate::util::{Client, TestApp};

const SECRET: &str = "an HS256 key that nobody has published anywhere";

async fn metadata(anon: &Client) -> Value {
    anon.get("/.well-known/openid-configuration").send().await.ok()
}

async fn algorithms(settings: &[(&str, &str)]) -> (Value, Value, Value) {
    let mut init = TestApp::init();
    for (name, value) in settings {
        init = init.with(name, value);
    }
    let (app, anon, alice) = init.with_user("alice").await;
    let granted = app.web_client().await.granted(&alice, &[]).await;
    let alg = async |name: &str| {
        let token = Jws::verified(&anon, granted[name].as_str().unwrap()).await;
        token.header["alg"].clone()
    };
    let supported = metadata(&anon).await["id_token_signing_alg_values_supported"].clone();
    (alg("access_token").await, alg("id_token").await, supported)
}

#[actix_web::test]
async fn d32_id_tokens_are_rs256_unless_an_asymmetric_algorithm_is_set() {
    // D36: a shipped verifier reads the access tokens' algorithm among those of the id_token.
    let rs_first = json!(["RS256", "ES256"]);
    assert_eq!(algorithms(&[]).await, (json!("ES256"), json!("RS256"), rs_first.clone()));
    let es = algorithms(&[("JWT_SIGNING_ALGORITHM", "ES256")]).await;
    assert_eq!((es.0, es.1, &es.2[0]), (json!("ES256"), json!("ES256"), &json!("ES256")));
    let rs = algorithms(&[("JWT_SIGNING_ALGORITHM", "RS256")]).await;
    assert_eq!((rs.0, rs.1, &rs.2[0]), (json!("RS256"), json!("RS256"), &json!("RS256")));
}

#[actix_web::test]
async fn d33_hs256_signs_access_tokens_only() {
    let (app, anon, alice) = TestApp::init()
        .with("JWT_SIGNING_ALGORITHM", "HS256")
        .with("JWT_SECRET", SECRET)
        .with_user("alice")
        .await;
    let web = app.web_client().await;
    let granted = web.granted(&alice, &[]).await;
    let text = granted["access_token"].as_str().unwrap();
    let token = Jws::read(text);
    assert_eq!(token.header, json!({"alg": "HS256", "typ": "at+jwt"}));
    assert!(token.is_signed_with(SECRET) && !token.is_signed_with("another"));
    assert!(web.is_live(&anon, text).await);
    let id_token = Jws::verified(&anon, granted["id_token"].as_str().unwrap()).await;
    assert_eq!(id_token.header["alg"], "RS256");
    assert_eq!(metadata(&anon).await["jwks_uri"], "http://localhost:8080/.well-known/jwks.json");
}

#[actix_web::test]
async fn d37_the_type_can_be_the_references() {
    let (app, anon, alice) = TestApp::init().with("ACCESS_TOKEN_TYP", "JWT").with_user("alice").await;
    let web = app.web_client().await;
    let granted = web.granted(&alice, &[]).await;
    let text = granted["access_token"].as_str().unwrap();
    assert_eq!(Jws::verified(&anon, text).await.header["typ"], "JWT");
    assert!(web.is_live(&anon, text).await);
}
