//! One run: its randomness, what happened in it, and what must never happen.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::known::Known;
use super::seeded::Seeded;

/// How a write was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// Nothing of it may be left.
    Refused,
    /// Refused, and what it wrote stays.
    Kept,
    /// Said to be unavailable: all of it or nothing.
    Unknown,
}

pub(super) struct Run {
    /// Decides what happens next.
    pub(super) random: Arc<Seeded>,
    /// What the server takes for unpredictable.
    pub(super) ids: Arc<Seeded>,
    pub(super) known: RefCell<Known>,
    /// Of each write: how it was answered, and whether its mark was there at that moment.
    pub(super) writes: RefCell<Vec<Option<(Outcome, bool)>>>,
    moment: Cell<u64>,
    log: RefCell<Vec<String>>,
    violations: RefCell<Vec<String>>,
    counts: RefCell<BTreeMap<String, u64>>,
}

impl Run {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Arc::new(Seeded::new(seed)),
            ids: Arc::new(Seeded::new(!seed)),
            known: RefCell::default(),
            writes: RefCell::default(),
            moment: Cell::new(0),
            log: RefCell::default(),
            violations: RefCell::default(),
            counts: RefCell::default(),
        }
    }

    /// The number of this moment; later ones are greater.
    pub(super) fn moment(&self) -> u64 {
        self.moment.set(self.moment.get() + 1);
        self.moment.get()
    }

    /// True once in `one_in` times.
    pub(super) fn chance(&self, one_in: u64) -> bool {
        self.random.below(one_in) == 0
    }

    pub(super) fn pick<T: Clone>(&self, from: &[T]) -> Option<T> {
        let count = u64::try_from(from.len()).unwrap();
        (count > 0).then(|| from[usize::try_from(self.random.below(count)).unwrap()].clone())
    }

    /// One of the newest few, so that several clients use the same.
    pub(super) fn pick_new<T: Clone>(&self, from: &[T]) -> Option<T> {
        let few = if self.chance(4) { from } else { &from[from.len().saturating_sub(2)..] };
        self.pick(few)
    }

    pub(super) fn note(&self, line: String) {
        self.log.borrow_mut().push(line);
    }

    /// Counts what the run has seen, so that a test can ask whether all of it ever happens.
    pub(super) fn count(&self, what: &str) {
        *self.counts.borrow_mut().entry(what.to_owned()).or_default() += 1;
    }

    /// Notes a violation unless it `holds`.
    pub(super) fn require(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            let what = what();
            self.note(format!("VIOLATION: {what}"));
            self.violations.borrow_mut().push(what);
        }
    }

    pub(super) fn is_violated(&self) -> bool {
        !self.violations.borrow().is_empty()
    }

    pub(super) fn played(&self) -> Played {
        Played { log: self.log.take(), violations: self.violations.take(), counts: self.counts.take() }
    }
}

/// What a run was.
pub(super) struct Played {
    /// All that happened, in order.
    pub(super) log: Vec<String>,
    /// What must not have happened.
    pub(super) violations: Vec<String>,
    pub(super) counts: BTreeMap<String, u64>,
}
