//! What both documents must have and must not have, under settings that change them (OpenID Connect Discovery 1.0 3 and
//! 4, RFC 8414 2 and 3).

use serde_json::Value;

use super::{OAUTH, OPENID};
use crate::util::jws::Jws;
use crate::util::{Client, TestApp};

const SECRET: &str = "an HS256 key that nobody has published anywhere";

/// Settings that change the documents.
const SETTINGS: [&[(&str, &str)]; 5] = [
    &[],
    &[("BASE_URL", "https://id.example.com")],
    &[("BASE_URL", "https://example.com/tenant/a"), ("JWT_SIGNING_ALGORITHM", "ES256")],
    &[("JWT_SIGNING_ALGORITHM", "HS256"), ("JWT_SECRET", SECRET)],
    &[("ENABLE_REFRESH_TOKENS", "false"), ("JWT_SIGNING_ALGORITHM", "RS256")],
];

fn start(settings: &[(&str, &str)]) -> (TestApp, Client) {
    settings.iter().fold(TestApp::init(), |init, (name, value)| init.with(name, value)).start()
}

fn list<'a>(document: &'a Value, name: &str) -> Vec<&'a str> {
    let values = document[name].as_array().unwrap_or_else(|| panic!("no list {name} in {document}"));
    values.iter().map(|value| value.as_str().unwrap()).collect()
}

#[actix_web::test]
async fn rfc8414_2_openid_discovery_3_the_required_members() {
    for settings in SETTINGS {
        let (_app, anon) = start(settings);
        for path in [OPENID, OAUTH] {
            let document = anon.get(path).send().await.ok();
            let issuer = document["issuer"].as_str().unwrap();
            assert!(!issuer.contains(['?', '#']), "{issuer}");
            for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
                assert!(document[name].is_string(), "{path} {name}");
            }
            assert_eq!(list(&document, "response_types_supported"), ["code"]);
            assert!(list(&document, "scopes_supported").contains(&"openid"), "the server MUST support it");
        }
        let openid = anon.get(OPENID).send().await.ok();
        assert_eq!(list(&openid, "subject_types_supported"), ["public"]);
        let algorithms = list(&openid, "id_token_signing_alg_values_supported");
        assert!(algorithms.contains(&"RS256"), "it MUST be included: {algorithms:?}");
        assert!(!algorithms.contains(&"none") && !algorithms.contains(&"HS256"), "{algorithms:?}");
    }
}

#[actix_web::test]
async fn rfc8414_2_openid_discovery_3_every_address_is_the_issuers_and_https_with_it() {
    for settings in SETTINGS {
        let (_app, anon) = start(settings);
        for path in [OPENID, OAUTH] {
            let document = anon.get(path).send().await.ok();
            let issuer = document["issuer"].as_str().unwrap();
            for (name, value) in document.as_object().unwrap() {
                if name.ends_with("_endpoint") || name.ends_with("_uri") {
                    let path = value.as_str().unwrap().strip_prefix(issuer);
                    assert!(path.is_some_and(|path| path.starts_with('/')), "{name}: {value}");
                }
            }
        }
    }
}

#[actix_web::test]
async fn rfc8414_3_2_openid_discovery_4_2_a_json_object_without_an_empty_list() {
    for settings in SETTINGS {
        let (_app, anon) = start(settings);
        for path in [OPENID, OAUTH] {
            let reply = anon.get(path).send().await;
            assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"), "{path}");
            for (name, value) in reply.ok().as_object().expect("it is an object") {
                assert!(value.as_array().is_none_or(|values| !values.is_empty()), "{path} {name}");
                assert!(!value.is_null(), "{path} {name}");
            }
        }
    }
}

#[actix_web::test]
async fn rfc8414_3_3_rfc9207_2_3_openid_discovery_4_3_one_issuer_everywhere() {
    for base in ["http://localhost:8080", "http://localhost:8080/", "http://LOCALHOST:8080/tenant/a/"] {
        let (app, anon, alice) = TestApp::init().with("BASE_URL", base).with_user("alice").await;
        let web = app.web_client().await;
        let openid = anon.get(OPENID).send().await.ok();
        let issuer = openid["issuer"].as_str().unwrap();
        assert_eq!(anon.get(OAUTH).send().await.ok()["issuer"], issuer);
        assert_eq!(openid["authorization_response_iss_parameter_supported"], true);
        let page = alice.visit(&web.asks(&[])).await;
        let form = page.forms().into_iter().find(|form| form.has("interaction")).expect("a page asks");
        let reply = alice.submit(form.press("approve")).await;
        assert_eq!(reply.sent("iss"), issuer, "{base}");
        let tokens = web.redeem(&anon, &reply.sent("code")).await.ok();
        for name in ["id_token", "access_token"] {
            assert_eq!(Jws::read(tokens[name].as_str().unwrap()).claims["iss"], issuer, "{base} {name}");
        }
    }
}

#[actix_web::test]
async fn openid_discovery_2_webfinger_is_not_offered() {
    let (_app, anon) = start(&[]);
    let rel = "http%3A%2F%2Fopenid.net%2Fspecs%2Fconnect%2F1.0%2Fissuer";
    let asked = format!("/.well-known/webfinger?resource=acct%3Aalice%40localhost&rel={rel}");
    assert_eq!(anon.get(&asked).send().await.status, 404);
}

#[actix_web::test]
async fn rfc8414_2_1_openid_discovery_3_what_is_not_offered_is_not_listed() {
    for settings in SETTINGS {
        let (_app, anon) = start(settings);
        for path in [OPENID, OAUTH] {
            let document = anon.get(path).send().await.ok();
            let names: Vec<_> = document.as_object().unwrap().keys().collect();
            for feature in
                ["encryption", "request_object", "signed_metadata", "frontchannel", "check_session"]
            {
                assert!(!names.iter().any(|name| name.contains(feature)), "{path} {feature}: {names:?}");
            }
            // RFC 8414 2: these need a list of algorithms beside them.
            for name in ["token", "introspection", "revocation"] {
                let methods = list(&document, &format!("{name}_endpoint_auth_methods_supported")).join(" ");
                assert!(!methods.contains("jwt"), "{path} {name}: {methods}");
            }
            assert_eq!(document["request_parameter_supported"], false);
            assert_eq!(document["request_uri_parameter_supported"], false, "its default is true");
        }
    }
}
