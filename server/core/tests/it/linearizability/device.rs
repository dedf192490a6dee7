//! A device code that its device polls with while people decide.

use std::sync::Mutex;

use authgate_core::consent::{self, ConsentOrigin, Pairs};
use authgate_core::device::{self, Requested};
use authgate_core::error::{Code, Error};
use authgate_core::session::Session;
use authgate_core::user::User;

use super::code::is_live;
use super::device_rule::{Device, Operation, Polled};
use super::{Party, Subject, explained};
use crate::flow::DEVICE;
use crate::seeded::Seeded;
use crate::world::{App, World};

struct OneDevice {
    app: App,
    by: (User, Session),
    asked: Requested,
    jti: Mutex<Option<String>>,
}

impl OneDevice {
    fn make(world: &World, app: &App) -> Self {
        let user = world.user(&format!("u{}", world.random.next()));
        let session = world.session(&user);
        let asked = world.device(app, Some("read"), &[]).unwrap();
        Self { app: app.clone(), by: (user, session), asked, jti: Mutex::default() }
    }

    /// The page has looked the code up before the decision is made, as the server's does.
    fn decide(&self, party: &Party<'_>, yes: bool) -> Operation {
        let (user, session) = &self.by;
        let found = party.world.read(|tx, env| device::by_user_code(tx, env, self.asked.user_code.expose()));
        let row = found.unwrap().unwrap();
        let decided = party.write(|tx, env| {
            if !yes {
                return device::deny(tx, env, &row, user);
            }
            let pairs = Pairs::of(&row.scope, &row.resources.0);
            let new = (ConsentOrigin::Device, &pairs, [].as_slice());
            let consent = consent::grant(tx, env, user, &self.app.client, new)?;
            if device::approve(tx, env, &row, (user, session, &consent))? {
                return Ok(true);
            }
            Err(Error::refused(Code::AccessDenied, "somebody was faster"))
        });
        match decided {
            Ok(counted) => Operation::Decide { yes, counted },
            Err(error) if error.code() == Some(Code::AccessDenied) => {
                Operation::Decide { yes, counted: false }
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn poll(&self, party: &Party<'_>) -> Operation {
        let form = [("grant_type", DEVICE), ("device_code", self.asked.device_code.expose())];
        let answer = party.post(&self.app, &form);
        Operation::Poll(match answer {
            Ok(tokens) => {
                *self.jti.lock().unwrap() = tokens.claim("jti").as_str().map(str::to_owned);
                Polled::Tokens
            }
            Err(error) => match error.code() {
                Some(Code::AuthorizationPending) => Polled::Pending,
                Some(Code::AccessDenied) => Polled::Denied,
                Some(Code::ExpiredToken) => Polled::Expired,
                Some(Code::InvalidGrant) => Polled::Refused,
                _ => panic!("{error}"),
            },
        })
    }

    fn look(&self, party: &Party<'_>) -> Option<Operation> {
        let jti = self.jti.lock().unwrap().clone()?;
        Some(Operation::Live(is_live(party, &jti)))
    }
}

impl Subject for OneDevice {
    type Rule = Device;

    fn turn(&self, party: &Party<'_>) -> Operation {
        match party.random.below(12) {
            0 => self.decide(party, false),
            1..=3 => self.decide(party, true),
            4 | 5 => self.look(party).unwrap_or_else(|| self.poll(party)),
            _ => self.poll(party),
        }
    }

    fn wait(&self, random: &Seeded) -> Option<(i64, Operation)> {
        let seconds = [1, 10, 11, 1799, 1800][usize::try_from(random.below(5)).unwrap()];
        Some((seconds, Operation::Wait(seconds)))
    }

    fn close(&self, party: &Party<'_>) -> Vec<Operation> {
        self.look(party).into_iter().collect()
    }
}

#[test]
fn rfc8628_3_5_adv_34_histories_of_a_device_code_are_explained() {
    let world = World::new();
    let app = world.native_app();
    explained(&world, |world, _| OneDevice::make(world, &app));
}
