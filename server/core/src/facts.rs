//! What a transaction did that is counted once it is committed. The audit trail says who; this only says that.

use std::sync::{Mutex, PoisonError};

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A token or a whole grant was given back, or taken away by somebody's wish.
    Revoked,
    /// A grant ended because a code or refresh token came back.
    Replayed,
    /// A compatibility switch of this name let something pass.
    CompatUsed(&'static str),
    /// Somebody signed in with a browser that had no session of theirs.
    SessionBegun,
    /// A session was signed out.
    SessionEnded {
        /// Seconds since it began.
        lasted: i64,
    },
    /// A person said yes to a device.
    DeviceApproved {
        /// Seconds since the device asked.
        after: i64,
    },
}

/// The facts of one transaction. They hold if its answer does: whoever gets an error forgets them, unless the error
/// [keeps](crate::error::Error::keeps_writes) what was written.
#[derive(Debug, Default)]
pub struct Facts(Mutex<Vec<Fact>>);

impl Facts {
    /// Adds one.
    pub fn note(&self, fact: Fact) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fact);
    }

    /// All of them, in order; none are left.
    pub fn take(&self) -> Vec<Fact> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
