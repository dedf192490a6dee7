//! The device grant (RFC 8628 3.4, 3.5; deviations D9, D10, D11).

use authgate_core::client::ClientType;
use serde_json::json;

use crate::util::jws::Jws;
use crate::util::{Client, DEVICE_GRANT, Registered, Reply, START, TestApp};

const API: &str = "https://api.example.com";

async fn world() -> (TestApp, Client, Client, Registered) {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let tv = app.client_of(ClientType::Public, |_| ()).await;
    (app, anon, alice, tv)
}

#[actix_web::test]
async fn rfc8628_3_5_from_pending_to_tokens() {
    let (app, anon, alice, tv) = world().await;
    let device = tv.device(&anon, &[("scope", "openid read")]).await;
    tv.poll(&anon, &device).await.is_error(400, "authorization_pending");
    app.clock.advance(5);
    alice.decide(&device, "approve").await;
    let reply = tv.poll(&anon, &device).await;
    let granted = reply.ok();
    assert_eq!((&granted["token_type"], &granted["scope"]), (&json!("Bearer"), &json!("openid read")));
    let access = Jws::verified(&anon, &reply.member("access_token")).await.claims;
    assert_eq!(access["sub"], app.user_id("alice").await);
    assert_eq!((&access["client_id"], &access["aud"]), (&json!(tv.id), &json!("http://localhost:8080")));
    let id_token = Jws::verified(&anon, &reply.member("id_token")).await.claims;
    assert_eq!((&id_token["aud"], &id_token["auth_time"]), (&json!(tv.id), &json!(START)));
    tv.refresh(&anon, &reply.member("refresh_token")).await.ok();
}

#[actix_web::test]
async fn d10_who_polls_too_fast_waits_longer_each_time() {
    let (app, anon, _alice, tv) = world().await;
    let device = tv.device(&anon, &[]).await;
    tv.poll(&anon, &device).await.is_error(400, "authorization_pending");
    // One second of tolerance, and no more.
    app.clock.advance(4);
    tv.poll(&anon, &device).await.is_error(400, "authorization_pending");
    app.clock.advance(3);
    tv.poll(&anon, &device).await.is_error(400, "slow_down");
    app.clock.advance(8);
    tv.poll(&anon, &device).await.is_error(400, "slow_down");
    app.clock.advance(13);
    tv.poll(&anon, &device).await.is_error(400, "slow_down");
    app.clock.advance(19);
    tv.poll(&anon, &device).await.is_error(400, "authorization_pending");
    assert_eq!(app.number("SELECT interval FROM device_codes").await, 20);
}

#[actix_web::test]
async fn d10_a_grown_interval_outlives_a_restart() {
    let (app, anon, _alice, tv) = world().await;
    let device = tv.device(&anon, &[]).await;
    tv.poll(&anon, &device).await.is_error(400, "authorization_pending");
    tv.poll(&anon, &device).await.is_error(400, "slow_down");
    let app = app.restarted().await;
    let anon = app.client();
    tv.poll(&anon, &device).await.is_error(400, "authorization_pending");
    app.clock.advance(6);
    tv.poll(&anon, &device).await.is_error(400, "slow_down");
    assert_eq!(
        app.number("SELECT interval FROM device_codes").await,
        10,
        "it is stored whenever it has doubled"
    );
    tv.poll(&anon, &device).await.is_error(400, "slow_down");
    assert_eq!(app.number("SELECT interval FROM device_codes").await, 20);
}

#[actix_web::test]
async fn adv_01_another_clients_poll_learns_nothing_and_does_not_touch_the_clock() {
    let (app, anon, alice, tv) = world().await;
    let (stranger, web) = (app.client_of(ClientType::Public, |_| ()).await, app.web_client().await);
    let device = tv.device(&anon, &[]).await;
    tv.poll(&anon, &device).await.is_error(400, "authorization_pending");
    app.clock.advance(5);
    for other in [&stranger, &web] {
        other.poll(&anon, &device).await.is_error(400, "invalid_grant");
    }
    let form = [("grant_type", DEVICE_GRANT), ("device_code", device.device_code.as_str())];
    anon.post("/oauth/token")
        .basic(&web.id, "wrong")
        .form(&form)
        .send()
        .await
        .is_error(401, "invalid_client");
    tv.poll(&anon, &device).await.is_error(400, "authorization_pending");
    alice.decide(&device, "approve").await;
    stranger.poll(&anon, &device).await.is_error(400, "invalid_grant");
    app.clock.advance(5);
    tv.poll(&anon, &device).await.ok();
}

#[actix_web::test]
async fn no_is_access_denied() {
    let (_app, anon, alice, tv) = world().await;
    let device = tv.device(&anon, &[]).await;
    alice.decide(&device, "deny").await;
    tv.poll(&anon, &device).await.is_error(400, "access_denied");
}

#[actix_web::test]
async fn a_code_expires_whether_somebody_said_yes_or_not() {
    let (app, anon, alice, tv) = world().await;
    let (first, second) = (tv.device(&anon, &[]).await, tv.device(&anon, &[]).await);
    alice.decide(&second, "approve").await;
    app.clock.advance(1799);
    tv.poll(&anon, &first).await.is_error(400, "authorization_pending");
    app.clock.advance(5);
    for device in [first, second] {
        tv.poll(&anon, &device).await.is_error(400, "expired_token");
    }
}

#[actix_web::test]
async fn d9_a_device_code_is_redeemed_once() {
    let (app, anon, alice, tv) = world().await;
    let device = tv.device(&anon, &[("scope", "read")]).await;
    alice.decide(&device, "approve").await;
    let reply = tv.poll(&anon, &device).await;
    let (token, refresh_token) = (reply.member("access_token"), reply.member("refresh_token"));
    app.clock.advance(10);
    tv.poll(&anon, &device).await.is_error(400, "invalid_grant");
    assert_eq!(anon.status_with("/oauth/tokeninfo", &token).await, 200, "a blind repeat");
    app.clock.advance(10);
    tv.poll(&anon, &device).await.is_error(400, "invalid_grant");
    assert_eq!(anon.status_with("/oauth/tokeninfo", &token).await, 401, "a replay");
    tv.refresh(&anon, &refresh_token).await.is_error(400, "invalid_grant");
}

#[actix_web::test]
async fn what_is_no_device_code_is_invalid_grant() {
    let (_app, anon, _alice, tv) = world().await;
    let device = tv.device(&anon, &[]).await;
    let code = device.device_code;
    let flipped = if code.ends_with('0') { "1" } else { "0" };
    for wrong in [
        format!("{}{flipped}", &code[..63]),
        format!("{code}0"),
        code[..63].to_owned(),
        format!(" {code}"),
        device.user_code,
        "é".repeat(32),
    ] {
        let form = [("grant_type", DEVICE_GRANT), ("device_code", wrong.as_str())];
        tv.token(&anon, &form).await.is_error(400, "invalid_grant");
    }
}

#[actix_web::test]
async fn rfc8707_2_2_the_resources_of_the_request_become_the_audience() {
    let (app, anon, alice, tv) = world().await;
    let device = tv.device(&anon, &[("resource", API), ("resource", "https://b.example.com")]).await;
    alice.decide(&device, "approve").await;
    let ask = async |resource: &str| -> Reply {
        let code = device.device_code.as_str();
        let form = [("grant_type", DEVICE_GRANT), ("device_code", code), ("resource", resource)];
        tv.token(&anon, &form).await
    };
    ask("https://other.example.com").await.is_error(400, "invalid_target");
    app.clock.advance(5);
    let reply = ask(API).await;
    assert_eq!(Jws::read(&reply.member("access_token")).claims["aud"], API);
}

#[actix_web::test]
async fn adv_02_a_yes_is_worth_nothing_once_its_person_is_disabled() {
    let (app, anon, alice, tv) = world().await;
    let device = tv.device(&anon, &[]).await;
    alice.decide(&device, "approve").await;
    app.disable_user("alice").await;
    tv.poll(&anon, &device).await.is_error(400, "invalid_grant");
}
