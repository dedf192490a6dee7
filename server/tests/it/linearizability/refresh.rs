//! A grant that several instances of its client refresh at once, some of them with old tokens.

use std::cell::RefCell;
use std::collections::BTreeMap;

use authgate_core::family::Presented;
use authgate_core::secret::Secret;

use super::refresh_rule::{Operation, Refresh};
use super::seeded::Seeded;
use super::{Party, Subject, play, seeds};
use crate::util::{Registered, TestApp};

struct OneGrant<'a> {
    app: &'a TestApp,
    web: &'a Registered,
    /// Every refresh token that was ever answered, by its generation.
    known: RefCell<BTreeMap<i64, String>>,
    access: RefCell<Vec<String>>,
}

impl OneGrant<'_> {
    /// The generation of what was answered, which is always the same text.
    fn learn(&self, access: String, refresh: &str) -> i64 {
        let generation = Presented::parse(&Secret::new(refresh)).unwrap().generation;
        let mut known = self.known.borrow_mut();
        let same = known.entry(generation).or_insert_with(|| refresh.to_owned());
        assert_eq!(*same, refresh, "I2");
        self.access.borrow_mut().push(access);
        generation
    }

    /// The newest token that is known, or one `back` generations older.
    fn token(&self, back: usize) -> (i64, String) {
        let known = self.known.borrow();
        let (generation, token) = known.iter().rev().take(back + 1).next_back().unwrap();
        (*generation, token.clone())
    }

    async fn present(&self, party: &Party, back: usize) -> Operation {
        let (generation, token) = self.token(back);
        let reply = self.web.refresh(&party.http, &token).await;
        let carries = if reply.status == 200 {
            Some(self.learn(reply.member("access_token"), &reply.member("refresh_token")))
        } else {
            reply.is_error(400, "invalid_grant");
            None
        };
        Operation::Present { generation, carries }
    }

    async fn look(&self, party: &Party) -> Operation {
        let known = self.access.borrow().clone();
        let token = party.choose(&known).unwrap();
        Operation::Live(self.web.is_live(&party.http, &token).await)
    }
}

impl Subject for OneGrant<'_> {
    type Rule = Refresh<true>;

    async fn open(&self, _: &Party) -> Vec<Operation> {
        Vec::new()
    }

    async fn turn(&self, party: &Party) -> Operation {
        match party.random.below(30) {
            0 | 1 => {
                self.web.revoke(&party.http, &self.token(0).1).await;
                Operation::Revoke
            }
            2..=8 => self.look(party).await,
            9..=14 => self.present(party, 1).await,
            15 => self.present(party, 2).await,
            _ => self.present(party, 0).await,
        }
    }

    fn wait(&self, random: &Seeded) -> Option<(i64, Operation)> {
        let seconds = [1, 59, 60, 61][usize::try_from(random.below(4)).unwrap()];
        Some((seconds, Operation::Wait(seconds)))
    }

    async fn close(&self, party: &Party) -> Vec<Operation> {
        let family = Presented::parse(&Secret::new(self.token(0).1)).unwrap().family_id;
        let alarms = self.app.write(move |tx| {
            let sql = "SELECT COUNT(*) FROM audit_logs WHERE resource_id = ?1 AND severity = 'CRITICAL'";
            tx.one(sql, &[family.into()])
        });
        let alarms: Option<(i64,)> = alarms.await;
        vec![self.look(party).await, Operation::Alarms(alarms.unwrap().0)]
    }
}

#[actix_web::test]
async fn i1_to_i4_adv_03_histories_of_a_rotating_grant_over_http_are_explained() {
    let (app, _) = TestApp::init().with("ENABLE_RATE_LIMIT", "false").start();
    app.create_user("alice").await;
    let web = app.web_client().await;
    for seed in seeds(super::SCHEDULES) {
        // The clock moves on, and a session has its end.
        let alice = app.browser_of("alice").await;
        let (access, refresh) = alice.tokens(&web, "read offline_access").await;
        let grant = OneGrant { app: &app, web: &web, known: RefCell::default(), access: RefCell::default() };
        assert_eq!(grant.learn(access, &refresh), 1);
        play(&app, &grant, &Seeded::new(seed), seed).await;
    }
}
