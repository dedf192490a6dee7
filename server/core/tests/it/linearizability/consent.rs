//! A person who allows and takes back in several windows at once.

use std::sync::Mutex;

use authgate_core::consent::{self, ConsentOrigin, Pairs};
use authgate_core::resource::Resources;
use authgate_core::scope::Scope;
use authgate_core::user::User;

use super::consent_rule::{Consent, Id, Operation, Scopes};
use super::{Party, Subject, explained};
use crate::seeded::Seeded;
use crate::world::{App, World};

const NAMES: [&str; 3] = ["openid", "read", "write"];

struct OneConsent {
    app: App,
    user: User,
    /// The ids of records, as they became known.
    ids: Mutex<Vec<String>>,
}

impl OneConsent {
    fn make(world: &World, app: &App) -> Self {
        let user = world.user(&format!("u{}", world.random.next()));
        Self { app: app.clone(), user, ids: Mutex::default() }
    }

    fn seen(&self, record: &consent::Consent) -> (Id, Scopes) {
        let mut ids = self.ids.lock().unwrap();
        let known = ids.iter().position(|id| *id == record.id);
        let id = known.unwrap_or_else(|| {
            ids.push(record.id.clone());
            ids.len() - 1
        });
        let held = record.pairs.0.scopes();
        (id, (0..NAMES.len()).filter(|at| held.contains(NAMES[*at])).fold(0, |bits, at| bits | 1 << at))
    }

    fn grant(&self, party: &Party<'_>) -> Operation {
        let at = usize::try_from(party.random.below(3)).unwrap();
        let (name, scopes) = (NAMES[at], 1 << at);
        let pairs = Pairs::of(&Scope::parse(name).unwrap(), &Resources::default());
        let asked = (ConsentOrigin::Code, &pairs, [].as_slice());
        let record = party.write(|tx, env| consent::grant(tx, env, &self.user, &self.app.client, asked));
        Operation::Grant { scopes, record: self.seen(&record.unwrap()) }
    }

    fn withdraw(&self, party: &Party<'_>) -> Option<Operation> {
        let ids = self.ids.lock().unwrap().clone();
        let name = party.choose(&ids)?;
        let id = ids.iter().position(|known| *known == name)?;
        // The page has read the record before.
        let record = party.world.read(|tx, _| consent::by_id(tx, &name)).unwrap().unwrap();
        let happened = party.write(|tx, env| consent::withdraw(tx, env, &record, None));
        Some(Operation::Withdraw { id, happened: happened.unwrap() })
    }

    fn read(&self, party: &Party<'_>) -> Operation {
        let records = party.world.read(|tx, _| consent::list(tx, Some(&self.user.id))).unwrap();
        assert!(records.len() <= 1, "one record for a person and a client");
        Operation::Read(records.first().map(|record| self.seen(record)))
    }
}

impl Subject for OneConsent {
    type Rule = Consent;

    fn turn(&self, party: &Party<'_>) -> Operation {
        match party.random.below(8) {
            0 | 1 => self.read(party),
            2..=4 => self.withdraw(party).unwrap_or_else(|| self.grant(party)),
            _ => self.grant(party),
        }
    }

    fn wait(&self, _: &Seeded) -> Option<(i64, Operation)> {
        None
    }

    fn close(&self, party: &Party<'_>) -> Vec<Operation> {
        vec![self.read(party)]
    }
}

#[test]
fn adv_34_histories_of_a_consent_are_explained() {
    let world = World::new();
    let app = world.web_app();
    explained(&world, |world, _| OneConsent::make(world, &app));
}
