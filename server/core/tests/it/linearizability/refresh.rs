//! A grant that several instances of its client refresh at once, some of them with old tokens.

use std::collections::BTreeMap;
use std::sync::Mutex;

use authgate_core::error::Code;
use authgate_core::family::Presented;
use authgate_core::revocation::{self, Given};
use authgate_core::secret::Secret;

use super::code::{alarms, is_live};
use super::refresh_rule::{Operation, Refresh};
use super::{Party, Subject, explained};
use crate::flow::Approval;
use crate::seeded::Seeded;
use crate::world::{App, Tokens, World};

struct OneGrant<const ROTATING: bool> {
    approval: Approval,
    /// Every refresh token that was ever answered, by its generation.
    known: Mutex<BTreeMap<i64, String>>,
    /// The `jti` of every access token.
    access: Mutex<Vec<String>>,
}

impl<const ROTATING: bool> OneGrant<ROTATING> {
    fn make(world: &World, app: &App) -> Self {
        let (approval, tokens) = world.tokens(app, &[("scope", "read offline_access")]);
        let made = Self { approval, known: Mutex::default(), access: Mutex::default() };
        assert_eq!(made.learn(&tokens), 1);
        made
    }

    /// The generation of what was answered, which is always the same text.
    fn learn(&self, tokens: &Tokens) -> i64 {
        let generation = Presented::parse(&Secret::new(tokens.refresh())).unwrap().generation;
        let mut known = self.known.lock().unwrap();
        let same = known.entry(generation).or_insert_with(|| tokens.refresh().to_owned());
        assert_eq!(same, tokens.refresh(), "I2");
        self.access.lock().unwrap().push(tokens.claim("jti").as_str().unwrap().to_owned());
        generation
    }

    /// The newest token that is known, or one `back` generations older.
    fn token(&self, back: usize) -> (i64, String) {
        let known = self.known.lock().unwrap();
        let (generation, token) = known.iter().rev().take(back + 1).next_back().unwrap();
        (*generation, token.clone())
    }

    fn present(&self, party: &Party<'_>, back: usize) -> Operation {
        let (generation, token) = self.token(back);
        let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        let carries = match party.post(&self.approval.app, &form) {
            Ok(tokens) => Some(self.learn(&tokens)),
            Err(error) => {
                assert_eq!(error.code(), Some(Code::InvalidGrant), "{error}");
                None
            }
        };
        Operation::Present { generation, carries }
    }

    fn revoke(&self, party: &Party<'_>) -> Operation {
        let (_, token) = self.token(0);
        let client = &self.approval.app.client;
        let given = Given::Refresh(Presented::parse(&Secret::new(token)).unwrap());
        party.write(|tx, env| revocation::revoke(tx, env, client, &given)).unwrap();
        Operation::Revoke
    }

    fn look(&self, party: &Party<'_>) -> Operation {
        let known = self.access.lock().unwrap().clone();
        Operation::Live(is_live(party, &party.choose(&known).unwrap()))
    }
}

impl<const ROTATING: bool> Subject for OneGrant<ROTATING> {
    type Rule = Refresh<ROTATING>;

    fn turn(&self, party: &Party<'_>) -> Operation {
        match party.random.below(30) {
            0 => self.revoke(party),
            1..=5 => self.look(party),
            6..=12 => self.present(party, 1),
            13 => self.present(party, 2),
            _ => self.present(party, 0),
        }
    }

    fn wait(&self, random: &Seeded) -> Option<(i64, Operation)> {
        let seconds = [1, 59, 60, 61][usize::try_from(random.below(4)).unwrap()];
        Some((seconds, Operation::Wait(seconds)))
    }

    fn close(&self, party: &Party<'_>) -> Vec<Operation> {
        vec![self.look(party), Operation::Alarms(alarms(party, &self.approval))]
    }
}

#[test]
fn i1_to_i4_adv_03_histories_of_a_rotating_grant_are_explained() {
    let world = World::new();
    let app = world.native_app();
    explained(&world, |world, _| OneGrant::<true>::make(world, &app));
}

#[test]
fn d05_histories_of_a_grant_that_keeps_its_token_are_explained() {
    let mut world = World::new();
    world.policy.rotation = false;
    let app = world.web_app();
    explained(&world, |world, _| OneGrant::<false>::make(world, &app));
}
