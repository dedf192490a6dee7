//! `POST /oauth/device/code` (RFC 8628 3.1, 3.2).

use authgate_core::client::ClientType;
use serde_json::{Value, json};

use crate::util::{Client, Registered, Reply, TestApp};

async fn public(app: &TestApp) -> Registered {
    app.client_of(ClientType::Public, |_| ()).await
}

fn ask_json<T: ToString + ?Sized>(anon: &Client, body: &T) -> impl Future<Output = Reply> {
    anon.post("/oauth/device/code").body("application/json; charset=utf-8", body.to_string()).send()
}

#[actix_web::test]
async fn rfc8628_3_2_the_answer() {
    let (app, anon) = TestApp::init().with("BASE_URL", "http://localhost:8080/").start();
    let reply = public(&app).await.post(&anon, "/oauth/device/code", &[("scope", "read")]).await;
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("pragma"), Some("no-cache"));
    let mut json = reply.ok();
    let (device_code, user_code) = (reply.member("device_code"), reply.member("user_code"));
    assert!(
        device_code.len() == 64
            && device_code.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    );
    assert!(user_code.len() == 9 && &user_code[4..5] == "-", "{user_code}");
    json["device_code"].take();
    json["user_code"].take();
    let expected = json!({
        "device_code": null,
        "user_code": null,
        "verification_uri": "http://localhost:8080/device",
        "verification_uri_complete": format!("http://localhost:8080/device?user_code={user_code}"),
        "expires_in": 1800,
        "interval": 5,
    });
    assert_eq!(json, expected);
}

#[actix_web::test]
async fn json_is_taken_as_well() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let (public, web) = (public(&app).await, app.web_client().await);
    let body = json!({
        "client_id": public.id, "scope": "openid read", "resource": ["https://a.example", "https://b.example"], "x": 1,
    });
    let reply = ask_json(&anon, &body).await;
    let page = alice.open(&format!("/device?user_code={}", reply.member("user_code"))).await;
    page.says("https://a.example").says("https://b.example").says("Example App");
    // D3 for confidential clients.
    let secret = web.secret.as_ref().unwrap().expose();
    ask_json(&anon, &json!({"client_id": web.id, "client_secret": secret})).await.ok();
    ask_json(&anon, &json!({"client_id": web.id})).await.is_error(401, "invalid_client");
    ask_json(&anon, &json!({"client_id": web.id, "client_secret": "x"}))
        .await
        .is_error(401, "invalid_client");
}

#[actix_web::test]
async fn adv_15_strange_json_is_refused() {
    let (app, anon) = TestApp::init().start();
    let id = public(&app).await.id;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for body in [
        "",
        "[]",
        "null",
        "\"x\"",
        "{",
        r#"{"client_id":1}"#,
        r#"{"client_id":"a","client_id":"b"}"#,
        r#"{"client_id":"a","resource":"https://a.example"}"#,
        r#"{"client_id":"a","scope":["read"]}"#,
        r#"{"client_id":"a"} x"#,
        &deep,
    ] {
        ask_json(&anon, body).await.is_error(400, "invalid_request");
    }
    let by_position = json!([id, null, null, []]);
    ask_json(&anon, &by_position).await.is_error(400, "invalid_request");
    for body in [json!({}), json!({"client_id": ""}), json!({"client_id": Value::Null})] {
        ask_json(&anon, &body).await.is_error(400, "invalid_request");
    }
    for content_type in ["text/plain", "application/jwt", ""] {
        let body = json!({"client_id": id}).to_string();
        anon.post("/oauth/device/code")
            .body(content_type, body)
            .send()
            .await
            .is_error(400, "invalid_request");
    }
}

#[actix_web::test]
async fn what_is_asked_for_must_be_possible() {
    let (app, anon) = TestApp::init().start();
    let public = public(&app).await;
    let ask = |form: &'static [(&'static str, &'static str)]| public.post(&anon, "/oauth/device/code", form);
    ask(&[("scope", "admin")]).await.is_error(400, "invalid_scope");
    ask(&[("resource", "x")]).await.is_error(400, "invalid_target");
    ask(&[("scope", "read"), ("scope", "read")]).await.is_error(400, "invalid_request");
    anon.post("/oauth/device/code").form(&[("scope", "read")]).send().await.is_error(400, "invalid_request");
    anon.post("/oauth/device/code")
        .form(&[("client_id", "nobody")])
        .send()
        .await
        .is_error(401, "invalid_client");
}
