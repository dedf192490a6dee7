//! Clients hear that somebody signed out (OpenID Connect Back-Channel Logout 1.0).

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use authgate::backchannel::deliver;
use authgate_core::audit::Origin;
use authgate_core::user::{self, Changes, Role, UserStatus};
use serde_json::{Value, json};

use crate::util::jws::Jws;
use crate::util::{Client, PASSWORD, Registered, TestApp};

/// An application that listens for logout tokens.
struct Listener {
    uri: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// What it answers, one after the other; then 200.
    answers: Vec<u16>,
    /// What it was sent: content type and body.
    heard: Vec<(String, String)>,
}

async fn hear(state: Data<Mutex<State>>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let mut state = state.lock().unwrap();
    let kind = request.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    state.heard.push((kind.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap()));
    let status = if state.answers.is_empty() { 200 } else { state.answers.remove(0) };
    let mut response = HttpResponse::build(status.try_into().unwrap());
    response.insert_header(("location", "/elsewhere"));
    response.body("x".repeat(1_000_000))
}

impl Listener {
    fn start(answers: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("http://{}/backchannel", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { answers: answers.to_vec(), heard: Vec::new() }));
        let shared = Data::from(Arc::clone(&state));
        let server =
            HttpServer::new(move || App::new().app_data(shared.clone()).default_service(web::to(hear)));
        actix_web::rt::spawn(server.workers(1).disable_signals().listen(listener).unwrap().run());
        Self { uri, state }
    }

    fn heard(&self) -> Vec<(String, String)> {
        self.state.lock().unwrap().heard.clone()
    }

    /// The newest logout token.
    async fn token(&self, http: &Client) -> Jws {
        let (_, body) = self.heard().pop().expect("it heard something");
        Jws::verified(http, body.strip_prefix("logout_token=").unwrap()).await
    }
}

/// A client that listens at `uri`.
async fn listening(app: &TestApp, uri: &str) -> Registered {
    let web = app.web_client().await;
    let uri = uri.to_owned();
    app.change_client(&web.id, move |spec| {
        spec.backchannel_logout_uri = Some(uri);
        spec.backchannel_logout_session = true;
    })
    .await;
    web
}

async fn id_token(http: &Client, web: &Registered) -> Value {
    let tokens = web.granted(http, &[]).await;
    Jws::read(tokens["id_token"].as_str().unwrap()).claims
}

async fn sign_out(http: &Client) {
    assert_eq!(http.post("/logout").form(&[]).send().await.status, 302);
}

async fn waiting(app: &TestApp) -> i64 {
    app.number("SELECT COUNT(*) FROM logout_notices").await
}

#[actix_web::test]
async fn openid_backchannel_2_4_the_logout_token() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let listener = Listener::start(&[204]);
    let (web, silent) = (listening(&app, &listener.uri).await, app.web_client().await);
    let id_token = id_token(&alice, &web).await;
    alice.tokens(&silent, "openid").await;
    sign_out(&alice).await;
    assert_eq!(deliver(&app.app).await.unwrap(), 1, "204 is a yes, and who did not ask hears nothing");
    assert_eq!(listener.heard()[0].0, "application/x-www-form-urlencoded");
    let Jws { header, claims, .. } = listener.token(&anon).await;
    assert_eq!((&header["typ"], &header["alg"]), (&json!("logout+jwt"), &json!("RS256")));
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!("http://localhost:8080"), &json!(web.id)));
    assert_eq!((&claims["sub"], &claims["sid"]), (&id_token["sub"], &id_token["sid"]));
    assert_eq!(claims["events"], json!({"http://schemas.openid.net/event/backchannel-logout": {}}));
    let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert!((1..=120).contains(&lifetime) && claims["jti"].is_string());
    assert!(claims.get("nonce").is_none(), "a nonce MUST NOT be there, or it could pass for an ID token");
    assert_eq!((waiting(&app).await, deliver(&app.app).await.unwrap()), (0, 0), "once");
    // It is no hint and no access token.
    let token = listener.heard()[0].1.strip_prefix("logout_token=").unwrap().to_owned();
    assert_eq!(anon.status_with("/oauth/userinfo", &token).await, 401);
    alice.open(&web.asks(&[("id_token_hint", &token)])).await.is_refused("invalid_request");
}

#[actix_web::test]
async fn openid_backchannel_2_3_every_way_a_session_ends_is_told() {
    let (app, _, _) = TestApp::init().with_user("alice").await;
    let listener = Listener::start(&[]);
    let web = listening(&app, &listener.uri).await;
    let change = async |job: fn(
        &mut authgate_core::db::Tx<'_>,
        &user::User,
        &authgate_core::context::Context,
    ) -> authgate_core::error::Result<()>| {
        let ctx = app.context();
        app.write(move |tx| {
            let alice = user::by_username(tx, "alice")?.expect("she is there");
            job(tx, &alice, &ctx)
        })
        .await;
    };
    let mut told = 0;
    for way in 0..7 {
        let alice = app.browser_of("alice").await;
        id_token(&alice, &web).await;
        match way {
            0 => sign_out(&alice).await,
            1 => {
                let page = alice.open("/account/sessions").await;
                alice.submit(page.form_to("/account/sessions/revoke-all")).await;
            }
            2 => {
                change(|tx, alice, ctx| {
                    user::set_status(tx, alice, UserStatus::Disabled, &Origin::default(), ctx)
                })
                .await;
            }
            3 => change(|tx, alice, ctx| user::reset_password(tx, alice, "x", &Origin::default(), ctx)).await,
            4 => change(|tx, alice, ctx| user::revoke_all(tx, alice, &Origin::default(), ctx)).await,
            5 => {
                change(|tx, alice, ctx| {
                    let changes = Changes { role: Some(Role::Admin), ..Changes::default() };
                    user::update(tx, alice, changes, &Origin::default(), ctx)
                })
                .await;
            }
            _ => {
                let other = app.browser_of("alice").await;
                let page = other.open("/account/sessions").await;
                // Newest first: the other browser's own stands on top, Alice's first one below.
                let ends = page.forms().into_iter().filter(|form| form.action.ends_with("/revoke"));
                let first = ends.filter(|form| form.action.starts_with("/account/sessions/")).nth(1);
                other.submit(first.expect("there are two browsers")).await;
            }
        }
        told += 1;
        assert_eq!(deliver(&app.app).await.unwrap(), 1, "way {way}");
        assert_eq!(listener.heard().len(), told, "way {way}");
        let hash =
            authgate_core::user::hash_password(&authgate_core::secret::Secret::new(PASSWORD), &app.context());
        let hash = hash.unwrap();
        app.write(move |tx| {
            let sql = "UPDATE users SET status = 'active', password_hash = ?1 WHERE username = 'alice'";
            tx.execute(sql, &[hash.as_str().into()])
        })
        .await;
    }
}

#[actix_web::test]
async fn openid_backchannel_2_5_a_client_that_does_not_answer_is_told_again() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    // A redirect is not followed, and is no yes (2.8).
    let listener = Listener::start(&[500, 302, 400]);
    let web = listening(&app, &listener.uri).await;
    id_token(&alice, &web).await;
    sign_out(&alice).await;
    for (attempt, wait) in [(1, 4), (2, 29), (3, 119)] {
        assert_eq!(deliver(&app.app).await.unwrap(), 0);
        assert_eq!((listener.heard().len(), waiting(&app).await), (attempt, 1));
        app.clock.advance(wait);
        assert_eq!(deliver(&app.app).await.unwrap(), 0);
        assert_eq!(listener.heard().len(), attempt, "not before its time");
        app.clock.advance(1);
    }
    // What waits survives a restart.
    let app = app.restarted().await;
    assert_eq!(deliver(&app.app).await.unwrap(), 1);
    assert_eq!((listener.heard().len(), waiting(&app).await), (4, 0));
    let ids: std::collections::BTreeSet<_> = listener
        .heard()
        .iter()
        .map(|(_, body)| Jws::read(body.strip_prefix("logout_token=").unwrap()).claims["jti"].to_string())
        .collect();
    assert_eq!(ids.len(), 4, "each attempt is a token of its own");
    drop(anon);
}

#[actix_web::test]
async fn a_client_that_never_answers_is_given_up_after_a_day() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/", closed.local_addr().unwrap());
    drop(closed);
    let web = listening(&app, &uri).await;
    id_token(&alice, &web).await;
    sign_out(&alice).await;
    let mut attempts = 0;
    while waiting(&app).await == 1 {
        assert_eq!(deliver(&app.app).await.unwrap(), 0);
        attempts += 1;
        app.clock.advance(3600);
    }
    assert_eq!((attempts, app.events("BACKCHANNEL_LOGOUT_FAILED").await), (25, 1));
}

#[actix_web::test]
async fn a_client_that_is_gone_or_wants_none_any_more_hears_nothing() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let listener = Listener::start(&[]);
    let (deleted, changed) = (listening(&app, &listener.uri).await, listening(&app, &listener.uri).await);
    for web in [&deleted, &changed] {
        id_token(&alice, web).await;
    }
    sign_out(&alice).await;
    assert_eq!(waiting(&app).await, 2);
    let (client, ctx) = (app.find_client(&deleted.id).await, app.context());
    app.write(move |tx| authgate_core::client::delete(tx, &client, &Origin::default(), &ctx)).await;
    app.change_client(&changed.id, |spec| {
        spec.backchannel_logout_uri = None;
        spec.backchannel_logout_session = false;
    })
    .await;
    assert_eq!(deliver(&app.app).await.unwrap(), 0);
    assert_eq!((listener.heard().len(), waiting(&app).await), (0, 0));
}

#[actix_web::test]
async fn adv_17_a_client_that_registered_itself_reaches_public_addresses_only() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let listener = Listener::start(&[]);
    let web = listening(&app, &listener.uri).await;
    id_token(&alice, &web).await;
    // Approval does not make the address any better.
    app.sql("UPDATE clients SET origin = 'approved', registered_from = '192.0.2.1'").await;
    sign_out(&alice).await;
    assert_eq!(deliver(&app.app).await.unwrap(), 0);
    assert!(listener.heard().is_empty());
    app.sql("UPDATE clients SET registered_from = NULL").await;
    app.clock.advance(60);
    assert_eq!(deliver(&app.app).await.unwrap(), 1, "an administrator may name inner addresses");
}
