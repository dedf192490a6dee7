//! Clients and their secrets.

use authgate_actors::limiter::Allowance;
use std::future::{Future as _, poll_fn};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use authgate_core::audit::Origin;
use authgate_core::client::{self, ClientStatus};
use authgate_core::secret::Secret;
use futures_util::future::join_all;

use super::{HASH, RACERS, SECRET};
use crate::util::{Registered, TestApp};

const UPGRADED: &str = "CLIENT_SECRET_UPGRADED";
const OFFLINE: (&str, &str) = ("scope", "openid read offline_access");

impl TestApp {
    /// Failed authentications that count.
    async fn failures(&self, rule: &'static str) -> u32 {
        let allowance = Allowance { limit: 20, window: 60 };
        let now_ms = self.app.clock.now_ms();
        20 - self.app.limiter.look(rule, "127.0.0.1".to_owned(), allowance, now_ms).await.unwrap().remaining
    }

    /// As if no secret had ever been used.
    async fn forget_uses(&self) {
        self.write(|tx| tx.execute(&format!("UPDATE client_secrets SET hash = '{HASH}'"), &[])).await;
    }
}

#[actix_web::test]
async fn the_first_use_replaces_the_hash_once() {
    let (app, anon) = TestApp::init().start();
    let client = app.imported_client(SECRET, HASH).await;
    for _ in 0..3 {
        let reply = client.post(&anon, "/oauth/introspect", &[("token", "x")]).await;
        assert_eq!((reply.status, app.failures("introspect-address").await), (200, 0));
    }
    assert_eq!(app.events(UPGRADED).await, 1);
    let stored: Vec<(String,)> =
        app.app.read(|tx| tx.all("SELECT hash FROM client_secrets ORDER BY id", &[])).await.unwrap();
    let hashes: Vec<_> = stored.into_iter().map(|(hash,)| hash).collect();
    assert!(hashes.contains(&Secret::new(SECRET).sha256()) && !hashes.contains(&HASH.to_owned()));
}

#[actix_web::test]
async fn d12_the_first_use_burns_nothing_at_any_endpoint() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.imported_client(SECRET, HASH).await;
    let code = web.code(&alice, &[OFFLINE]).await;
    let granted = web.redeem(&anon, &code).await;
    assert_eq!(app.events(UPGRADED).await, 1, "the code grant");
    app.forget_uses().await;
    let refreshed = web.refresh(&anon, &granted.member("refresh_token")).await;
    assert_eq!(app.events(UPGRADED).await, 2, "the refresh grant");
    assert_eq!(app.number("SELECT generation FROM families").await, 2);
    app.forget_uses().await;
    assert!(web.is_live(&anon, &refreshed.member("access_token")).await);
    assert_eq!(app.events(UPGRADED).await, 3, "introspection");
    app.forget_uses().await;
    web.revoke(&anon, &refreshed.member("access_token")).await;
    assert_eq!(app.events(UPGRADED).await, 4, "revocation");
    assert!(!web.is_live(&anon, &refreshed.member("access_token")).await);
    app.forget_uses().await;
    let device = web.device(&anon, &[OFFLINE]).await;
    assert_eq!(app.events(UPGRADED).await, 5, "the device request");
    assert_eq!(app.number("SELECT COUNT(*) FROM device_codes").await, 1);
    app.forget_uses().await;
    web.poll(&anon, &device).await.is_error(400, "authorization_pending");
    assert_eq!(app.events(UPGRADED).await, 6, "the device grant");
    app.forget_uses().await;
    alice.decide(&device, "approve").await;
    app.clock.advance(5);
    web.poll(&anon, &device).await.ok();
    assert_eq!(app.events(UPGRADED).await, 7, "the device grant, approved");
}

#[actix_web::test]
async fn d12_a_wrong_secret_burns_nothing_and_replaces_nothing() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.imported_client(SECRET, HASH).await;
    let code = web.code(&alice, &[OFFLINE]).await;
    for wrong in ["wrong", HASH, &format!("{SECRET}x"), &SECRET[1..]] {
        let other = Registered { id: web.id.clone(), secret: Some(Secret::new(wrong)) };
        other.redeem(&anon, &code).await.is_error(401, "invalid_client");
        other.post(&anon, "/oauth/revoke", &[("token", "x")]).await.is_error(401, "invalid_client");
    }
    assert_eq!(app.events(UPGRADED).await, 0);
    web.redeem(&anon, &code).await.ok();
}

#[actix_web::test]
async fn adv_34_first_uses_at_once_all_succeed_and_replace_the_hash_once() {
    let (app, anon) = TestApp::init().start();
    let client = app.imported_client(SECRET, HASH).await;
    let replies = join_all((0..RACERS).map(|_| client.post(&anon, "/oauth/device/code", &[]))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), RACERS);
    assert_eq!(app.events(UPGRADED).await, 1);
    assert_eq!(app.failures("token-address").await, 0);
}

#[actix_web::test]
async fn d20_bcrypt_is_not_run_beyond_the_limit() {
    let (app, anon) = TestApp::init().with("TOKEN_RATE_LIMIT", "3").start();
    let client = app.imported_client(SECRET, HASH).await;
    let ask = |secret: &str| anon.post("/oauth/device/code").basic(&client.id, secret).form(&[]).send();
    let mut statuses = Vec::new();
    for secret in ["guess", "guess", "guess", "guess", SECRET] {
        statuses.push(ask(secret).await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429], "the right one is not even looked at");
    app.clock.advance(60);
    assert_eq!(ask(SECRET).await.status, 200);
    for _ in 0..4 {
        ask("guess").await;
    }
    assert_eq!(ask(SECRET).await.status, 200, "after the first use it passes at any time");
}

#[actix_web::test]
async fn an_imported_secret_and_a_new_one_live_side_by_side() {
    let (app, anon) = TestApp::init().start();
    let client = app.imported_client(SECRET, HASH).await;
    let (row, ctx) = (app.find_client(&client.id).await, app.context());
    let new = app.write(move |tx| client::rotate_secret(tx, &row, 3600, &Origin::default(), &ctx)).await;
    let new = Registered { id: client.id.clone(), secret: Some(new) };
    new.device(&anon, &[]).await;
    assert_eq!(app.events(UPGRADED).await, 0);
    client.device(&anon, &[]).await;
    app.clock.advance(3600);
    client.post(&anon, "/oauth/device/code", &[]).await.is_error(401, "invalid_client");
    new.device(&anon, &[]).await;
}

#[actix_web::test]
async fn a_client_that_is_off_or_whose_secret_was_replaced_gets_nothing() {
    let (app, anon) = TestApp::init().start();
    let [off, replaced] = [app.imported_client(SECRET, HASH).await, app.imported_client(SECRET, HASH).await];
    app.switch_client(&off.id, ClientStatus::Inactive).await;
    let (row, ctx) = (app.find_client(&replaced.id).await, app.context());
    app.write(move |tx| client::rotate_secret(tx, &row, 0, &Origin::default(), &ctx)).await;
    for client in [off, replaced] {
        client.post(&anon, "/oauth/device/code", &[]).await.is_error(401, "invalid_client");
    }
    assert_eq!(app.events(UPGRADED).await, 0);
}

#[actix_web::test]
async fn d3_the_switch_for_imported_clients_is_for_them() {
    let (app, anon) = TestApp::init().with("COMPAT_SECRETLESS_CLIENTS", "true").start();
    let (client, own) = (app.imported_client(SECRET, HASH).await, app.web_client().await);
    let named = |id: &str| anon.post("/oauth/device/code").form(&[("client_id", id)]).send();
    assert_eq!(named(&client.id).await.status, 200);
    named(&own.id).await.is_error(401, "invalid_client");
    let wrong = Registered { id: client.id.clone(), secret: Some(Secret::new("wrong")) };
    wrong.post(&anon, "/oauth/device/code", &[]).await.is_error(401, "invalid_client");
    client.device(&anon, &[]).await;
}

#[actix_web::test]
async fn a_full_queue_of_hashes_is_said_and_fails_nobody() {
    let (app, anon) = TestApp::init().start();
    let client = app.imported_client(SECRET, HASH).await;
    let (release, held) = channel::<()>();
    let (starting, started) = channel();
    let held = Arc::new(Mutex::new(held));
    let mut waiting = Vec::new();
    // More than the queue takes, twice: each thread that begins with one makes room for another.
    let threads = std::thread::available_parallelism().map_or(1, usize::from) / 2;
    for starts in [threads.clamp(1, 4), 0] {
        for _ in 0..256 {
            let (held, starting) = (Arc::clone(&held), starting.clone());
            let mut job = Box::pin(app.app.hasher.run(move || {
                starting.send(()).unwrap();
                held.lock().unwrap().recv().is_ok()
            }));
            // Polled once, it is in the queue, or refused.
            if poll_fn(|cx| Poll::Ready(job.as_mut().poll(cx).is_pending())).await {
                waiting.push(job);
            }
        }
        assert_eq!(started.iter().take(starts).count(), starts);
    }
    client.post(&anon, "/oauth/device/code", &[]).await.is_error(503, "temporarily_unavailable");
    drop(release);
    join_all(waiting).await;
    let reply = client.post(&anon, "/oauth/device/code", &[]).await;
    assert_eq!((reply.status, app.failures("token-address").await), (200, 0), "it is no failure");
}
