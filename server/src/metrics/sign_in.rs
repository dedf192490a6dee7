//! Passwords that were checked.

use std::time::Duration;

use metrics::{Counter, Histogram};

use super::catalogue::{ATTEMPTS, LOGIN_DURATION, LOGINS};
use super::registry::Registry;

/// Our own backend; each failure counts for it, whoever's name was typed.
const LOCAL: &str = "local";

/// What the login form counts.
pub struct SignIn {
    success: [Counter; 2],
    failure: [Counter; 2],
    duration: Histogram,
}

impl SignIn {
    pub(super) fn new(registry: &Registry) -> Self {
        let both = |result| [&ATTEMPTS, &LOGINS].map(|metric| registry.counter(metric, &[LOCAL, result]));
        Self {
            success: both("success"),
            failure: both("failure"),
            duration: registry.histogram(&LOGIN_DURATION, &[LOCAL]),
        }
    }

    /// A name and a password were right or wrong.
    pub fn tried(&self, right: bool, took: Duration) {
        let counters = if right { &self.success } else { &self.failure };
        for counter in counters {
            counter.increment(1);
        }
        self.duration.record(took);
    }
}
