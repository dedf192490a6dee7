//! Random schedules of an owner and a thief who share one refresh token, of lost answers, crashes and revocations,
//! against a model that is small enough to be believed. A failure prints the seed of its schedule.

use std::collections::HashMap;

use authgate_core::client::{self, ClientStatus};
use authgate_core::consent;
use authgate_core::db::{Tx, Writer};
use authgate_core::env::Env;
use authgate_core::error::{Code, Error, Result};
use authgate_core::family::Presented;
use authgate_core::grants;
use authgate_core::revocation::{self, Given};
use authgate_core::secret::Secret;
use authgate_core::session;
use authgate_core::token;
use authgate_core::user::{self, UserStatus};

use crate::flow::Approval;
use crate::seeded::Seeded;
use crate::world::{App, IDLE, REFRESH_MAX, Tokens, WINDOW, World, hasty};

/// Schedules of a normal run, and steps of each; `make prove` asks for more in `AUTHGATE_SCHEDULES`.
const SCHEDULES: u64 = 500;
const STEPS: usize = 24;

/// What a refresh token's family does, written down again without looking at the code.
struct Model {
    alive: bool,
    generation: i64,
    rotated_at: i64,
    retries: i64,
    idle_until: i64,
    expires_at: i64,
    reuses: i64,
}

#[derive(Debug, PartialEq)]
enum Expected {
    Rotated,
    Repeated,
    TooOften,
    Refused,
    Reuse,
}

impl Model {
    fn new(now: i64) -> Self {
        let (idle_until, expires_at) = (now + IDLE, now + REFRESH_MAX);
        Self { alive: true, generation: 1, rotated_at: now, retries: 0, idle_until, expires_at, reuses: 0 }
    }

    fn present(&mut self, generation: i64, now: i64) -> Expected {
        if !self.alive || now >= self.idle_until || now >= self.expires_at {
            return Expected::Refused;
        }
        if generation == self.generation {
            self.generation += 1;
            self.rotated_at = now;
            self.retries = 0;
            self.idle_until = (now + IDLE).min(self.expires_at);
            return Expected::Rotated;
        }
        if generation == self.generation - 1 && now <= self.rotated_at + WINDOW {
            if self.retries == 100 {
                return Expected::TooOften;
            }
            self.retries += 1;
            return Expected::Repeated;
        }
        self.alive = false;
        self.reuses += 1;
        Expected::Reuse
    }
}

/// One schedule: its rows, its model and what each party holds.
struct Schedule<'a> {
    world: &'a World,
    writer: Writer,
    random: Seeded,
    approval: Approval,
    other: App,
    model: Model,
    family: String,
    /// Every refresh token that was ever answered, by its generation.
    known: HashMap<i64, String>,
    /// The `jti` of every access token that was ever answered.
    access: Vec<String>,
    /// The generations that owner and thief hold.
    holds: [Option<i64>; 2],
}

impl Schedule<'_> {
    /// One request as the issuer runs it: a savepoint in an open transaction.
    fn run<T>(&mut self, job: impl FnOnce(&mut Tx<'_>, Env<'_>) -> Result<T>) -> Result<T> {
        let ctx = self.world.ctx();
        self.writer.savepoint(|tx| job(tx, self.world.env(&ctx))).unwrap()
    }

    /// Everything that is stored about this grant, in one text.
    fn rows(&mut self) -> String {
        let family = self.family.clone();
        let rows = self.run(|tx, _| {
            let id = [family.as_str().into()];
            let times: Option<(i64, i64, i64, i64)> = tx
                .one("SELECT generation, rotated_at, retries, idle_until FROM families WHERE id = ?1", &id)?;
            let state: Option<(String, i64, i64)> =
                tx.one("SELECT state, expires_at, last_used_at FROM families WHERE id = ?1", &id)?;
            let tokens: Vec<(String, i64)> = tx.all(
                "SELECT status, COUNT(*) FROM tokens WHERE family_id = ?1 GROUP BY status ORDER BY status",
                &id,
            )?;
            Ok(format!("{times:?} {state:?} {tokens:?}"))
        });
        rows.unwrap()
    }

    fn present(&mut self, app: &App, token: &str) -> Result<Tokens> {
        let request = app.request(&[("grant_type", "refresh_token"), ("refresh_token", token)])?;
        let issued = self.run(|tx, env| grants::exchange(tx, env, &request))?;
        let json = serde_json::to_value(issued.sign(self.world.keys, &self.world.policy)?)?;
        Ok(Tokens { json })
    }

    /// Owner (0) or thief (1) presents what they hold.
    fn refresh(&mut self, who: usize) {
        let Some(generation) = self.holds[who] else { return };
        let (before, token) = (self.rows(), self.known[&generation].clone());
        let expected = self.model.present(generation, self.world.now());
        let app = self.approval.app.clone();
        let answer = self.present(&app, &token);
        match (&expected, &answer) {
            (Expected::Rotated | Expected::Repeated, Ok(tokens)) => {
                let newest = self.model.generation;
                let same = self.known.entry(newest).or_insert_with(|| tokens.refresh().to_owned());
                assert_eq!(same, tokens.refresh(), "I2");
                self.access.push(tokens.claim("jti").as_str().unwrap().to_owned());
                // A lost answer: the party still holds what it had.
                if self.random.below(3) > 0 {
                    self.holds[who] = Some(newest);
                }
            }
            (Expected::TooOften, Err(error)) => assert_eq!(error.code(), Some(Code::RateLimitExceeded)),
            (Expected::Refused | Expected::Reuse, Err(error)) => {
                assert_eq!(error.code(), Some(Code::InvalidGrant), "I3, I8");
            }
            (expected, answer) => panic!("{expected:?}, but {answer:?}"),
        }
        if matches!(expected, Expected::Refused | Expected::TooOften) {
            assert_eq!(self.rows(), before, "I5");
        }
    }

    /// Dies between the request and its commit.
    fn die(&mut self) {
        let Some(generation) = self.holds[0] else { return };
        let (before, token) = (self.rows(), self.known[&generation].clone());
        let request =
            self.approval.app.request(&[("grant_type", "refresh_token"), ("refresh_token", &token)]).unwrap();
        let dead: Result<()> = self.run(|tx, env| {
            drop(grants::exchange(tx, env, &request));
            Err(Error::failed("the machine died"))
        });
        assert!(dead.is_err());
        assert_eq!(self.rows(), before);
    }

    /// Somebody presents what can never be right.
    fn strangers(&mut self) {
        let generation = self.random.below(self.model.generation.unsigned_abs()).cast_signed() + 1;
        let Some(token) = self.known.get(&generation).cloned() else { return };
        let before = self.rows();
        let (app, other) = (self.approval.app.clone(), self.other.clone());
        assert_eq!(self.present(&other, &token).unwrap_err().code(), Some(Code::InvalidGrant), "I9");
        let cut = usize::try_from(self.random.below(token.len() as u64)).unwrap();
        assert!(self.present(&app, &token[..cut]).is_err(), "I9");
        assert_eq!(self.rows(), before, "I9");
    }

    fn end(&mut self) {
        let (which, newest) = (self.random.below(5), self.known[&self.newest_known()].clone());
        let Approval { user, app, consent, session, .. } = &self.approval;
        let (user, app, consent, session) =
            (user.clone(), app.client.clone(), consent.clone(), session.id.clone());
        let ended = self.run(|tx, env| match which {
            0 => consent::withdraw(tx, env, &consent, None).map(drop),
            1 => {
                let disabled = user::set_status(tx, &user, UserStatus::Disabled, env.origin, env.ctx);
                disabled.and_then(|()| user::set_status(tx, &user, UserStatus::Active, env.origin, env.ctx))
            }
            2 => {
                let disabled = client::set_status(tx, &app, ClientStatus::Inactive, env.origin, env.ctx);
                disabled
                    .and_then(|()| client::set_status(tx, &app, ClientStatus::Active, env.origin, env.ctx))
            }
            3 => session::end(tx, env, &user, &session).map(drop),
            _ => {
                let given = Given::Refresh(Presented::parse(&Secret::new(newest)).unwrap());
                revocation::revoke(tx, env, &app, &given)
            }
        });
        ended.unwrap();
        self.model.alive = false;
    }

    fn newest_known(&self) -> i64 {
        *self.known.keys().max().unwrap()
    }

    fn step(&mut self) {
        match self.random.below(40) {
            0..=9 => self.refresh(0),
            10..=14 => self.refresh(1),
            15..=24 => self.world.clock.advance(self.random.below(45).cast_signed()),
            25..=27 => self.world.clock.advance(WINDOW + self.random.below(3).cast_signed() - 1),
            28 => self.world.clock.advance(self.random.below(IDLE.unsigned_abs() + 10).cast_signed()),
            29..=31 => self.holds[1] = self.holds[0],
            32..=34 => self.die(),
            35..=37 => self.strangers(),
            38 if self.random.below(8) == 0 => (0..self.random.below(120)).for_each(|_| self.refresh(0)),
            _ if self.random.below(4) == 0 => self.end(),
            _ => {}
        }
        self.check();
    }

    /// The row is what the model says.
    fn check(&mut self) {
        let Model { generation, rotated_at, retries, idle_until, .. } = self.model;
        let expected = format!("{:?}", Some((generation, rotated_at, retries, idle_until)));
        assert!(self.rows().starts_with(&expected), "I1, I6: {expected} {}", self.rows());
    }

    /// What ended left its one trace, and is dead everywhere.
    fn close(&mut self) {
        let (family, now) = (self.family.clone(), self.world.now());
        let criticals = self.run(|tx, _| {
            let sql = "SELECT COUNT(*) FROM audit_logs WHERE resource_id = ?1 AND severity = 'CRITICAL'";
            tx.one(sql, &[family.as_str().into()])
        });
        assert_eq!(criticals, Ok(Some((self.model.reuses,))), "I4");
        if !self.model.alive {
            for jti in self.access.clone() {
                assert!(self.run(|tx, _| token::live(tx, &jti, now)).unwrap().is_none(), "I3");
            }
        }
    }
}

fn play(world: &World, other: &App, seed: u64) {
    let app = world.native_app();
    let (approval, tokens) = world.tokens(&app, &[("scope", "read")]);
    let mut schedule = Schedule {
        writer: hasty(&world.store),
        random: Seeded::new(seed),
        model: Model::new(world.now()),
        family: world.live(&tokens).unwrap().family_id.unwrap(),
        known: HashMap::from([(1, tokens.refresh().to_owned())]),
        access: vec![tokens.claim("jti").as_str().unwrap().to_owned()],
        holds: [Some(1), None],
        world,
        approval,
        other: other.clone(),
    };
    schedule.writer.begin().unwrap();
    (0..STEPS).for_each(|_| schedule.step());
    schedule.close();
    schedule.writer.commit().unwrap();
}

#[test]
fn i1_to_i9_hold_in_random_schedules() {
    let world = World::new();
    let other = world.native_app();
    let asked = std::env::var("AUTHGATE_SCHEDULES").map(|text| text.parse().expect("a number"));
    for seed in 0..asked.unwrap_or(SCHEDULES) {
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| play(&world, &other, seed)));
        if let Err(panic) = played {
            eprintln!("the schedule of seed {seed} failed");
            std::panic::resume_unwind(panic);
        }
    }
}
