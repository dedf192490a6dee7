//! Random histories of real requests, from three to five parties at once, each with a connection of its own as replicas
//! and commands beside a server have: one after the other in some order must explain what every party learnt.
//!
//! `AUTHGATE_SCHEDULES` says how many are played, `AUTHGATE_SEED` plays one over and over.

mod code;
mod consent;
mod device;
mod known;
mod refresh;
mod revocation;

#[path = "../histories/code.rs"]
mod code_rule;
#[path = "../histories/consent.rs"]
mod consent_rule;
#[path = "../histories/device.rs"]
mod device_rule;
#[path = "../histories/record.rs"]
mod record;
#[path = "../histories/refresh.rs"]
mod refresh_rule;
#[path = "../histories/revocation.rs"]
mod revocation_rule;

use std::sync::{Barrier, Mutex};
use std::thread;

use authgate_core::db::{Tx, Writer};
use authgate_core::env::Env;
use authgate_core::error::Result;
use authgate_core::grants;
use todc_utils::Specification;

use crate::seeded::Seeded;
use crate::world::{App, Tokens, World, hasty};
use record::{Record, seeds};

/// Schedules of each kind in a normal run.
const SCHEDULES: u64 = 50;
/// Parties at most, each with this many requests between two moves of the clock.
const PARTIES: usize = 5;
const TURNS: usize = 3;
const PHASES: u64 = 2;

/// Something that parties fight over.
trait Subject: Sync {
    /// What it does when nobody else is there.
    type Rule: Specification<Operation: Send>;

    /// What happens before they begin.
    fn open(&self, _: &Party<'_>) -> Vec<Operation<Self>> {
        Vec::new()
    }

    /// A request of a party's choice, and what it learnt.
    fn turn(&self, party: &Party<'_>) -> Operation<Self>;

    /// The clock moves by a number of seconds that matters to it; zero if time does not.
    fn wait(&self, random: &Seeded) -> Option<(i64, Operation<Self>)>;

    /// What is looked at when all is over.
    fn close(&self, party: &Party<'_>) -> Vec<Operation<Self>>;
}

type Operation<S> = <<S as Subject>::Rule as Specification>::Operation;

/// One that sends requests, one after the other.
struct Party<'a> {
    world: &'a World,
    writer: &'a Mutex<Writer>,
    random: Seeded,
}

impl Party<'_> {
    /// A transaction of its own on a connection of its own, as `Store::write` has it.
    fn write<T>(&self, job: impl FnOnce(&mut Tx<'_>, Env<'_>) -> Result<T>) -> Result<T> {
        let ctx = self.world.ctx();
        let mut writer = self.writer.lock().unwrap();
        writer.begin()?;
        let answer = writer.savepoint(|tx| job(tx, self.world.env(&ctx)))?;
        if answer.as_ref().is_err_and(|error| !error.keeps_writes()) {
            writer.rollback()?;
        } else {
            writer.commit()?;
        }
        answer
    }

    /// A request to the token endpoint.
    fn post(&self, app: &App, pairs: &[(&str, &str)]) -> Result<Tokens> {
        let request = app.request(pairs)?;
        let issued = self.write(|tx, env| grants::exchange(tx, env, &request))?;
        let json = serde_json::to_value(issued.sign(self.world.keys, &self.world.policy)?)?;
        Ok(Tokens { json })
    }

    /// One of these.
    fn choose<T: Clone>(&self, from: &[T]) -> Option<T> {
        let bound = u64::try_from(from.len()).unwrap();
        (bound > 0).then(|| from[usize::try_from(self.random.below(bound)).unwrap()].clone())
    }
}

/// Plays schedules over subjects that `make` makes anew for each.
fn explained<S: Subject>(world: &World, make: impl Fn(&World, &Seeded) -> S) {
    let writers = writers(world);
    for seed in seeds(SCHEDULES) {
        play(world, &writers, &make, seed).check::<S::Rule>(seed);
    }
}

fn writers(world: &World) -> Vec<Mutex<Writer>> {
    (0..PARTIES).map(|_| Mutex::new(impatient(world))).collect()
}

/// SQLite's own waiting for a lock sleeps for milliseconds, in which nothing would meet.
fn impatient(world: &World) -> Writer {
    let writer = hasty(&world.store);
    let again = |_| {
        thread::yield_now();
        true
    };
    writer.sqlite().busy_handler(Some(again)).unwrap();
    writer
}

fn play<S: Subject>(
    world: &World,
    writers: &[Mutex<Writer>],
    make: impl Fn(&World, &Seeded) -> S,
    seed: u64,
) -> Record<Operation<S>> {
    let random = Seeded::new(seed);
    let subject = make(world, &random);
    let parties = 3 + usize::try_from(random.below(3)).unwrap();
    // Who is there before and after them, and moves the clock.
    let watcher = Party { world, writer: &writers[0], random: Seeded::new(random.next()) };
    let record = Record::new();
    let note = |operation: Operation<S>| record.note(parties, record.moment(), operation);
    subject.open(&watcher).into_iter().for_each(note);
    for phase in 0..PHASES {
        let start = Barrier::new(parties);
        thread::scope(|scope| {
            for (number, writer) in writers.iter().enumerate().take(parties) {
                let party = Party { world, writer, random: Seeded::new(random.next()) };
                let (subject, record, start) = (&subject, &record, &start);
                scope.spawn(move || {
                    start.wait();
                    for _ in 0..TURNS {
                        // They meet at other places each time.
                        (0..party.random.below(8)).for_each(|_| thread::yield_now());
                        let called = record.moment();
                        record.note(number, called, subject.turn(&party));
                    }
                });
            }
        });
        if phase + 1 < PHASES
            && let Some((seconds, operation)) = subject.wait(&random)
        {
            world.clock.advance(seconds);
            note(operation);
        }
    }
    subject.close(&watcher).into_iter().for_each(note);
    record
}
