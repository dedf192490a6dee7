//! Events that no transaction writes: kept on disk before the caller goes on, moved to the database in batches.

mod counting;
mod spool;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix::fut::wrap_future;
use actix::{Actor, ActorFutureExt as _, AsyncContext, Context, Handler, Message, Supervised};
use authgate_core::audit::{Entry, append};
use authgate_core::error::{Error, Result};

use crate::issuer::Issuer;
use crate::mailbox::{Letter, Mailbox, Refused, Reply};
use crate::supervisor::{self, Health};
use counting::Counts;
pub use spool::Spool;

/// Something happened.
struct Record {
    entry: Entry,
}

impl Message for Record {
    type Result = Result<()>;
}

/// There are counts of a window that the actor does not know of, or too many.
struct Counting;

impl Message for Counting {
    type Result = ();
}

/// Everything recorded so far must be in the database.
struct Settle;

impl Message for Settle {
    type Result = ();
}

/// Sent to itself: keep what has gathered.
struct Flush;

impl Message for Flush {
    type Result = ();
}

/// Events of one INSERT at most (contract).
const BATCH: usize = 100;
/// How long events wait for others to share their INSERT (contract).
const PAUSE: Duration = Duration::from_secs(1);
/// How long a caller waits for room before it is refused.
const PATIENCE: Duration = Duration::from_secs(2);
/// Waiting messages at most; the database has to be gone for seconds to fill it.
const CAPACITY: usize = 4096;
/// How long one counted thing is counted before it becomes an event (deviation D41).
const WINDOW: Duration = Duration::from_mins(1);

/// The handle.
#[derive(Clone)]
pub struct Audit {
    /// `None` if the operator wants no trail.
    mailbox: Option<Mailbox<Recorder>>,
    counts: Arc<Mutex<Counts>>,
}

impl Audit {
    /// Starts the actor on a thread of its own. At most `capacity` events are in the spool, however long the database is
    /// gone.
    pub fn start(spool: Spool, capacity: usize, issuer: Issuer, health: &Health) -> Self {
        let counts = Arc::<Mutex<Counts>>::default();
        let recorder = Recorder {
            spool,
            capacity,
            issuer,
            gathered: Vec::new(),
            settling: Vec::new(),
            counts: Arc::clone(&counts),
            is_overdue: false,
            flush_sent: false,
            tick_set: false,
            is_moving: false,
            failures: 0,
        };
        Self { mailbox: Some(supervisor::start("audit", CAPACITY, health, recorder)), counts }
    }

    /// One that records nothing.
    pub fn off() -> Self {
        Self { mailbox: None, counts: Arc::default() }
    }

    /// Records an event. It survives the process once this returns. Without room for two seconds it is refused, and with
    /// it what wanted it.
    pub async fn record(&self, entry: Entry) -> Result<()> {
        match &self.mailbox {
            Some(mailbox) => mailbox.ask_within(Record { entry }, PATIENCE).await?,
            None => Ok(()),
        }
    }

    /// Counts what is worth one event a minute for each `key`; `first` makes that event. A process that is killed loses
    /// the counts of its last second.
    pub fn count(&self, key: String, first: impl FnOnce() -> Entry) -> Result<(), Refused> {
        let Some(mailbox) = &self.mailbox else { return Ok(()) };
        // Not a message each: what is counted are the most frequent requests there are.
        let mut counts = lock(&self.counts);
        if !counts.add(key, first) {
            return Err(Refused::Full);
        }
        let tells = !counts.is_known || counts.is_full();
        drop(counts);
        if tells { mailbox.tell(Counting) } else { Ok(()) }
    }

    /// Returns when everything recorded so far is in the database.
    pub async fn settle(&self) -> Result<(), Refused> {
        match &self.mailbox {
            Some(mailbox) => mailbox.ask(Settle).await,
            None => Ok(()),
        }
    }
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "each says that something is on its way, and none excludes another"
)]
struct Recorder {
    spool: Spool,
    capacity: usize,
    issuer: Issuer,
    gathered: Vec<(Entry, Reply<Result<()>>)>,
    settling: Vec<Reply<()>>,
    counts: Arc<Mutex<Counts>>,
    /// True if the window is over and its counts could not be turned into events.
    is_overdue: bool,
    flush_sent: bool,
    tick_set: bool,
    is_moving: bool,
    failures: u64,
}

impl Actor for Recorder {
    type Context = Context<Self>;

    /// What the last process left behind.
    fn started(&mut self, context: &mut Context<Self>) {
        self.advance(context);
    }
}

impl Supervised for Recorder {
    /// What was in hand is lost or still in the spool, whose ids make moving it twice harmless.
    fn restarting(&mut self, context: &mut Context<Self>) {
        // Its timers are gone.
        (self.tick_set, self.is_moving, self.flush_sent) = (false, false, true);
        self.is_overdue = !lock(&self.counts).is_empty();
        context.notify(Flush);
    }
}

impl Handler<Letter<Record>> for Recorder {
    type Result = ();

    fn handle(&mut self, letter: Letter<Record>, context: &mut Context<Self>) {
        let (message, reply) = letter.open();
        self.gathered.push((message.entry, reply));
        if !self.flush_sent {
            // It comes back when the mailbox is empty: those that wait together share a flush of the disk.
            self.flush_sent = true;
            context.notify(Flush);
        }
    }
}

impl Handler<Letter<Counting>> for Recorder {
    type Result = ();

    fn handle(&mut self, letter: Letter<Counting>, context: &mut Context<Self>) {
        let (Counting, reply) = letter.open();
        if !std::mem::replace(&mut lock(&self.counts).is_known, true) {
            context.run_later(WINDOW, |recorder, context| {
                recorder.close_counts();
                // What could not be closed is tried again with the next tick.
                recorder.set_tick(context);
                recorder.advance(context);
            });
        }
        if lock(&self.counts).is_full() {
            self.close_counts();
        }
        self.set_tick(context);
        reply.send(());
    }
}

impl Handler<Letter<Settle>> for Recorder {
    type Result = ();

    fn handle(&mut self, letter: Letter<Settle>, context: &mut Context<Self>) {
        let (Settle, reply) = letter.open();
        self.settling.push(reply);
        self.keep();
        self.close_counts();
        self.advance(context);
    }
}

impl Handler<Flush> for Recorder {
    type Result = ();

    fn handle(&mut self, _: Flush, context: &mut Context<Self>) {
        self.flush_sent = false;
        self.keep();
        if self.is_overdue {
            self.set_tick(context);
        }
        if self.spool.len() >= BATCH || !self.gathered.is_empty() {
            self.advance(context);
        } else {
            self.set_tick(context);
        }
    }
}

impl Recorder {
    /// Puts what has gathered into the spool, as far as there is room, and answers.
    fn keep(&mut self) {
        let room = self.capacity.saturating_sub(self.spool.len());
        let kept: Vec<_> = self.gathered.drain(..room.min(self.gathered.len())).collect();
        if kept.is_empty() {
            return;
        }
        let outcome = self.spool.add(kept.iter().map(|(entry, _)| entry));
        if let Err(error) = &outcome {
            tracing::error!(%error, events = kept.len(), "events cannot be recorded; what wanted them is refused");
        }
        let refused = outcome.map_err(|_| Error::from(Refused::Full));
        for (_, reply) in kept {
            reply.send(refused.clone());
        }
    }

    /// Turns counts into events. If the disk does not take them they go on counting, and once there are too many of them,
    /// nothing new is counted.
    fn close_counts(&mut self) {
        // Whoever counts waits for the disk here, once a minute: nothing is counted twice or lost in between.
        let mut counts = lock(&self.counts);
        let closed = self.spool.close(&counts.events());
        match &closed {
            Ok(()) => *counts = Counts::default(),
            Err(error) => tracing::error!(%error, "counted events cannot be recorded yet"),
        }
        self.is_overdue = closed.is_err();
        counts.is_stuck = self.is_overdue && counts.is_full();
    }

    fn set_tick(&mut self, context: &mut Context<Self>) {
        if !self.tick_set {
            self.tick_set = true;
            context.run_later(PAUSE, |recorder, context| {
                recorder.tick_set = false;
                recorder.tick(context);
            });
        }
    }

    fn tick(&mut self, context: &mut Context<Self>) {
        if self.is_overdue {
            self.close_counts();
        }
        let (changed, is_counting) = {
            let mut counts = lock(&self.counts);
            (counts.changed(), !counts.is_empty())
        };
        if let Err(error) = self.spool.keep_open(&changed) {
            tracing::error!(%error, "counts cannot be kept");
        }
        if self.is_overdue || is_counting {
            self.set_tick(context);
        }
        self.keep();
        self.advance(context);
    }

    /// Moves the oldest events to the database, unless some are on their way.
    fn advance(&mut self, context: &mut Context<Self>) {
        if self.is_moving {
            return;
        }
        let batch = match self.spool.oldest(BATCH) {
            Ok(batch) => batch,
            Err(error) => {
                tracing::error!(%error, "the spool of events cannot be read");
                return self.set_tick(context);
            }
        };
        if batch.is_empty() {
            self.settling.drain(..).for_each(|reply| reply.send(()));
            return;
        }
        self.is_moving = true;
        let ids: Vec<_> = batch.iter().map(|entry| entry.id.clone()).collect();
        let issuer = self.issuer.clone();
        let moved = async move {
            issuer.write(move |tx| batch.into_iter().try_for_each(|entry| append(tx, entry))).await
        };
        context.spawn(
            wrap_future(moved)
                .map(move |outcome, recorder: &mut Self, context| recorder.moved(&ids, outcome, context)),
        );
    }

    fn moved(&mut self, ids: &[String], outcome: Result<()>, context: &mut Context<Self>) {
        self.is_moving = false;
        if let Err(error) = outcome.and_then(|()| self.spool.remove(ids)) {
            self.failures += 1;
            // Thinned out: a database that is gone for hours is tried every second.
            if self.failures.is_power_of_two() {
                let waiting = self.spool.len();
                tracing::error!(%error, waiting, "events cannot be moved to the database; they wait on disk");
            }
            return self.set_tick(context);
        }
        self.failures = 0;
        self.keep();
        if self.spool.len() >= BATCH || !self.settling.is_empty() {
            self.advance(context);
        } else if self.spool.len() > 0 {
            self.set_tick(context);
        }
    }
}

#[cfg(test)]
mod tests;
