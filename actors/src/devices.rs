//! The poll clock of the device flow (RFC 8628 3.5): who polls too soon is told to slow down.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use actix::{Actor, Context, Handler, Message, Supervised};

use crate::mailbox::{Letter, Mailbox, Refused};
use crate::supervisor::{self, Health};

/// A device polls with its code.
struct Poll {
    code_id: String,
    interval: i64,
    expires_at: i64,
    now_ms: i64,
}

impl Message for Poll {
    type Result = Pace;
}

/// A code was redeemed, denied or has expired.
struct Forget {
    code_id: String,
}

impl Message for Forget {
    type Result = ();
}

/// Whether a poll came at a good time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Look at the code and answer.
    Ready,
    /// Answer `slow_down` and store the grown interval, in seconds.
    TooSoon {
        /// Seconds the device must leave between polls from now on.
        interval: i64,
    },
}

/// Waiting polls at most. One takes about a microsecond, so whoever is turned away polls faster than the server can
/// count, and `slow_down` is the truth.
const CAPACITY: usize = 4096;
/// Codes remembered at most: some 25 MB. Above it the code that expires first is forgotten, whose next poll is then
/// let through: a courtesy is lost, no right.
const MAX_CODES: usize = 100_000;
/// Expired codes dropped with each poll. A poll adds at most one, so two catch up.
const DROPPED_A_STEP: usize = 2;
/// What RFC 8628 3.5 adds to the interval each time it is not kept, in seconds.
const GROWTH: i64 = 5;
/// How much too soon is not too soon: a device's timer and the network are not exact.
const TOLERANCE_MS: i64 = 1000;

/// The handle.
#[derive(Clone)]
pub struct Devices {
    mailbox: Mailbox<PollClock>,
}

impl Devices {
    /// Starts the actor on a thread of its own.
    pub fn start(health: &Health) -> Self {
        Self { mailbox: supervisor::start("devices", CAPACITY, health, PollClock::default()) }
    }

    /// Counts a poll at `now_ms` and says whether it kept the interval. `interval` (seconds) is the stored one: the
    /// larger of it and the one in memory holds. `expires_at` is in unix seconds. The first poll after a start or a
    /// restart is ready. On [`Refused::Full`] answer `slow_down`.
    pub async fn poll(
        &self,
        code_id: String,
        interval: i64,
        expires_at: i64,
        now_ms: i64,
    ) -> Result<Pace, Refused> {
        self.mailbox.ask(Poll { code_id, interval, expires_at, now_ms }).await
    }

    /// Drops what is known of a code that will not be polled again. If it is lost, the code goes when it expires.
    pub fn forget(&self, code_id: String) {
        let _ = self.mailbox.tell(Forget { code_id });
    }
}

#[derive(Default)]
struct PollClock {
    codes: HashMap<Arc<str>, Code>,
    by_expiry: BTreeSet<(i64, Arc<str>)>,
}

struct Code {
    polled_ms: i64,
    interval: i64,
    expires_at: i64,
}

impl Actor for PollClock {
    type Context = Context<Self>;
}

impl Supervised for PollClock {
    /// A panic may have left half a change behind; the rows hold the grown intervals.
    fn restarting(&mut self, _: &mut Context<Self>) {
        *self = Self::default();
    }
}

impl Handler<Letter<Poll>> for PollClock {
    type Result = ();

    fn handle(&mut self, letter: Letter<Poll>, _: &mut Context<Self>) {
        letter.answer(|poll| self.poll(poll));
    }
}

impl Handler<Letter<Forget>> for PollClock {
    type Result = ();

    fn handle(&mut self, letter: Letter<Forget>, _: &mut Context<Self>) {
        letter.answer(|message| self.forget(&message.code_id));
    }
}

impl PollClock {
    fn poll(&mut self, poll: Poll) -> Pace {
        self.drop_expired(poll.now_ms / 1000);
        let Some(code) = self.codes.get_mut(poll.code_id.as_str()) else {
            self.remember(poll);
            return Pace::Ready;
        };
        let waited_ms = poll.now_ms - code.polled_ms;
        code.polled_ms = poll.now_ms;
        code.interval = code.interval.max(poll.interval);
        if waited_ms + TOLERANCE_MS >= code.interval.saturating_mul(1000) {
            return Pace::Ready;
        }
        code.interval = code.interval.saturating_add(GROWTH);
        Pace::TooSoon { interval: code.interval }
    }

    fn remember(&mut self, Poll { code_id, interval, expires_at, now_ms }: Poll) {
        if self.codes.len() >= MAX_CODES {
            self.drop_first();
        }
        let code_id: Arc<str> = code_id.into();
        self.by_expiry.insert((expires_at, Arc::clone(&code_id)));
        self.codes.insert(code_id, Code { polled_ms: now_ms, interval, expires_at });
    }

    fn forget(&mut self, code_id: &str) {
        if let Some((code_id, code)) = self.codes.remove_entry(code_id) {
            self.by_expiry.remove(&(code.expires_at, code_id));
        }
    }

    fn drop_expired(&mut self, now: i64) {
        for _ in 0..DROPPED_A_STEP {
            if self.by_expiry.first().is_some_and(|(expires_at, _)| *expires_at <= now) {
                self.drop_first();
            }
        }
    }

    fn drop_first(&mut self) {
        if let Some((_, code_id)) = self.by_expiry.pop_first() {
            self.codes.remove(&code_id);
        }
    }
}

#[cfg(test)]
mod tests;
