//! `POST /oauth/token`: what requests and answers look like, whatever the grant.

use crate::util::{Client, DEVICE_GRANT, Reply, TestApp};

const FORM: &str = "application/x-www-form-urlencoded";

fn members(reply: &Reply) -> Vec<String> {
    let json = reply.ok();
    let mut names: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
    names.sort();
    names
}

async fn refusal_of(http: &Client, body: &str) -> (u16, String) {
    let reply = http.post("/oauth/token").body(FORM, body.to_owned()).send().await;
    assert_eq!(reply.header("cache-control"), Some("no-store"), "{body}");
    (reply.status, reply.error())
}

#[actix_web::test]
async fn rfc6749_5_1_a_success_has_these_members_and_no_others() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let with_openid = web.redeem(&anon, &web.code(&alice, &[("scope", "openid read")]).await).await;
    assert_eq!(
        members(&with_openid),
        ["access_token", "expires_in", "id_token", "refresh_token", "scope", "token_type"]
    );
    let without = web.redeem(&anon, &web.code(&alice, &[("scope", "read")]).await).await;
    assert_eq!(members(&without), ["access_token", "expires_in", "refresh_token", "scope", "token_type"]);
    let refreshed = web.refresh(&anon, &without.member("refresh_token")).await;
    assert_eq!(members(&refreshed), members(&without));
    let machine = app.machine("read", &[]).await;
    let own = machine.token(&anon, &[("grant_type", "client_credentials")]).await;
    assert_eq!(members(&own), ["access_token", "expires_in", "scope", "token_type"]);
    for reply in [with_openid, without, refreshed, own] {
        let json = reply.ok();
        assert_eq!(json["token_type"], "Bearer");
        assert_eq!(json["expires_in"].as_i64(), Some(3600), "a JSON integer");
        assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("pragma"), Some("no-cache"));
    }
}

#[actix_web::test]
async fn a_request_without_a_content_type_is_told_what_to_send() {
    let (_app, anon) = TestApp::init().start();
    let reply = anon.post("/oauth/token").send().await;
    assert!(reply.is_error(400, "invalid_request").text().contains(FORM), "{}", reply.text());
}

#[actix_web::test]
async fn rfc6749_appendix_b_forms_are_utf8_whatever_they_say() {
    let (app, anon) = TestApp::init().start();
    let machine = app.machine("read", &[]).await;
    let latin1 = "application/x-www-form-urlencoded; charset=ISO-8859-1";
    let ask = |body: &'static str| {
        let secret = machine.secret.as_ref().unwrap();
        anon.post("/oauth/token").basic(&machine.id, secret.expose()).body(latin1, body).send()
    };
    assert_eq!(ask("grant_type=client_credentials").await.status, 200);
    ask("grant_type=client_credentials&scope=%e9").await.is_error(400, "invalid_request");
}

#[actix_web::test]
async fn parameters_in_the_query_are_ignored() {
    let (app, anon) = TestApp::init().start();
    let machine = app.machine("read", &[]).await;
    let secret = machine.secret.as_ref().unwrap().expose();
    let query = format!("grant_type=client_credentials&client_id={}&client_secret={secret}", machine.id);
    let ask = |body: &'static str| anon.post(&format!("/oauth/token?{query}")).body(FORM, body).send();
    ask("").await.is_error(400, "unsupported_grant_type");
    ask("grant_type=client_credentials").await.is_error(401, "invalid_client");
    assert_eq!(machine.token(&anon, &[("grant_type", "client_credentials")]).await.status, 200);
}

#[actix_web::test]
async fn rfc6749_3_2_no_parameter_is_sent_twice() {
    let (_app, anon) = TestApp::init().start();
    for name in ["grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret", "scope"]
    {
        let body = format!("grant_type=authorization_code&code=x&client_id=y&{name}=1&{name}=1");
        assert_eq!(refusal_of(&anon, &body).await, (400, "invalid_request".into()), "{name}");
    }
    let body = "grant_type=refresh_token&refresh_token=x&refresh_token=x&client_id=y";
    assert_eq!(refusal_of(&anon, body).await, (400, "invalid_request".into()));
    let twice = "grant_type=refresh_token&refresh_token=x&client_id=y&resource=https://a.example&resource=https://b.example";
    assert_eq!(refusal_of(&anon, twice).await, (401, "invalid_client".into()), "RFC 8707 2");
}

#[actix_web::test]
async fn other_grant_types_are_unsupported() {
    let (_app, anon) = TestApp::init().start();
    for grant_type in ["", "device_code", "password", "Authorization_Code", "authorization_code "] {
        let form = [("grant_type", grant_type), ("client_id", "x"), ("code", "x"), ("device_code", "x")];
        let reply = anon.post("/oauth/token").form(&form).send().await;
        reply.is_error(400, "unsupported_grant_type");
    }
    assert_eq!(refusal_of(&anon, "client_id=x").await, (400, "unsupported_grant_type".into()));
}

#[actix_web::test]
async fn a_request_lacks_something() {
    let (_app, anon) = TestApp::init().start();
    for (grant_type, sent) in [
        ("authorization_code", "client_id"),
        ("authorization_code", "code"),
        ("refresh_token", "client_id"),
        ("refresh_token", "refresh_token"),
        (DEVICE_GRANT, "client_id"),
        (DEVICE_GRANT, "device_code"),
    ] {
        let form = [("grant_type", grant_type), (sent, "x")];
        anon.post("/oauth/token").form(&form).send().await.is_error(400, "invalid_request");
    }
    anon.post("/oauth/token")
        .form(&[("grant_type", "client_credentials")])
        .send()
        .await
        .is_error(401, "invalid_client");
}

#[actix_web::test]
async fn scope_and_resource_are_well_formed_for_every_grant() {
    let (_app, anon) = TestApp::init().start();
    let many: Vec<_> = (0..11).map(|n| ("resource", format!("https://{n}.example"))).collect();
    let many: Vec<_> = many.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for (grant_type, grant) in [
        ("authorization_code", "code"),
        ("refresh_token", "refresh_token"),
        (DEVICE_GRANT, "device_code"),
        ("client_credentials", "x"),
    ] {
        let ask = |more: &[(&str, &str)]| {
            let form = [&[("grant_type", grant_type), (grant, "x"), ("client_id", "y")], more].concat();
            anon.post("/oauth/token").form(&form).send()
        };
        ask(&[("scope", "a\"b")]).await.is_error(400, "invalid_scope");
        for resource in ["x", "https://a.example/#f", "https://u@a.example", "ftp://a.example"] {
            ask(&[("resource", resource)]).await.is_error(400, "invalid_target");
        }
        ask(&many).await.is_error(400, "invalid_target");
    }
}

#[actix_web::test]
async fn rfc6749_5_2_a_client_uses_only_the_grants_it_registered() {
    let (app, anon) = TestApp::init().start();
    let (machine, web) = (app.machine("read", &[]).await, app.web_client().await);
    for (grant_type, grant) in
        [("authorization_code", "code"), ("refresh_token", "refresh_token"), (DEVICE_GRANT, "device_code")]
    {
        let reply = machine.token(&anon, &[("grant_type", grant_type), (grant, "x")]).await;
        reply.is_error(400, "unauthorized_client");
    }
    web.token(&anon, &[("grant_type", "client_credentials")]).await.is_error(400, "unauthorized_client");
    machine.post(&anon, "/oauth/device/code", &[]).await.is_error(400, "unauthorized_client");
}
