//! Many at once, over HTTP: what may happen once happens once.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::mpsc;

use authgate_core::audit::Origin;
use authgate_core::client;
use authgate_core::error::Result;
use futures_util::future::{join, join_all};

use crate::util::{Client, Form, Reply, TestApp};

const RACERS: usize = 16;
const OFFLINE: (&str, &str) = ("scope", "openid read offline_access");

fn successes(replies: &[Reply]) -> usize {
    replies.iter().filter(|reply| reply.status == 200).count()
}

#[actix_web::test]
async fn adv_34_a_code_gives_one_200() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let code = web.code(&alice, &[OFFLINE]).await;
    let replies = join_all((0..RACERS).map(|_| web.redeem(&anon, &code))).await;
    assert_eq!(successes(&replies), 1);
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        reply.is_error(400, "invalid_grant");
    }
    assert_eq!(app.number("SELECT COUNT(*) FROM tokens").await, 1);
    let winner = replies.iter().find(|reply| reply.status == 200).unwrap();
    assert!(web.is_live(&anon, &winner.member("access_token")).await, "a blind repeat revokes nothing");
}

#[actix_web::test]
async fn adv_34_a_device_code_gives_one_200() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let device = web.device(&anon, &[OFFLINE]).await;
    alice.decide(&device, "approve").await;
    let replies = join_all((0..RACERS).map(|_| web.poll(&anon, &device))).await;
    assert_eq!(successes(&replies), 1);
    assert_eq!(app.number("SELECT COUNT(*) FROM tokens").await, 1);
}

#[actix_web::test]
async fn adv_03_i1_i2_a_refresh_token_is_rotated_once_and_every_200_carries_the_same() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (_, first) = alice.tokens(&web, OFFLINE.1).await;
    let replies = join_all((0..RACERS).map(|_| web.refresh(&anon, &first))).await;
    assert_eq!(successes(&replies), RACERS);
    let members = |name: &str| replies.iter().map(|reply| reply.member(name)).collect::<BTreeSet<_>>();
    assert_eq!(members("refresh_token").len(), 1);
    assert_eq!(members("access_token").len(), RACERS, "each has an access token of its own");
    assert_eq!(app.number("SELECT generation FROM families").await, 2);
}

#[actix_web::test]
async fn a_disabled_user_raced_against_refreshes_leaves_nothing_alive() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let (web, watcher) = (app.web_client().await, app.web_client().await);
    let (_, first) = alice.tokens(&web, OFFLINE.1).await;
    let refreshes = join_all((0..RACERS).map(|_| web.refresh(&anon, &first)));
    let (replies, ()) = join(refreshes, app.disable_user("alice")).await;
    for reply in replies.iter().filter(|reply| reply.status == 200) {
        assert!(!watcher.is_live(&anon, &reply.member("access_token")).await);
        web.refresh(&anon, &reply.member("refresh_token")).await.is_error(400, "invalid_grant");
    }
    web.refresh(&anon, &first).await.is_error(400, "invalid_grant");
}

/// How many issuances race against a revocation.
const ISSUANCES: usize = 64;

/// What is raced against issuances.
#[derive(Clone, Copy)]
enum Revocation {
    WithdrawnConsent,
    DisabledUser,
    DeletedClient,
}

impl Revocation {
    /// `withdrawals` are the person's own forms for it.
    async fn happen(self, app: &TestApp, alice: &Client, client_id: &str, withdrawals: Vec<Form>) {
        match self {
            Revocation::DisabledUser => app.disable_user("alice").await,
            Revocation::DeletedClient => {
                let (client, ctx) = (app.find_client(client_id).await, app.context());
                app.write(move |tx| client::delete(tx, &client, &Origin::default(), &ctx)).await;
            }
            Revocation::WithdrawnConsent => {
                for form in withdrawals {
                    let reply = alice.submit(form).await;
                    assert_eq!(reply.header("location"), Some("/account/authorizations?success=revoked"));
                }
            }
        }
    }
}

/// Codes, refresh tokens of grants of their own, and approved device codes, all sent at once; the revocation comes when
/// `before` of them are answered. Whatever any of them answered, nothing is alive afterwards.
async fn raced(revocation: Revocation, before: usize) {
    let (app, anon, alice) = TestApp::init().with("ENABLE_RATE_LIMIT", "false").with_user("alice").await;
    let (web, watcher) = (app.web_client().await, app.web_client().await);
    let (mut codes, mut refresh_tokens, mut devices) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..ISSUANCES {
        match turn % 3 {
            0 => codes.push(web.code(&alice, &[OFFLINE]).await),
            1 => refresh_tokens.push(alice.tokens(&web, OFFLINE.1).await.1),
            _ => {
                let device = web.device(&anon, &[OFFLINE]).await;
                alice.decide(&device, "approve").await;
                devices.push(device);
            }
        }
    }
    let page = alice.visit("/account/authorizations").await;
    let is_one = |form: &Form| form.action.starts_with("/account/authorizations/");
    let withdrawals: Vec<_> = page.forms().into_iter().filter(is_one).collect();
    assert!(!withdrawals.is_empty());
    let answered = Cell::new(0);
    let (turn_of_revocation, its_turn) = tokio::sync::oneshot::channel();
    let turn_of_revocation = Cell::new(Some(turn_of_revocation));
    let count = |reply: Reply| {
        answered.set(answered.get() + 1);
        if answered.get() > before
            && let Some(turn) = turn_of_revocation.take()
        {
            turn.send(()).unwrap();
        }
        reply
    };
    let by_code = join_all(codes.iter().map(|code| async { count(web.redeem(&anon, code).await) }));
    let by_refresh =
        join_all(refresh_tokens.iter().map(|one| async { count(web.refresh(&anon, one).await) }));
    let by_device = join_all(devices.iter().map(|device| async { count(web.poll(&anon, device).await) }));
    let revoked = async {
        its_turn.await.unwrap();
        revocation.happen(&app, &alice, &web.id, withdrawals).await;
    };
    let issuances = async { join(by_code, join(by_refresh, by_device)).await };
    let ((by_code, (by_refresh, by_device)), ()) = join(issuances, revoked).await;
    let replies: Vec<_> = [by_code, by_refresh, by_device].into_iter().flatten().collect();
    assert_eq!(replies.len(), ISSUANCES);
    assert!(successes(&replies) > before.min(1), "some were issued before");
    for reply in &replies {
        assert!(matches!(reply.status, 200 | 400 | 401), "{}", reply.text());
    }
    for reply in replies.iter().filter(|reply| reply.status == 200) {
        let token = reply.member("access_token");
        assert!(!watcher.is_live(&anon, &token).await, "introspection");
        assert_eq!(anon.status_with("/oauth/userinfo", &token).await, 401);
        assert_eq!(anon.status_with("/oauth/tokeninfo", &token).await, 401);
        refresh_tokens.push(reply.member("refresh_token"));
    }
    for token in &refresh_tokens {
        assert_ne!(web.refresh(&anon, token).await.status, 200, "a refresh token lives");
    }
    for code in &codes {
        assert_ne!(web.redeem(&anon, code).await.status, 200, "a code lives");
    }
    for device in &devices {
        assert_ne!(web.poll(&anon, device).await.status, 200, "a device code lives");
    }
}

#[actix_web::test]
async fn adv_02_a_withdrawn_consent_raced_against_64_issuances_leaves_nothing_alive() {
    raced(Revocation::WithdrawnConsent, 8).await;
}

#[actix_web::test]
async fn adv_02_a_disabled_user_raced_against_64_issuances_leaves_nothing_alive() {
    raced(Revocation::DisabledUser, 8).await;
}

#[actix_web::test]
async fn adv_02_a_deleted_client_raced_against_64_issuances_leaves_nothing_alive() {
    raced(Revocation::DeletedClient, 8).await;
}

#[actix_web::test]
async fn a_held_commit_releases_a_hundred_requests_in_at_most_two_more() {
    const REQUESTS: usize = 100;
    let (app, anon) = TestApp::init().start();
    let machine = app.machine("read", &[]).await;
    let (release, held) = mpsc::channel::<()>();
    let (taken, is_taken) = tokio::sync::oneshot::channel();
    let issuer = app.app.issuer.clone();
    let holder = actix_web::rt::spawn(async move {
        let job = move |_: &mut authgate_core::db::Tx<'_>| -> Result<()> {
            taken.send(()).unwrap();
            let _ = held.recv();
            Ok(())
        };
        issuer.write(job).await
    });
    is_taken.await.unwrap();
    let before = app.app.issuer.commits();
    let asked =
        join_all((0..REQUESTS).map(|_| machine.token(&anon, &[("grant_type", "client_credentials")])));
    let all_wait = async {
        while waiting(&app) < REQUESTS {
            actix_web::rt::task::yield_now().await;
        }
        drop(release);
    };
    let (replies, ()) = join(asked, all_wait).await;
    assert_eq!(successes(&replies), REQUESTS);
    holder.await.unwrap().unwrap();
    assert!(app.app.issuer.commits() - before <= 3, "the held one, and at most two more");
}

/// Messages that the issuer has not answered, besides the one it holds.
fn waiting(app: &TestApp) -> usize {
    app.app.health.actors().iter().find(|actor| actor.name == "issuer").map_or(0, |actor| actor.queue - 1)
}
