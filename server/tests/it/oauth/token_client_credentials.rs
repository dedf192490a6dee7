//! `grant_type=client_credentials` (RFC 6749 4.4).

use serde_json::json;

use crate::util::jws::Jws;
use crate::util::{Client, Registered, Reply, START, TestApp};

const API: &str = "https://api.example.com/v1";

async fn ask(machine: &Registered, anon: &Client, more: &[(&str, &str)]) -> Reply {
    machine.token(anon, &[&[("grant_type", "client_credentials")], more].concat()).await
}

#[actix_web::test]
async fn the_token_is_the_clients_own() {
    let (app, anon) = TestApp::init().start();
    let machine = app.machine("read write", &[]).await;
    let granted = ask(&machine, &anon, &[]).await;
    assert_eq!(granted.member("scope"), "read write", "everything that is registered");
    let token = Jws::verified(&anon, &granted.member("access_token")).await;
    assert_eq!(token.header["typ"], "at+jwt");
    let mut claims = token.claims;
    let jti = claims["jti"].take();
    assert!(jti.as_str().is_some_and(|jti| jti.len() == 36), "{jti}");
    let subject = format!("client:{}", machine.id);
    let expected = json!({
        "iss": "http://localhost:8080", "aud": "http://localhost:8080", "sub": subject, "user_id": subject,
        "client_id": machine.id, "scope": "read write", "type": "access", "iat": START, "exp": START + 3600,
        "jti": null,
    });
    assert_eq!(claims, expected);
}

#[actix_web::test]
async fn rfc6749_3_3_scope_is_within_the_registration_and_without_people() {
    let (app, anon) = TestApp::init().start();
    let machine = app.machine("openid offline_access read write", &[]).await;
    assert_eq!(ask(&machine, &anon, &[]).await.member("scope"), "read write");
    assert_eq!(ask(&machine, &anon, &[("scope", "write")]).await.member("scope"), "write");
    for scope in ["openid", "read offline_access", "admin", "read admin"] {
        ask(&machine, &anon, &[("scope", scope)]).await.is_error(400, "invalid_scope");
    }
}

#[actix_web::test]
async fn d23_resources_are_those_of_the_registration() {
    let (app, anon) = TestApp::init().start();
    let machine = app.machine("read", &[API, "https://b.example.com"]).await;
    let aud = |reply: Reply| Jws::read(&reply.member("access_token")).claims["aud"].clone();
    // D28: compared by what they name, and spelled as they were registered.
    let spelled = ask(&machine, &anon, &[("resource", "HTTPS://API.example.com:443/v1/")]).await;
    assert_eq!(aud(spelled), json!(API));
    let both = ask(&machine, &anon, &[("resource", API), ("resource", "https://b.example.com")]).await;
    assert_eq!(aud(both), json!([API, "https://b.example.com"]));
    for other in ["https://c.example.com", "https://api.example.com/v2", "http://api.example.com/v1"] {
        ask(&machine, &anon, &[("resource", other)]).await.is_error(400, "invalid_target");
        ask(&machine, &anon, &[("resource", API), ("resource", other)]).await.is_error(400, "invalid_target");
    }
}

#[actix_web::test]
async fn d23_the_compatibility_switch_lets_it_name_any() {
    let (app, anon) = TestApp::init().with("COMPAT_M2M_ANY_RESOURCE", "true").start();
    let machine = app.machine("read", &[]).await;
    let reply = ask(&machine, &anon, &[("resource", "https://any.example")]).await;
    assert_eq!(Jws::read(&reply.member("access_token")).claims["aud"], "https://any.example");
}
