//! What several parties did to one thing at the same time, and whether there is an order in which they could have done
//! it one after the other (linearizability): each operation at one moment between its call and its answer.

use std::fmt::Debug;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use todc_utils::{Action, History, Specification, WGLChecker};

/// How often a single seed is played: its requests are the same each time, their meeting is the machine's doing.
const REPLAYS: usize = 200;

/// The operations of one run. A party does one after the other.
pub struct Record<O> {
    moment: AtomicU64,
    done: Mutex<Vec<Done<O>>>,
}

struct Done<O> {
    party: usize,
    called: u64,
    answered: u64,
    operation: O,
}

impl<O: Clone + Debug> Record<O> {
    pub fn new() -> Self {
        Self { moment: AtomicU64::new(0), done: Mutex::default() }
    }

    /// The moment of a call or an answer, later than every one before.
    pub fn moment(&self) -> u64 {
        self.moment.fetch_add(1, Ordering::SeqCst)
    }

    /// Notes what a party did and learnt, called at `called` and answered now.
    pub fn note(&self, party: usize, called: u64, operation: O) {
        let answered = self.moment();
        self.done.lock().unwrap().push(Done { party, called, answered, operation });
    }

    /// True if the specification explains what was noted.
    pub fn is_explained_by<S: Specification<Operation = O>>(&self) -> bool {
        let done = self.done.lock().unwrap();
        let both = |done: &Done<O>| {
            let (party, what) = (done.party, &done.operation);
            [
                (done.called, party, Action::Call(what.clone())),
                (done.answered, party, Action::Response(what.clone())),
            ]
        };
        let mut actions: Vec<_> = done.iter().flat_map(both).collect();
        actions.sort_by_key(|(moment, _, _)| *moment);
        let actions = actions.into_iter().map(|(_, party, action)| (party, action));
        WGLChecker::<S>::is_linearizable(History::from_actions(actions.collect()))
    }

    /// The same, with everything that is needed to look into it.
    pub fn check<S: Specification<Operation = O>>(&self, seed: u64) {
        if self.is_explained_by::<S>() {
            return;
        }
        let mut done = self.done.lock().unwrap();
        done.sort_by_key(|done| done.called);
        let line = |done: &Done<O>| {
            format!("party {} from {} to {}: {:?}\n", done.party, done.called, done.answered, done.operation)
        };
        let lines: String = done.iter().map(line).collect();
        panic!(
            "no order explains this history of seed {seed} (AUTHGATE_SEED={seed} plays it again):\n{lines}"
        );
    }
}

/// The seeds to play: as many as usual, as `AUTHGATE_SCHEDULES` asks for, or the one of `AUTHGATE_SEED` over and over.
pub fn seeds(usual: u64) -> Vec<u64> {
    let asked = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    match asked("AUTHGATE_SEED") {
        Some(seed) => vec![seed; REPLAYS],
        None => (0..asked("AUTHGATE_SCHEDULES").unwrap_or(usual)).collect(),
    }
}
