//! Random histories of requests over HTTP, from three to five clients at once, through the real issuer and whatever the
//! server remembers of what it has read: some order, one after the other, must explain what every client learnt. The
//! rules are those that core's histories are checked against.
//!
//! `AUTHGATE_SCHEDULES` says how many are played, `AUTHGATE_SEED` plays one over and over.

mod refresh;
mod revocation;

#[path = "../../core/tests/histories/record.rs"]
mod record;
#[path = "../../core/tests/histories/refresh.rs"]
mod refresh_rule;
#[path = "../../core/tests/histories/revocation.rs"]
mod revocation_rule;
#[path = "../../core/tests/it/seeded.rs"]
mod seeded;

use futures_util::future::join_all;
use todc_utils::Specification;

use crate::util::{Client, TestApp};
use record::{Record, seeds};
use seeded::Seeded;

/// Schedules of each kind in a normal run.
const SCHEDULES: u64 = 20;
/// Requests of each party between two moves of the clock.
const TURNS: usize = 3;
const PHASES: u64 = 2;

/// Something that parties fight over.
trait Subject {
    /// What it does when nobody else is there.
    type Rule: Specification;

    /// What happens before they begin.
    async fn open(&self, party: &Party) -> Vec<Operation<Self>>;

    /// A request of a party's choice, and what it learnt.
    async fn turn(&self, party: &Party) -> Operation<Self>;

    /// The clock moves by a number of seconds that matters to it, if time does.
    fn wait(&self, random: &Seeded) -> Option<(i64, Operation<Self>)>;

    /// What is looked at when all is over.
    async fn close(&self, party: &Party) -> Vec<Operation<Self>>;
}

type Operation<S> = <<S as Subject>::Rule as Specification>::Operation;

/// One that sends requests, one after the other.
struct Party {
    http: Client,
    random: Seeded,
}

impl Party {
    /// One of these.
    fn choose<T: Clone>(&self, from: &[T]) -> Option<T> {
        let bound = u64::try_from(from.len()).unwrap();
        (bound > 0).then(|| from[usize::try_from(self.random.below(bound)).unwrap()].clone())
    }
}

async fn play<S: Subject>(app: &TestApp, subject: &S, random: &Seeded, seed: u64) {
    let party = || Party { http: app.client(), random: Seeded::new(random.next()) };
    let (watcher, parties) = (party(), (0..3 + random.below(3)).map(|_| party()).collect::<Vec<_>>());
    let record = Record::<Operation<S>>::new();
    let note = |operation| record.note(parties.len(), record.moment(), operation);
    subject.open(&watcher).await.into_iter().for_each(note);
    for phase in 0..PHASES {
        join_all(parties.iter().enumerate().map(async |(number, party)| {
            for _ in 0..TURNS {
                // They meet at other places each time.
                for _ in 0..party.random.below(4) {
                    actix_web::rt::task::yield_now().await;
                }
                let called = record.moment();
                record.note(number, called, subject.turn(party).await);
            }
        }))
        .await;
        if phase + 1 < PHASES
            && let Some((seconds, operation)) = subject.wait(random)
        {
            app.clock.advance(seconds);
            note(operation);
        }
    }
    subject.close(&watcher).await.into_iter().for_each(note);
    record.check::<S::Rule>(seed);
}
