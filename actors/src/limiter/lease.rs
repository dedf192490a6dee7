//! Attempts that were taken from the actor together: where a limit is high, not every one of them is a message.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Allowance, Bucket, Verdict};

/// An allowance is taken in this many parts; what is left of a part is lost with its window.
const PARTS: u32 = 64;
/// Leases at most: 4 MB with the longest keys. Whoever comes then sends a message each time.
const MAX_LEASES: usize = 10_000;

/// What this process holds of the present windows.
#[derive(Default)]
pub(super) struct Leases(Mutex<HashMap<Bucket, Lease>>);

struct Lease {
    left: u32,
    /// The counter as the actor has it: what is leased counts as taken.
    counter: Verdict,
}

impl Leases {
    /// How many attempts the next message asks for.
    pub(super) fn size(&self, allowance: Allowance) -> u32 {
        let part = allowance.limit / PARTS;
        if part > 1 && self.lock().len() < MAX_LEASES { part } else { 1 }
    }

    /// The verdict on `attempts`, one or none, if they are covered.
    pub(super) fn take(
        &self,
        bucket: &Bucket,
        allowance: Allowance,
        attempts: u32,
        now_ms: i64,
    ) -> Option<Verdict> {
        if allowance.limit / PARTS < 2 {
            return None;
        }
        let mut leases = self.lock();
        let lease = leases.get_mut(bucket)?;
        if !allowance.has_window(lease.counter.reset, now_ms) {
            leases.remove(bucket);
            return None;
        }
        if lease.left == 0 {
            return None;
        }
        lease.left -= attempts;
        Some(lease.verdict())
    }

    /// Keeps what a message brought, less the attempt that asked for it.
    pub(super) fn put(&self, bucket: Bucket, counter: Verdict, granted: u32) -> Verdict {
        let Some(left) = granted.checked_sub(1).filter(|left| *left > 0) else { return counter };
        let mut leases = self.lock();
        if leases.len() >= MAX_LEASES {
            leases.retain(|_, lease| lease.counter.reset >= counter.reset);
        }
        let lease = leases.entry(bucket).or_insert(Lease { left: 0, counter });
        // Two that asked at once share what both got.
        lease.left = if lease.counter.reset == counter.reset { lease.left + left } else { left };
        lease.counter = counter;
        lease.verdict()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Bucket, Lease>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    fn verdict(&self) -> Verdict {
        Verdict { remaining: self.counter.remaining + self.left, ..self.counter }
    }
}
