//! Who a client is, at every endpoint that asks (RFC 6749 2.3; deviations D3, D4, D12).

use authgate_core::client::{ClientStatus, ClientType, Grant};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::util::{CALLBACK, Client, DEVICE_GRANT, Registered, Reply, TestApp, VERIFIER};

type Form = &'static [(&'static str, &'static str)];

/// A request to each endpoint and with each grant, and what it gets once the client is authenticated.
const REQUESTS: [(&str, Form, u16); 7] = [
    ("/oauth/token", &[("grant_type", "authorization_code"), ("code", "x"), ("redirect_uri", CALLBACK)], 400),
    ("/oauth/token", &[("grant_type", DEVICE_GRANT), ("device_code", "x")], 400),
    ("/oauth/token", &[("grant_type", "refresh_token"), ("refresh_token", "x")], 400),
    ("/oauth/token", &[("grant_type", "client_credentials")], 200),
    ("/oauth/device/code", &[("scope", "read")], 200),
    ("/oauth/introspect", &[("token", "x")], 200),
    ("/oauth/revoke", &[("token", "x")], 200),
];

async fn world() -> (TestApp, Client, Registered, String) {
    let (app, anon) = TestApp::init().with("ENABLE_RATE_LIMIT", "false").start();
    let client =
        app.client_of(ClientType::Confidential, |spec| spec.grants.push(Grant::ClientCredentials)).await;
    let secret = client.secret.as_ref().unwrap().expose().to_owned();
    (app, anon, client, secret)
}

/// Asserts that the client was authenticated: what it gets now is about what it asked for.
fn is_let_in(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{}", reply.text());
    if status == 400 {
        reply.is_error(400, "invalid_grant");
    }
}

fn is_turned_away(reply: &Reply) {
    reply.is_error(401, "invalid_client");
    assert_eq!(reply.header("www-authenticate"), Some(r#"Basic realm="authgate""#));
}

#[actix_web::test]
async fn d12_basic_and_form_are_taken_everywhere() {
    let (_app, anon, client, secret) = world().await;
    for (path, form, status) in REQUESTS {
        let basic = anon.post(path).basic(&client.id, &secret).form(form).send().await;
        is_let_in(&basic, status);
        let own = [("client_id", client.id.as_str()), ("client_secret", secret.as_str())];
        is_let_in(&anon.post(path).form(&[form, &own].concat()).send().await, status);
        // The name may be there twice if it is the same.
        let both = [form, &[("client_id", client.id.as_str())]].concat();
        is_let_in(&anon.post(path).basic(&client.id, &secret).form(&both).send().await, status);
    }
}

#[actix_web::test]
async fn d3_a_confidential_client_needs_its_secret_everywhere() {
    let (_app, anon, client, secret) = world().await;
    let truncated = &secret[..secret.len() - 1];
    for (path, form, _) in REQUESTS {
        let named = |secret: &str| {
            let own = [("client_id", client.id.as_str()), ("client_secret", secret)];
            anon.post(path).form(&[form, &own].concat()).send()
        };
        for wrong in ["", "wrong", truncated, &format!("{secret}x")] {
            is_turned_away(&anon.post(path).basic(&client.id, wrong).form(form).send().await);
            is_turned_away(&named(wrong).await);
        }
        let alone = [form, &[("client_id", client.id.as_str())]].concat();
        is_turned_away(&anon.post(path).form(&alone).send().await);
    }
}

#[actix_web::test]
async fn rfc6749_2_3_two_methods_at_once_are_refused() {
    let (app, anon, client, secret) = world().await;
    let other = app.web_client().await;
    for (path, form, _) in REQUESTS {
        for more in [
            &[("client_secret", secret.as_str())][..],
            &[("client_id", client.id.as_str()), ("client_secret", secret.as_str())],
            &[("client_id", other.id.as_str())],
        ] {
            let reply = anon.post(path).basic(&client.id, &secret).form(&[form, more].concat()).send().await;
            reply.is_error(400, "invalid_request");
        }
    }
}

#[actix_web::test]
async fn adv_23_unknown_inactive_and_wrong_look_the_same() {
    let (app, anon, client, secret) = world().await;
    let off = app.web_client().await;
    app.switch_client(&off.id, ClientStatus::Inactive).await;
    for (path, form, _) in REQUESTS {
        let ask = |id: &str, secret: &str| anon.post(path).basic(id, secret).form(form).send();
        let wrong = ask(&client.id, "wrong").await;
        is_turned_away(&wrong);
        let right = off.secret.as_ref().unwrap().expose();
        for (id, secret) in [("nobody", secret.as_str()), ("nobody", ""), (&off.id, right), (&off.id, "")] {
            let reply = ask(id, secret).await;
            is_turned_away(&reply);
            assert_eq!(reply.body, wrong.body, "{path} {id}");
        }
    }
}

#[actix_web::test]
async fn d12_a_public_client_has_a_name_and_no_secret() {
    let (app, anon) = TestApp::init().with("ENABLE_RATE_LIMIT", "false").start();
    let public = app.client_of(ClientType::Public, |_| ()).await;
    for (path, form, status) in REQUESTS.into_iter().filter(|(_, form, _)| form[0].1 != "client_credentials")
    {
        // An empty password in Basic, and an empty parameter, count as not sent.
        is_let_in(&anon.post(path).basic(&public.id, "").form(form).send().await, status);
        for secret in [&[][..], &[("client_secret", "")]] {
            let form = [form, &[("client_id", public.id.as_str())], secret].concat();
            is_let_in(&anon.post(path).form(&form).send().await, status);
        }
        is_turned_away(&anon.post(path).basic(&public.id, "x").form(form).send().await);
        let form = [form, &[("client_id", public.id.as_str()), ("client_secret", "x")]].concat();
        is_turned_away(&anon.post(path).form(&form).send().await);
    }
    // RFC 6749 4.4: client credentials are for confidential clients.
    is_turned_away(&public.token(&anon, &[("grant_type", "client_credentials")]).await);
}

#[actix_web::test]
async fn rfc6749_2_3_1_both_parts_of_basic_are_percent_encoded() {
    let (_app, anon, client, secret) = world().await;
    let encoded = |text: &str| {
        text.bytes().flat_map(|byte| format!("%{byte:02X}").into_bytes()).map(char::from).collect::<String>()
    };
    let ask = |credentials: String| {
        let header = format!("bAsIc {}", STANDARD.encode(credentials));
        let form = [("grant_type", "client_credentials")];
        anon.post("/oauth/token").header("authorization", &header).form(&form).send()
    };
    assert_eq!(ask(format!("{}:{}", encoded(&client.id), encoded(&secret))).await.status, 200);
    is_turned_away(&ask(format!("{}%3A{}", client.id, secret)).await);
    is_turned_away(&ask(format!("{}:{}%00", client.id, secret)).await);
}

#[actix_web::test]
async fn strange_authorization_headers_authenticate_nobody() {
    let (_app, anon, client, secret) = world().await;
    let right = STANDARD.encode(format!("{}:{secret}", client.id));
    let no_colon = STANDARD.encode(&client.id);
    let not_utf8 = STANDARD.encode([0xff, b':', b'a']);
    for header in [
        "Basic".to_owned(),
        "Basic ".to_owned(),
        "Basic !!!".to_owned(),
        format!("Basic {no_colon}"),
        format!("Basic {not_utf8}"),
        format!("Basic {right}="),
        format!("Basic {}", &right[..right.len() - 2]),
        format!("Bearer {right}"),
        right,
    ] {
        for (path, form, _) in REQUESTS {
            let own = [("client_id", client.id.as_str())];
            let form = [form, &own].concat();
            is_turned_away(&anon.post(path).header("authorization", &header).form(&form).send().await);
        }
    }
}

#[actix_web::test]
async fn d12_a_failed_attempt_burns_no_code() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let code = web.code(&alice, &[]).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    // golang.org/x/oauth2 tries Basic, and repeats the exchange with the form whatever the error.
    is_turned_away(&anon.post("/oauth/token").basic(&web.id, "wrong").form(&form).send().await);
    let named = [("client_id", web.id.as_str())];
    is_turned_away(&anon.post("/oauth/token").form(&[&form[..], &named].concat()).send().await);
    let secret = web.secret.as_ref().unwrap().expose();
    let own = [("client_id", web.id.as_str()), ("client_secret", secret)];
    anon.post("/oauth/token").form(&[&form[..], &own].concat()).send().await.ok();
}

#[actix_web::test]
async fn d20_endpoints_count_failures_apart() {
    let limits = TestApp::init().with("TOKEN_RATE_LIMIT", "2").with("INTROSPECT_RATE_LIMIT", "1");
    let (_app, anon) = limits.start();
    let mut statuses = Vec::new();
    for (path, form) in [
        ("/oauth/introspect", [("token", "x")]),
        ("/oauth/introspect", [("token", "x")]),
        ("/oauth/revoke", [("token", "x")]),
        ("/oauth/device/code", [("scope", "x")]),
        ("/oauth/token", [("grant_type", "client_credentials")]),
    ] {
        statuses.push(anon.post(path).basic("nobody", "wrong").form(&form).send().await.status);
    }
    assert_eq!(statuses, [401, 429, 401, 401, 429]);
}

#[actix_web::test]
async fn d3_the_compatibility_switch_covers_refresh_and_device_only() {
    let (app, anon, alice) = TestApp::init().with("ENABLE_TOKEN_ROTATION", "false").with_user("alice").await;
    let web = app.web_client().await;
    let granted = web.granted(&alice, &[]).await;
    app.sql("UPDATE clients SET secretless = 1").await;
    let bare = Registered { id: web.id.clone(), secret: None };
    let first = granted["refresh_token"].as_str().unwrap();
    let refreshed = bare.refresh(&anon, first).await;
    assert_ne!(refreshed.member("refresh_token"), first, "such clients rotate");
    let device = bare.device(&anon, &[("scope", "read")]).await;
    bare.poll(&anon, &device).await.is_error(400, "authorization_pending");
    is_turned_away(&bare.redeem(&anon, &web.code(&alice, &[]).await).await);
    is_turned_away(&bare.post(&anon, "/oauth/introspect", &[("token", "x")]).await);
    is_turned_away(&bare.post(&anon, "/oauth/revoke", &[("token", "x")]).await);
    let wrong = [("grant_type", "refresh_token"), ("refresh_token", first)];
    is_turned_away(&anon.post("/oauth/token").basic(&web.id, "wrong").form(&wrong).send().await);
}
