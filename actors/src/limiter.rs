//! Counts attempts by rule and key in fixed windows.

mod lease;

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use actix::{Actor, Context, Handler, Message, Supervised};

use crate::mailbox::{Letter, Mailbox, Refused};
use crate::supervisor::{self, Health};
use lease::Leases;

/// What is counted together: a rule's name and whom it counts (an address, an account's id, a client's id).
type Bucket = (&'static str, String);

/// How much passes.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Attempts in a window.
    pub limit: u32,
    /// The length of a window in seconds; a rule always has the same.
    pub window: i64,
}

impl Allowance {
    /// When the present window ends, in unix seconds.
    fn reset(self, now_ms: i64) -> i64 {
        (now_ms.div_euclid(self.window * 1000) + 1) * self.window
    }
}

/// Somebody tries, or wants to know whether they could.
struct Take {
    bucket: Bucket,
    /// At most; none to look.
    attempts: u32,
    allowance: Allowance,
    now_ms: i64,
}

impl Message for Take {
    /// With the attempts that were granted.
    type Result = (Verdict, u32);
}

/// An attempt that turned out not to count.
struct GiveBack {
    bucket: Bucket,
}

impl Message for GiveBack {
    type Result = ();
}

/// Whether an attempt is allowed, and what the `X-RateLimit-*` fields say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// False: refuse it.
    pub allowed: bool,
    /// Attempts in a window.
    pub limit: u32,
    /// Attempts left in this window.
    pub remaining: u32,
    /// When the window ends, in unix seconds.
    pub reset: i64,
    /// Attempts refused in this window, this one included.
    pub refused: u32,
}

/// Waiting messages at most. One takes about a microsecond, so a full mailbox is some 4 ms of work.
const CAPACITY: usize = 4096;
/// Buckets with a key of their own at most, for each length of windows: some 15 MB with keys that are addresses, 35 MB with the longest. Newcomers above it share.
const MAX_BUCKETS: usize = 100_000;
/// Shared buckets of each rule for newcomers above `MAX_BUCKETS`: enough that a few honest ones get through a flood, few
/// enough that it does not matter what they let through.
const SHARED: u64 = 1024;

/// Bytes of a key that tell callers apart: more than an address, an id or a name has.
const MAX_KEY: usize = 256;

fn bucket(rule: &'static str, mut key: String) -> Bucket {
    key.truncate(key.floor_char_boundary(MAX_KEY));
    (rule, key)
}

/// The handle.
#[derive(Clone)]
pub struct Limiter {
    mailbox: Mailbox<Windows>,
    leases: Arc<Leases>,
}

impl Limiter {
    /// Starts the actor on a thread of its own.
    pub fn start(health: &Health) -> Self {
        let mailbox = supervisor::start("limiter", CAPACITY, health, Windows::default());
        Self { mailbox, leases: Arc::default() }
    }

    /// Counts one attempt and says whether it is within the allowance. One that is not allowed is not counted.
    pub async fn take(
        &self,
        rule: &'static str,
        key: String,
        allowance: Allowance,
        now_ms: i64,
    ) -> Result<Verdict, Refused> {
        let bucket = bucket(rule, key);
        if let Some(verdict) = self.leases.take(&bucket, allowance, 1, now_ms) {
            return Ok(verdict);
        }
        let attempts = self.leases.ask(&bucket, allowance, now_ms);
        let answer = self.mailbox.ask(Take { bucket: bucket.clone(), attempts, allowance, now_ms }).await;
        if attempts == 1 {
            return Ok(answer?.0);
        }
        match answer {
            Ok((verdict, granted)) => Ok(self.leases.put(bucket, verdict, granted)),
            Err(refused) => {
                self.leases.give_up(&bucket);
                Err(refused)
            }
        }
    }

    /// What `take` would say, without counting.
    pub async fn look(
        &self,
        rule: &'static str,
        key: String,
        allowance: Allowance,
        now_ms: i64,
    ) -> Result<Verdict, Refused> {
        let bucket = bucket(rule, key);
        if let Some(verdict) = self.leases.take(&bucket, allowance, 0, now_ms) {
            return Ok(verdict);
        }
        Ok(self.mailbox.ask(Take { bucket, attempts: 0, allowance, now_ms }).await?.0)
    }

    /// Undoes one allowed `take`. Where only failures are to count, take before trying and give back after a success:
    /// else racing attempts all pass before the first failure is counted. If it is lost, the attempt stays counted.
    pub fn give_back(&self, rule: &'static str, key: String) {
        let _ = self.mailbox.tell(GiveBack { bucket: bucket(rule, key) });
    }
}

/// The present window of each length in seconds; rules have a handful of them.
#[derive(Default)]
struct Windows(HashMap<i64, Window>);

/// The counts of one window. Windows begin at multiples of their length for everybody, so old counts go all at once. A
/// bucket stays until then even at zero: one that came and went could otherwise be counted in two places.
#[derive(Default)]
struct Window {
    number: i64,
    counts: HashMap<Bucket, Count>,
}

#[derive(Default)]
struct Count {
    taken: u32,
    refused: u32,
}

impl Actor for Windows {
    type Context = Context<Self>;
}

impl Supervised for Windows {
    /// A panic may have left half a change behind.
    fn restarting(&mut self, _: &mut Context<Self>) {
        *self = Self::default();
    }
}

impl Handler<Letter<Take>> for Windows {
    type Result = ();

    fn handle(&mut self, letter: Letter<Take>, _: &mut Context<Self>) {
        letter.answer(|take| self.take(take));
    }
}

impl Handler<Letter<GiveBack>> for Windows {
    type Result = ();

    fn handle(&mut self, letter: Letter<GiveBack>, _: &mut Context<Self>) {
        letter.answer(|message| self.give_back(&message.bucket));
    }
}

impl Windows {
    fn take(
        &mut self,
        Take { bucket, attempts, allowance: Allowance { limit, window: seconds }, now_ms }: Take,
    ) -> (Verdict, u32) {
        let window = self.0.entry(seconds).or_default();
        window.turn(now_ms.div_euclid(seconds * 1000));
        let bucket = window.bucket(bucket);
        let reset = (window.number + 1) * seconds;
        // Looking makes no bucket, or whoever only asks could use them up.
        if attempts == 0 && !window.counts.contains_key(&bucket) {
            return (Verdict { allowed: limit > 0, limit, remaining: limit, reset, refused: 0 }, 0);
        }
        let count = window.counts.entry(bucket).or_default();
        let allowed = count.taken < limit;
        let granted = attempts.min(limit.saturating_sub(count.taken));
        count.taken += granted;
        count.refused = count.refused.saturating_add(u32::from(!allowed));
        let remaining = limit.saturating_sub(count.taken);
        (Verdict { allowed, limit, remaining, reset, refused: count.refused }, granted)
    }

    // A rule counts in windows of one length: in the others there is nothing to change.
    fn give_back(&mut self, bucket: &Bucket) {
        for window in self.0.values_mut() {
            let bucket = window.bucket(bucket.clone());
            if let Some(count) = window.counts.get_mut(&bucket) {
                count.taken = count.taken.saturating_sub(1);
            }
        }
    }
}

impl Window {
    /// Begins a new window if it is time. Messages of two threads may cross at its end: the late one counts in the
    /// new window. A clock that was set back further begins anew, or the counts would stay until it catches up.
    fn turn(&mut self, number: i64) {
        if number > self.number || number < self.number - 1 {
            *self = Self { number, counts: HashMap::new() };
        }
    }

    /// The bucket itself, or the one it shares. A key is in one and the same until the window ends.
    fn bucket(&self, bucket: Bucket) -> Bucket {
        if self.counts.len() < MAX_BUCKETS || self.counts.contains_key(&bucket) {
            return bucket;
        }
        // The map's hasher has a random seed: nobody can choose whom to share with.
        let shared = self.counts.hasher().hash_one(&bucket) % SHARED;
        (bucket.0, format!("shared {shared}"))
    }
}

#[cfg(test)]
mod tests;
