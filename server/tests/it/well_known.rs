//! `/.well-known/*`.

mod required;

use actix_web::http::Method;
use serde_json::json;

use crate::util::TestApp;

const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";

#[actix_web::test]
async fn d36_the_documents_state_what_the_server_does() {
    let (_app, anon) = TestApp::init().start();
    let reply = anon.get(OAUTH).send().await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(reply.header("cache-control"), Some("public, max-age=3600"));
    let common = json!({
        "issuer": "http://localhost:8080",
        "authorization_endpoint": "http://localhost:8080/oauth/authorize",
        "token_endpoint": "http://localhost:8080/oauth/token",
        "device_authorization_endpoint": "http://localhost:8080/oauth/device/code",
        "introspection_endpoint": "http://localhost:8080/oauth/introspect",
        "revocation_endpoint": "http://localhost:8080/oauth/revoke",
        "jwks_uri": "http://localhost:8080/.well-known/jwks.json",
        "scopes_supported": [
            "address", "admin", "email", "offline_access", "openid", "phone", "profile", "read", "write",
        ],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": [
            "authorization_code", "urn:ietf:params:oauth:grant-type:device_code", "refresh_token",
            "client_credentials",
        ],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "authorization_response_iss_parameter_supported": true,
        "resource_indicators_supported": true,
        "resource_parameter_supported": true,
        "refresh_retry_seconds": 60,
        "claims_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    });
    assert_eq!(reply.json(), common);

    let openid = anon.get(OPENID).send().await.json();
    for (name, value) in common.as_object().unwrap() {
        assert_eq!(&openid[name], value, "{name} in both");
    }
    assert_eq!(openid["userinfo_endpoint"], "http://localhost:8080/oauth/userinfo");
    assert_eq!(openid["subject_types_supported"], json!(["public"]));
    // The default of clients first, and the algorithm of access tokens among them.
    assert_eq!(openid["id_token_signing_alg_values_supported"], json!(["RS256", "ES256"]));
    assert_eq!(openid["claim_types_supported"], json!(["normal"]));
    assert_eq!(openid["ui_locales_supported"], json!(["en"]), "pages are English whatever ui_locales says");
    assert_eq!(openid["display_values_supported"], json!(["page"]), "and of one kind");
    assert_eq!(
        openid["acr_values_supported"],
        json!(["urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"])
    );
    assert_eq!(openid["end_session_endpoint"], "http://localhost:8080/oauth/logout");
    assert_eq!(openid["backchannel_logout_supported"], true);
    assert_eq!(openid["backchannel_logout_session_supported"], true);
    assert_eq!(openid.as_object().unwrap().len(), common.as_object().unwrap().len() + 11);
}

#[actix_web::test]
async fn every_endpoint_that_is_advertised_exists() {
    let (_app, anon) = TestApp::init().start();
    let document = anon.get(OPENID).send().await.json();
    let endpoints: Vec<&str> = document
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri")
        .map(|(_, url)| url.as_str().unwrap().strip_prefix("http://localhost:8080").unwrap())
        .collect();
    assert_eq!(endpoints.len(), 8);
    for path in endpoints {
        let status = anon.request(Method::PUT, path).send().await.status;
        assert_eq!(status, 405, "{path}");
    }
}

#[actix_web::test]
async fn d31_without_refresh_tokens_nothing_speaks_of_them() {
    let (_app, anon) = TestApp::init().with("ENABLE_REFRESH_TOKENS", "false").start();
    for path in [OPENID, OAUTH] {
        let text = anon.get(path).send().await;
        assert!(!text.text().contains("refresh_") && !text.text().contains("offline_access"), "{path}");
    }
}

#[actix_web::test]
async fn rfc8414_3_1_an_issuer_with_a_path_is_found_in_every_form() {
    let (_app, anon) = TestApp::init().with("BASE_URL", "https://example.com/tenant/a/").start();
    for path in [
        "/.well-known/oauth-authorization-server/tenant/a",
        "/.well-known/openid-configuration/tenant/a",
        "/tenant/a/.well-known/openid-configuration",
        "/tenant/a/.well-known/oauth-authorization-server",
        // What remains behind a proxy that strips the path.
        OPENID,
        OAUTH,
    ] {
        let reply = anon.get(path).send().await;
        assert_eq!(reply.status, 200, "{path}");
        // D26: byte for byte what clients were given, without the slash.
        assert_eq!(reply.json()["issuer"], "https://example.com/tenant/a", "{path}");
        assert_eq!(reply.json()["token_endpoint"], "https://example.com/tenant/a/oauth/token");
    }
    assert_eq!(anon.get("/tenant/a/health").send().await.status, 200);
    assert_eq!(anon.get("/tenant/a/.well-known/jwks.json").send().await.status, 200);
}

#[actix_web::test]
async fn rfc8414_3_no_other_issuer_is_answered_for() {
    let (_app, anon) = TestApp::init().with("BASE_URL", "https://example.com/tenant/a").start();
    for path in [
        "/.well-known/oauth-authorization-server/tenant",
        "/.well-known/oauth-authorization-server/tenant/b",
        "/.well-known/oauth-authorization-server/tenant/a/b",
        "/.well-known/openid-configuration/other",
        "/tenant/b/.well-known/openid-configuration",
        "/tenant/.well-known/openid-configuration",
        "/tenant/ab/.well-known/openid-configuration",
        "/.well-known/jwks.json/tenant/a",
    ] {
        assert_eq!(anon.get(path).send().await.status, 404, "{path}");
    }
    let (_app, anon) = TestApp::init().start();
    assert_eq!(anon.get(&format!("{OAUTH}/tenant/a")).send().await.status, 404);
}

#[actix_web::test]
async fn rfc7517_the_key_set_has_public_members_only() {
    let (app, anon) = TestApp::init().start();
    let reply = anon.get("/.well-known/jwks.json").send().await;
    assert_eq!(reply.header("cache-control"), Some("public, max-age=3600"));
    let document = reply.json();
    let keys = document["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    for key in keys {
        let mut names: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        let expected: &[&str] = match key["alg"].as_str().unwrap() {
            "ES256" => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            _ => &["alg", "e", "kid", "kty", "n", "use"],
        };
        assert_eq!(names, expected);
        assert_eq!(key["use"], "sig");
    }
    let current = app.app.keyring.now().keys.access().kid.clone().unwrap();
    assert!(keys.iter().any(|key| key["kid"] == current.as_str()));
}
