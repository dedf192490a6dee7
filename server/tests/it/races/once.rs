//! What may happen once: codes, device codes, a refresh token's rotation, the alarm about a stolen one, a consent.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all};

use super::{OFFLINE, RACERS, successes};
use crate::util::{Client, Registered, Reply, TestApp};

const ALARMS: &str = "SELECT COUNT(*) FROM audit_logs WHERE severity = 'CRITICAL'";
const GENERATION: &str = "SELECT generation FROM families";

fn members(replies: &[Reply], name: &str) -> BTreeSet<String> {
    replies.iter().map(|reply| reply.member(name)).collect()
}

/// Many instances of a client refresh with the same token.
async fn refreshed(web: &Registered, http: &Client, token: &str, times: usize) -> Vec<Reply> {
    join_all((0..times).map(|_| web.refresh(http, token))).await
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
    app.clock.advance(30);
    let replies = refreshed(&web, &anon, &first, RACERS).await;
    assert_eq!(successes(&replies), RACERS);
    assert_eq!(members(&replies, "refresh_token").len(), 1, "I2");
    assert_eq!(members(&replies, "access_token").len(), RACERS, "each has an access token of its own");
    assert_eq!(app.number(GENERATION).await, 2, "I1");
    assert_eq!(app.number("SELECT retries FROM families").await, 63);
    app.clock.advance(30);
    let times = "SELECT idle_until + rotated_at FROM families";
    let before = app.number(times).await;
    let late = refreshed(&web, &anon, &first, 10).await;
    assert_eq!(members(&late, "refresh_token"), members(&replies, "refresh_token"));
    assert_eq!(app.number(times).await, before, "I6");
    assert_eq!(app.number(ALARMS).await, 0);
}

#[actix_web::test]
async fn adv_03_i4_i8_owner_and_thief_at_once_give_one_alarm_and_neither_keeps_anything() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (access, stolen) = alice.tokens(&web, OFFLINE.1).await;
    let second = web.refresh(&anon, &stolen).await.member("refresh_token");
    let newest = web.refresh(&anon, &second).await.member("refresh_token");
    let half = RACERS / 2;
    let (owner, thief) =
        join(refreshed(&web, &anon, &newest, half), refreshed(&web, &anon, &stolen, half)).await;
    assert_eq!(successes(&thief), 0);
    assert_eq!(app.number(ALARMS).await, 1, "I4");
    assert!(!web.is_live(&anon, &access).await);
    for reply in owner.iter().filter(|reply| reply.status == 200) {
        assert!(!web.is_live(&anon, &reply.member("access_token")).await, "I8");
        web.refresh(&anon, &reply.member("refresh_token")).await.is_error(400, "invalid_grant");
    }
    web.refresh(&anon, &newest).await.is_error(400, "invalid_grant");
    assert_eq!(app.number(ALARMS).await, 1, "I4");
}

#[actix_web::test]
async fn adv_03_i5_i9_what_others_present_changes_nothing() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let (web, other) = (app.web_client().await, app.web_client().await);
    let (access, first) = alice.tokens(&web, OFFLINE.1).await;
    let newest = web.refresh(&anon, &first).await.member("refresh_token");
    let garbage = format!("{newest}A");
    let (of_others, garbled) =
        join(refreshed(&other, &anon, &newest, RACERS), refreshed(&web, &anon, &garbage, RACERS)).await;
    for reply in of_others.iter().chain(&garbled) {
        reply.is_error(400, "invalid_grant");
    }
    assert_eq!((app.number(ALARMS).await, app.number(GENERATION).await), (0, 2));
    assert!(web.is_live(&anon, &access).await);
    assert_eq!(web.refresh(&anon, &newest).await.status, 200);
}

#[actix_web::test]
async fn d05_a_refresh_token_that_stays_serves_everybody() {
    let (app, anon, alice) = TestApp::init().with("ENABLE_TOKEN_ROTATION", "false").with_user("alice").await;
    let web = app.web_client().await;
    let (_, token) = alice.tokens(&web, OFFLINE.1).await;
    let replies = refreshed(&web, &anon, &token, RACERS).await;
    assert_eq!(members(&replies, "refresh_token"), BTreeSet::from([token]));
    assert_eq!(members(&replies, "access_token").len(), RACERS);
    assert_eq!(app.number(GENERATION).await, 1);
    for reply in &replies {
        assert!(web.is_live(&anon, &reply.member("access_token")).await);
    }
}

#[actix_web::test]
async fn adv_34_decisions_in_many_windows_make_one_consent_that_has_all_of_them() {
    let (app, anon, alice) = TestApp::init().with("ENABLE_RATE_LIMIT", "false").with_user("alice").await;
    let web = app.web_client().await;
    let mut forms = Vec::new();
    for window in 0..RACERS {
        let scope = ["openid", "read", "write", "email"][window % 4];
        let page = alice.visit(&web.asks(&[("scope", scope), ("prompt", "consent")])).await;
        forms.push(page.form_to("/oauth/authorize").press("approve"));
    }
    let codes = join_all(forms.into_iter().map(|form| alice.submit(form))).await;
    assert_eq!(codes.iter().map(|reply| reply.sent("code")).collect::<BTreeSet<_>>().len(), RACERS);
    assert_eq!(app.number("SELECT COUNT(*) FROM consents").await, 1);
    let pairs = "SELECT json_array_length(pairs) FROM consents";
    assert_eq!(app.number(pairs).await, 4, "none overwrote another");
    let tokens = join_all(codes.iter().map(async |reply| web.redeem(&anon, &reply.sent("code")).await)).await;
    assert_eq!(successes(&tokens), RACERS, "all of them rest on it");
}
