//! A code that several instances of its client redeem at once.

use std::sync::Mutex;

use authgate_core::token;

use super::code_rule::{Code, Operation};
use super::{Party, Subject, explained};
use crate::flow::{Approval, VERIFIER};
use crate::seeded::Seeded;
use crate::world::{App, World};

struct OneCode {
    approval: Approval,
    /// The access token that came of it.
    jti: Mutex<Option<String>>,
}

impl OneCode {
    fn make(world: &World, app: &App) -> Self {
        Self { approval: world.code(app, &[("scope", "read offline_access")]), jti: Mutex::default() }
    }

    fn redeem(&self, party: &Party<'_>, fits: bool) -> Operation {
        let mut request = self.approval.redemption();
        let wrong = VERIFIER.to_uppercase();
        if !fits {
            request[3].1 = &wrong;
        }
        let answer = party.post(&self.approval.app, &request);
        if let Ok(tokens) = &answer {
            *self.jti.lock().unwrap() = tokens.claim("jti").as_str().map(str::to_owned);
        }
        Operation::Redeem { fits, granted: answer.is_ok() }
    }

    fn look(&self, party: &Party<'_>) -> Option<Operation> {
        let jti = self.jti.lock().unwrap().clone()?;
        Some(Operation::Live(is_live(party, &jti)))
    }
}

pub fn is_live(party: &Party<'_>, jti: &str) -> bool {
    party.world.read(|tx, env| token::live(tx, jti, env.now())).unwrap().is_some()
}

/// CRITICAL events about the grants that came of this approval.
pub fn alarms(party: &Party<'_>, approval: &Approval) -> i64 {
    let found: Option<(i64,)> = party
        .world
        .read(|tx, _| {
            let sql = "SELECT COUNT(*) FROM audit_logs l JOIN families f ON f.id = l.resource_id \
                 WHERE f.consent_id = ?1 AND l.severity = 'CRITICAL'";
            tx.one(sql, &[approval.consent.id.as_str().into()])
        })
        .unwrap();
    found.unwrap().0
}

impl Subject for OneCode {
    type Rule = Code;

    fn turn(&self, party: &Party<'_>) -> Operation {
        match party.random.below(5) {
            0 => self.redeem(party, false),
            1 | 2 => self.look(party).unwrap_or_else(|| self.redeem(party, true)),
            _ => self.redeem(party, true),
        }
    }

    fn wait(&self, random: &Seeded) -> Option<(i64, Operation)> {
        let seconds = [1, 9, 10, 11, 59, 60][usize::try_from(random.below(6)).unwrap()];
        Some((seconds, Operation::Wait(seconds)))
    }

    fn close(&self, party: &Party<'_>) -> Vec<Operation> {
        let alarms = Operation::Alarms(alarms(party, &self.approval));
        self.look(party).into_iter().chain([alarms]).collect()
    }
}

#[test]
fn rfc6749_4_1_2_adv_34_histories_of_a_code_are_explained() {
    let world = World::new();
    let app = world.web_app();
    explained(&world, |world, _| OneCode::make(world, &app));
}
