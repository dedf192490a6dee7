//! Issuance against revocation: whatever was handed out meanwhile is dead afterwards, at once in the same process.

use std::cell::Cell;

use authgate_core::audit::Origin;
use authgate_core::client::{self, ClientStatus, ClientType, Grant};
use futures_util::future::{join, join_all};

use super::{OFFLINE, RACERS, successes};
use crate::util::{Client, Device, Registered, Reply, TestApp};

/// What is raced against issuances.
#[derive(Clone, Copy)]
enum Revocation {
    WithdrawnConsent,
    SignedOutEverywhere,
    DisabledUser,
    DisabledClient,
    DeletedClient,
}

impl Revocation {
    /// True if what a client has for itself ends too.
    fn ends_machines(self) -> bool {
        matches!(self, Self::DisabledClient | Self::DeletedClient)
    }

    /// People use their own pages.
    async fn happen(self, app: &TestApp, alice: &Client, client_id: &str) {
        match self {
            Self::WithdrawnConsent => {
                let page = alice.visit("/account/authorizations").await;
                let forms = page.forms();
                let withdrawals =
                    forms.iter().filter(|form| form.action.starts_with("/account/authorizations/"));
                // One of the consent page and one of the devices.
                assert_eq!(withdrawals.clone().count(), 2);
                for form in withdrawals {
                    let reply = alice.submit(form.clone()).await;
                    assert_eq!(reply.header("location"), Some("/account/authorizations?success=revoked"));
                }
            }
            Self::SignedOutEverywhere => {
                let form = alice.visit("/account/sessions").await.form_to("/account/sessions/revoke-all");
                assert_eq!(alice.submit(form).await.header("location"), Some("/login"));
            }
            Self::DisabledUser => app.disable_user("alice").await,
            Self::DisabledClient => app.switch_client(client_id, ClientStatus::Inactive).await,
            Self::DeletedClient => {
                let (client, ctx) = (app.find_client(client_id).await, app.context());
                app.write(move |tx| client::delete(tx, &client, &Origin::default(), &ctx)).await;
            }
        }
    }
}

/// What can be turned into tokens.
enum Chance {
    Code(String),
    Refresh(String),
    Device(Device),
    Machine,
}

impl Chance {
    /// One of each kind in turn.
    async fn prepare(turn: usize, web: &Registered, alice: &Client) -> Self {
        match turn % 4 {
            0 => Self::Code(web.code(alice, &[OFFLINE]).await),
            1 => Self::Refresh(alice.tokens(web, OFFLINE.1).await.1),
            2 => {
                let device = web.device(alice, &[OFFLINE]).await;
                alice.decide(&device, "approve").await;
                Self::Device(device)
            }
            _ => Self::Machine,
        }
    }

    async fn take(&self, web: &Registered, anon: &Client) -> Reply {
        match self {
            Self::Code(code) => web.redeem(anon, code).await,
            Self::Refresh(token) => web.refresh(anon, token).await,
            Self::Device(device) => web.poll(anon, device).await,
            Self::Machine => web.token(anon, &[("grant_type", "client_credentials")]).await,
        }
    }
}

/// A client that may do everything.
async fn versatile_client(app: &TestApp) -> Registered {
    app.client_of(ClientType::Confidential, |spec| spec.grants.push(Grant::ClientCredentials)).await
}

/// Asserts what an access token is good for, everywhere at once.
async fn is_good(anon: &Client, watcher: &Registered, token: &str, expected: bool) {
    assert_eq!(watcher.is_live(anon, token).await, expected, "introspection");
    assert_eq!(anon.status_with("/oauth/tokeninfo", token).await == 200, expected, "tokeninfo");
    if !expected {
        assert_eq!(anon.status_with("/oauth/userinfo", token).await, 401, "userinfo");
    }
}

/// Codes, refresh tokens of grants of their own, approved device codes and client credentials, all sent at once; the
/// revocation comes when a few of them are answered. Whatever any of them answered, nothing is alive afterwards.
async fn raced(revocation: Revocation) {
    const BEFORE: usize = 8;
    let (app, anon, alice) = TestApp::init().with("ENABLE_RATE_LIMIT", "false").with_user("alice").await;
    let (web, watcher) = (versatile_client(&app).await, app.web_client().await);
    let mut chances = Vec::new();
    for turn in 0..RACERS {
        chances.push(Chance::prepare(turn, &web, &alice).await);
    }
    let answered = Cell::new(0);
    let (turn_of_revocation, its_turn) = tokio::sync::oneshot::channel();
    let turn_of_revocation = Cell::new(Some(turn_of_revocation));
    let issuances = join_all(chances.iter().map(|chance| async {
        let reply = chance.take(&web, &anon).await;
        answered.set(answered.get() + 1);
        if answered.get() == BEFORE {
            turn_of_revocation.take().unwrap().send(()).unwrap();
        }
        reply
    }));
    let revoked = async {
        its_turn.await.unwrap();
        revocation.happen(&app, &alice, &web.id).await;
    };
    let (replies, ()) = join(issuances, revoked).await;
    assert!(successes(&replies) > 0, "some were issued before");
    for (chance, reply) in chances.iter().zip(&replies) {
        assert!(matches!(reply.status, 200 | 400 | 401), "{}", reply.text());
        let is_machine = matches!(chance, Chance::Machine);
        if reply.status == 200 {
            let outlives = is_machine && !revocation.ends_machines();
            is_good(&anon, &watcher, &reply.member("access_token"), outlives).await;
            if let Some(token) = reply.json()["refresh_token"].as_str() {
                assert_ne!(web.refresh(&anon, token).await.status, 200, "a refresh token lives");
            }
        }
        if !is_machine || revocation.ends_machines() {
            assert_ne!(chance.take(&web, &anon).await.status, 200, "a code or a refresh token lives");
        }
    }
}

#[actix_web::test]
async fn adv_02_a_withdrawn_consent_raced_against_64_issuances_leaves_nothing_alive() {
    raced(Revocation::WithdrawnConsent).await;
}

#[actix_web::test]
async fn adv_02_a_person_who_signs_out_everywhere_during_64_issuances_leaves_nothing_alive() {
    raced(Revocation::SignedOutEverywhere).await;
}

#[actix_web::test]
async fn adv_02_a_disabled_user_raced_against_64_issuances_leaves_nothing_alive() {
    raced(Revocation::DisabledUser).await;
}

#[actix_web::test]
async fn adv_02_a_disabled_client_raced_against_64_issuances_leaves_nothing_alive() {
    raced(Revocation::DisabledClient).await;
}

#[actix_web::test]
async fn adv_02_a_deleted_client_raced_against_64_issuances_leaves_nothing_alive() {
    raced(Revocation::DeletedClient).await;
}

#[actix_web::test]
async fn adv_02_a_grant_that_is_given_back_during_64_refreshes_leaves_nothing_alive() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let (web, watcher) = (app.web_client().await, app.web_client().await);
    let (access, first) = alice.tokens(&web, OFFLINE.1).await;
    let half = || join_all((0..RACERS / 2).map(|_| web.refresh(&anon, &first)));
    let (before, ((), after)) = join(half(), join(web.revoke(&anon, &first), half())).await;
    is_good(&anon, &watcher, &access, false).await;
    for reply in before.iter().chain(&after).filter(|reply| reply.status == 200) {
        is_good(&anon, &watcher, &reply.member("access_token"), false).await;
        web.refresh(&anon, &reply.member("refresh_token")).await.is_error(400, "invalid_grant");
    }
    web.refresh(&anon, &first).await.is_error(400, "invalid_grant");
}

#[actix_web::test]
async fn adv_02_a_token_that_is_given_back_while_64_look_at_it_is_dead_for_whoever_looks_later() {
    let (app, anon, alice) = TestApp::init().with("ENABLE_RATE_LIMIT", "false").with_user("alice").await;
    let (web, watcher) = (app.web_client().await, app.web_client().await);
    let (access, refresh) = alice.tokens(&web, OFFLINE.1).await;
    is_good(&anon, &watcher, &access, true).await;
    let is_revoked = Cell::new(false);
    let look = async || {
        loop {
            let began_later = is_revoked.get();
            let is_live = watcher.is_live(&anon, &access).await;
            assert!(!(began_later && is_live), "it was called live after the answer to its revocation");
            if began_later {
                return;
            }
        }
    };
    let revoke = async {
        web.revoke(&anon, &access).await;
        is_revoked.set(true);
    };
    join(join_all((0..RACERS).map(|_| look())), revoke).await;
    is_good(&anon, &watcher, &access, false).await;
    assert_eq!(web.refresh(&anon, &refresh).await.status, 200, "RFC 7009 2.1: an access token goes alone");
}
