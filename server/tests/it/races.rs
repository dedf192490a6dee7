//! Sixteen at once, over HTTP: what may happen once happens once.

use std::collections::BTreeSet;
use std::sync::mpsc;

use authgate_core::error::Result;
use futures_util::future::{join, join_all};

use crate::util::{Reply, TestApp};

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
