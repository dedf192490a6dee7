//! `/oauth/register` (RFC 7591) and `/oauth/register/{client_id}` (RFC 7592).

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::util::{CALLBACK, CHALLENGE, Client, Registered, Reply, TestApp, VERIFIER};

const REGISTER: &str = "/oauth/register";
const ENABLED: (&str, &str) = ("ENABLE_DYNAMIC_CLIENT_REGISTRATION", "true");
const TOKEN: &str = "an initial access token";

fn open() -> crate::util::Init {
    TestApp::init().with(ENABLED.0, ENABLED.1).with("DYNAMIC_CLIENT_REGISTRATION_MODE", "open")
}

async fn send(request: crate::util::Request, body: &Value) -> Reply {
    request.body("application/json", body.to_string()).send().await
}

async fn register(http: &Client, body: &Value) -> Reply {
    send(http.post(REGISTER), body).await
}

async fn registered(http: &Client, body: &Value) -> Value {
    let reply = register(http, body).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()
}

fn web() -> Value {
    json!({"client_name": "Notes", "redirect_uris": [CALLBACK]})
}

fn text<'a>(json: &'a Value, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_else(|| panic!("no {name} in {json}"))
}

/// A request to the configuration endpoint.
fn configure(http: &Client, method: Method, made: &Value) -> crate::util::Request {
    let path = format!("{REGISTER}/{}", text(made, "client_id"));
    http.request(method, &path).bearer(text(made, "registration_access_token"))
}

/// What a client sends to keep its registration (RFC 7592 2.2).
fn replacing(made: &Value) -> Value {
    let mut body = made.clone();
    for name in [
        "registration_access_token",
        "registration_client_uri",
        "client_secret_expires_at",
        "client_id_issued_at",
    ] {
        body.as_object_mut().unwrap().remove(name);
    }
    body
}

#[actix_web::test]
async fn d25_off_unless_enabled() {
    let (_app, anon) = TestApp::init().start();
    register(&anon, &web()).await.is_error(403, "registration_not_supported");
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let reply = anon.request(method, &format!("{REGISTER}/x")).bearer("x").send().await;
        reply.is_error(403, "registration_not_supported");
    }
    let metadata = anon.get("/.well-known/openid-configuration").send().await.json();
    assert!(metadata.get("registration_endpoint").is_none());
    let (_app, anon) = open().start();
    for document in ["openid-configuration", "oauth-authorization-server"] {
        let metadata = anon.get(&format!("/.well-known/{document}")).send().await.json();
        assert_eq!(metadata["registration_endpoint"], "http://localhost:8080/oauth/register");
    }
}

#[actix_web::test]
async fn rfc7591_3_2_1_the_answer_says_what_was_registered() {
    let (app, anon) = open().start();
    let reply = register(&anon, &web()).await;
    assert_eq!((reply.status, reply.header("cache-control")), (201, Some("no-store")));
    assert_eq!(reply.header("pragma"), Some("no-cache"));
    let made = reply.json();
    let id = text(&made, "client_id");
    let expected = json!({
        "client_id": id, "client_id_issued_at": crate::util::START, "client_secret": made["client_secret"],
        "client_secret_expires_at": 0, "registration_access_token": made["registration_access_token"],
        "registration_client_uri": format!("http://localhost:8080/oauth/register/{id}"), "client_name": "Notes",
        "redirect_uris": [CALLBACK], "grant_types": ["authorization_code"], "response_types": ["code"],
        "scope": "email offline_access openid profile", "token_endpoint_auth_method": "client_secret_basic",
        "application_type": "web", "subject_type": "public", "id_token_signed_response_alg": "RS256",
    });
    assert_eq!(made, expected);
    let public = json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"});
    let public = registered(&anon, &public).await;
    assert!(public.get("client_secret").is_none() && public.get("client_secret_expires_at").is_none());
    assert_ne!(public["client_id"], made["client_id"], "an id is one client's");
    assert_eq!((app.events("CLIENT_CREATED").await, app.events("CLIENT_REGISTERED").await), (3, 2));
}

#[actix_web::test]
async fn openid_registration_3_2_id_secret_and_token_are_one_clients() {
    let (_app, anon) = open().start();
    let (first, second) = (registered(&anon, &web()).await, registered(&anon, &web()).await);
    for name in ["client_id", "client_secret", "registration_access_token", "registration_client_uri"] {
        assert_ne!(text(&first, name), text(&second, name), "{name}");
    }
}

#[actix_web::test]
async fn rfc7591_3_the_initial_access_token_is_required_where_there_is_one() {
    let app = TestApp::init().with(ENABLED.0, ENABLED.1).with("DYNAMIC_CLIENT_REGISTRATION_TOKEN", TOKEN);
    let (_app, anon) = app.with("ENABLE_RATE_LIMIT", "false").start();
    let reply = register(&anon, &web()).await;
    reply.is_error(401, "invalid_token");
    assert_eq!(reply.header("www-authenticate"), Some(r#"Bearer realm="authgate""#));
    for wrong in ["x", "an initial access tokem", "an initial access token2"] {
        let reply = send(anon.post(REGISTER).bearer(wrong), &web()).await;
        reply.is_error(401, "invalid_token");
        assert!(reply.header("www-authenticate").unwrap().contains("invalid_token"));
    }
    let basic = send(anon.post(REGISTER).basic("x", TOKEN), &web()).await;
    basic.is_error(401, "invalid_token");
    assert_eq!(send(anon.post(REGISTER).bearer(TOKEN), &web()).await.status, 201);
}

#[actix_web::test]
async fn rfc7591_3_2_2_errors() {
    let (_app, anon) = open().with("ENABLE_RATE_LIMIT", "false").start();
    let bad = json!({"redirect_uris": ["javascript:alert(1)"]});
    register(&anon, &bad).await.is_error(400, "invalid_redirect_uri");
    for body in
        ["", "[]", "null", "{", r#"{"client_name":"a","client_name":"b"}"#, r#"{"redirect_uris":"x"}"#]
    {
        let reply = anon.post(REGISTER).body("application/json", body).send().await;
        reply.is_error(400, "invalid_client_metadata");
    }
    for content_type in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let reply = anon.post(REGISTER).body(content_type, web().to_string()).send().await;
        reply.is_error(400, "invalid_client_metadata");
    }
    let large = json!({"client_name": "x".repeat(70_000), "redirect_uris": [CALLBACK]});
    register(&anon, &large).await.is_error(413, "invalid_request");
    let hostile =
        register(&anon, &json!({"grant_types": ["\"<b>\u{e9}\u{1b}"], "redirect_uris": [CALLBACK]})).await;
    hostile.is_error(400, "invalid_client_metadata");
    assert!(text(&hostile.json(), "error_description").is_ascii());
}

#[actix_web::test]
async fn d25_five_a_minute_from_an_address() {
    let (app, anon) = open().start();
    for left in (0..5).rev() {
        let reply = register(&anon, &web()).await;
        assert_eq!(
            (reply.status, reply.header("x-ratelimit-remaining")),
            (201, Some(left.to_string().as_str()))
        );
    }
    let reply = register(&anon, &web()).await;
    reply.is_error(429, "rate_limit_exceeded");
    assert!(reply.header("retry-after").is_some());
    app.clock.advance(60);
    registered(&anon, &web()).await;
}

#[actix_web::test]
async fn rfc7592_2_1_read() {
    let (_app, anon) = open().start();
    let made = registered(&anon, &web()).await;
    let read = configure(&anon, Method::GET, &made).send().await;
    assert_eq!(read.header("cache-control"), Some("no-store"));
    let mut expected = made.clone();
    for secret in ["client_secret", "client_secret_expires_at"] {
        expected.as_object_mut().unwrap().remove(secret);
    }
    assert_eq!(read.ok(), expected, "the secret is stored as a hash");
}

#[actix_web::test]
async fn rfc7592_2_a_wrong_token_and_an_unknown_client_are_401_alike() {
    let (_app, anon) = open().start();
    let (made, other) = (registered(&anon, &web()).await, registered(&anon, &web()).await);
    let path = format!("{REGISTER}/{}", text(&made, "client_id"));
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let ask = |path: &str| {
            anon.request(method.clone(), path).body("application/json", replacing(&made).to_string())
        };
        ask(&path).send().await.is_error(401, "invalid_token");
        let foreign = ask(&path).bearer(text(&other, "registration_access_token")).send().await;
        let unknown =
            ask("/oauth/register/nobody").bearer(text(&made, "registration_access_token")).send().await;
        foreign.is_error(401, "invalid_token");
        assert_eq!((unknown.status, unknown.text()), (foreign.status, foreign.text()));
    }
    configure(&anon, Method::GET, &made).send().await.ok();
}

#[actix_web::test]
async fn d25_five_changes_a_minute_of_one_client() {
    let (app, anon) = open().start();
    let (made, other) = (registered(&anon, &web()).await, registered(&anon, &web()).await);
    let change = async |made: &Value| send(configure(&anon, Method::PUT, made), &replacing(made)).await;
    for _ in 0..5 {
        change(&made).await.ok();
    }
    change(&made).await.is_error(429, "rate_limit_exceeded");
    change(&other).await.ok();
    app.clock.advance(60);
    change(&made).await.ok();
}

#[actix_web::test]
async fn rfc7592_2_2_update_replaces() {
    let (app, anon) = open().with("DYNAMIC_CLIENT_REGISTRATION_RATE_LIMIT", "100").start();
    let mut first = web();
    first["client_uri"] = "https://app.example.com/".into();
    let made = registered(&anon, &first).await;
    let mut body = replacing(&made);
    body["client_name"] = "Notes 2".into();
    body.as_object_mut().unwrap().remove("client_uri");
    let changed = send(configure(&anon, Method::PUT, &made), &body).await.ok();
    assert_eq!((text(&changed, "client_name"), changed.get("client_uri")), ("Notes 2", None));
    assert!(changed.get("client_secret").is_none(), "none is made");
    assert_eq!(changed["registration_access_token"], made["registration_access_token"]);
    for (name, value) in [
        ("client_id", json!("other")),
        ("client_id", Value::Null),
        ("client_secret", json!("chosen by me")),
        ("registration_access_token", made["registration_access_token"].clone()),
        ("registration_client_uri", made["registration_client_uri"].clone()),
        ("client_secret_expires_at", json!(0)),
        ("client_id_issued_at", json!(1)),
        ("token_endpoint_auth_method", json!("none")),
    ] {
        let mut wrong = body.clone();
        wrong[name] = value;
        let reply = send(configure(&anon, Method::PUT, &made), &wrong).await;
        reply.is_error(400, "invalid_client_metadata");
    }
    assert_eq!(app.events("CLIENT_UPDATED").await, 1);
}

#[actix_web::test]
async fn rfc7592_2_3_delete_ends_everything() {
    let (app, _, alice) = open().with_user("alice").await;
    let made = registered(&alice, &web()).await;
    let client = Registered {
        id: text(&made, "client_id").to_owned(),
        secret: Some(authgate_core::secret::Secret::new(text(&made, "client_secret"))),
    };
    let granted = client.granted(&alice, &[("scope", "openid")]).await;
    let access = text(&granted, "access_token");
    assert_eq!(alice.status_with("/oauth/tokeninfo", access).await, 200);
    let reply = configure(&alice, Method::DELETE, &made).send().await;
    assert_eq!((reply.status, reply.text()), (204, ""));
    assert_eq!(alice.status_with("/oauth/tokeninfo", access).await, 401);
    for method in [Method::GET, Method::DELETE] {
        configure(&alice, method, &made).send().await.is_error(401, "invalid_token");
    }
    assert_eq!(app.number("SELECT COUNT(*) FROM consents").await, 0);
}

#[actix_web::test]
async fn adv_28_adv_16_a_hostile_name_is_text_on_the_consent_page() {
    let (_app, _, alice) = open().with_user("alice").await;
    let name = "<script>alert(1)</script><img src=x onerror=alert(1)>";
    let made = registered(&alice, &json!({"client_name": name, "redirect_uris": [CALLBACK]})).await;
    let client = Registered { id: text(&made, "client_id").to_owned(), secret: None };
    let page = alice.visit(&client.asks(&[("scope", "openid")])).await;
    page.is_page(200).says("&lt;script&gt;").says("registered itself");
    assert!(!page.text().contains("<script>alert") && !page.text().contains("<img src=x"));
}

#[actix_web::test]
async fn an_mcp_client_registers_signs_in_and_refreshes() {
    let (app, anon, alice) = open().with_user("alice").await;
    let made = registered(
        &anon,
        &json!({
            "client_name": "Editor", "redirect_uris": ["http://127.0.0.1:1729/callback"], "response_types": ["code"],
            "grant_types": [
                "authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code",
            ],
            "token_endpoint_auth_method": "none",
        }),
    )
    .await;
    assert_eq!((text(&made, "application_type"), made.get("client_secret")), ("native", None));
    assert_eq!(made["grant_types"], json!(["authorization_code", "refresh_token"]));
    let id = text(&made, "client_id");
    let client = Registered { id: id.to_owned(), secret: None };
    // A program listens where it finds a free port (RFC 8252 7.3).
    let (redirect, resource) = ("http://127.0.0.1:50123/callback", "https://mcp.example.com/mcp");
    let asked = [
        ("redirect_uri", redirect),
        ("resource", resource),
        ("scope", "openid offline_access"),
        ("code_challenge", CHALLENGE),
    ];
    let code = alice.allow(&client.asks(&asked)).await.sent("code");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", redirect),
        ("code_verifier", VERIFIER),
        ("resource", resource),
    ];
    let tokens = client.token(&anon, &form).await.ok();
    let info = anon.get("/oauth/tokeninfo").bearer(text(&tokens, "access_token")).send().await.ok();
    assert!(info["aud"] == resource || info["aud"] == json!([resource]), "{info}");
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", text(&tokens, "refresh_token")),
        ("resource", resource),
    ];
    assert_ne!(client.token(&anon, &form).await.ok()["refresh_token"], tokens["refresh_token"]);
    // It is in use: it stays.
    app.clock.advance(30 * 86_400);
    authgate::serve::cleaner::registrations(&app.app, std::time::Duration::ZERO).await.unwrap();
    assert_eq!(app.find_client(id).await.id, id);
}

#[actix_web::test]
async fn adv_06_a_client_that_registered_itself_cannot_do_without_pkce() {
    let (_app, _, alice) = open().with_user("alice").await;
    let made = registered(&alice, &web()).await;
    let client = Registered { id: text(&made, "client_id").to_owned(), secret: None };
    let asked = [("code_challenge", ""), ("code_challenge_method", ""), ("prompt", "none")];
    alice.visit(&client.asks(&asked)).await.is_refused("invalid_request");
}
