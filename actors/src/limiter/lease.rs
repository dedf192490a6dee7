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
    /// True while a message asks for the next part. Others ask for themselves meanwhile: many parts at once would use the
    /// window up before anybody has had an attempt.
    is_asked: bool,
}

impl Leases {
    /// How many attempts the next message asks for. Whoever gets more than one tells what came of it, by [`Self::put`] or
    /// [`Self::give_up`].
    pub(super) fn ask(&self, bucket: &Bucket, allowance: Allowance, now_ms: i64) -> u32 {
        let Some(part) = part(allowance) else { return 1 };
        let mut leases = self.lock();
        if leases.len() >= MAX_LEASES {
            leases.retain(|_, lease| lease.counter.reset > now_ms.div_euclid(1000));
        }
        if leases.len() >= MAX_LEASES && !leases.contains_key(bucket) {
            return 1;
        }
        let reset = allowance.reset(now_ms);
        let counter = Verdict { allowed: true, limit: allowance.limit, remaining: 0, reset, refused: 0 };
        let lease = leases.entry(bucket.clone()).or_insert(Lease { left: 0, counter, is_asked: false });
        if std::mem::replace(&mut lease.is_asked, true) { 1 } else { part }
    }

    /// Nothing came of asking.
    pub(super) fn give_up(&self, bucket: &Bucket) {
        self.lock().remove(bucket);
    }

    /// The verdict on `attempts`, one or none, if they are covered.
    pub(super) fn take(
        &self,
        bucket: &Bucket,
        allowance: Allowance,
        attempts: u32,
        now_ms: i64,
    ) -> Option<Verdict> {
        part(allowance)?;
        let mut leases = self.lock();
        let lease = leases.get_mut(bucket)?;
        if lease.counter.reset != allowance.reset(now_ms) {
            leases.remove(bucket);
            return None;
        }
        if lease.left == 0 {
            return None;
        }
        lease.left -= attempts;
        Some(lease.verdict())
    }

    /// Keeps what a message brought that asked for a part, less the attempt that asked for it.
    pub(super) fn put(&self, bucket: Bucket, counter: Verdict, granted: u32) -> Verdict {
        let lease = Lease { left: granted.saturating_sub(1), counter, is_asked: false };
        let verdict = lease.verdict();
        self.lock().insert(bucket, lease);
        verdict
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Bucket, Lease>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one message asks for; `None` where a lease would save none.
fn part(allowance: Allowance) -> Option<u32> {
    Some(allowance.limit / PARTS).filter(|part| *part > 1)
}

impl Lease {
    fn verdict(&self) -> Verdict {
        Verdict { remaining: self.counter.remaining + self.left, ..self.counter }
    }
}
