//! Panics that were caught, by what they ended.

use std::sync::Arc;
use std::thread;

use metrics::Counter;

use super::catalogue::PANICS;
use super::registry::Registry;

/// A counter for each place where the work of one request is caught.
pub struct Panics {
    /// Handlers, outside of the others.
    pub handler: Counter,
    /// Parts of a transaction that writes.
    pub transaction: Counter,
    /// Reads.
    pub read: Counter,
    /// Password jobs.
    pub password: Counter,
}

impl Panics {
    pub(super) fn new(registry: &Arc<Registry>) -> Self {
        let counter = |part| registry.counter(&PANICS, &[part]);
        Self {
            handler: counter("handler"),
            transaction: counter("transaction"),
            read: counter("read"),
            password: counter("password"),
        }
    }
}

/// Counts a panic that unwinds past it: for work whose panic is caught where there are no metrics.
pub struct Watched<'a>(pub &'a Counter);

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.increment(1);
        }
    }
}
