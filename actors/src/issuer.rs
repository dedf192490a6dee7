//! The one writer: requests that come while a commit is in flight share the next.

mod batch;
mod pace;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Message, Supervised};
use authgate_core::db::{Tx, Writer};
use authgate_core::error::Result;
use tokio::time::Instant;

use crate::asker::Asker;
use crate::mailbox::{Letter, Mailbox};
use crate::measures::Measures;
use crate::supervisor::{self, Health};
use batch::{Answer, Entry, Job};
use pace::Pace;

/// A request's part of a transaction.
struct Write<T> {
    job: Job<T>,
}

impl<T: Send + 'static> Message for Write<T> {
    type Result = Result<T>;
}

/// Sent to itself: commit what has gathered.
struct Flush;

impl Message for Flush {
    type Result = ();
}

/// Jobs a commit carries at most. More gains nothing measurable and makes the first of them wait.
pub const MAX_BATCH: usize = 64;
/// Waiting jobs at most: 64 full commits, half a second on a disk that takes 6 ms for each.
const CAPACITY: usize = 64 * MAX_BATCH;
/// How long a request waits for its commit at most, as far as that can be foreseen. Whoever is refused comes back after a
/// second, so refusing sooner would gain them nothing.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// The handle.
#[derive(Clone)]
pub struct Issuer {
    mailbox: Mailbox<Committer>,
    commits: Arc<Commits>,
    pace: Arc<Pace>,
}

impl Issuer {
    /// Starts the actor, which keeps `writer`, on a thread of its own.
    pub fn start(writer: Writer, health: &Health) -> Self {
        let pace = Arc::new(Pace::new(Instant::now()));
        let commits = Arc::new(Commits { by_size: [const { AtomicU64::new(0) }; MAX_BATCH] });
        let committer = Committer {
            writer,
            gathered: Vec::new(),
            flush_sent: false,
            commits: Arc::clone(&commits),
            pace: Arc::clone(&pace),
            measures: health.measures().clone(),
        };
        Self { mailbox: supervisor::start("issuer", CAPACITY, health, committer), commits, pace }
    }

    /// Runs `job` in a transaction it shares with whoever asks at the same time, in a savepoint of its own. The answer
    /// comes after the commit, and holds: an error has undone what this job wrote, unless it is a refusal that asks to
    /// be kept.
    ///
    /// Answers `temporarily_unavailable` if the mailbox is full, the job panics, or the commit fails or is not known to
    /// have succeeded. Once sent, the job runs even if the future is dropped.
    pub async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let write = Write { job: Box::new(job) };
        self.mailbox.ask(write).await?
    }

    /// The same for whoever would rather be refused at once, with `temporarily_unavailable`, than wait longer than a second.
    /// What the server does by itself has [`Self::write`]: it is little, and nobody repeats it.
    pub async fn write_soon<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if self.pace.expected(self.mailbox.waiting(), Instant::now()) > MAX_WAIT {
            return Err(self.mailbox.turn_away().into());
        }
        self.write(job).await
    }

    /// Commits so far.
    pub fn commits(&self) -> u64 {
        self.batch_sizes().iter().sum()
    }

    /// Commits so far by how many jobs each carried: the first number counts those of one job.
    pub fn batch_sizes(&self) -> [u64; MAX_BATCH] {
        self.commits.by_size.each_ref().map(|count| count.load(Ordering::Relaxed))
    }
}

struct Commits {
    by_size: [AtomicU64; MAX_BATCH],
}

struct Committer {
    writer: Writer,
    gathered: Vec<(Asker, Box<dyn Entry>)>,
    flush_sent: bool,
    commits: Arc<Commits>,
    pace: Arc<Pace>,
    measures: Measures,
}

impl Actor for Committer {
    type Context = Context<Self>;
}

impl Supervised for Committer {
    /// What was being committed went down with the panic and is answered; what has only gathered is still good.
    fn restarting(&mut self, context: &mut Context<Self>) {
        // A transaction that was broken off would lock everybody else out until the next request.
        if let Err(error) = self.writer.rollback() {
            tracing::error!(%error, "a transaction that a panic broke off cannot be undone yet");
        }
        self.pace.end(Instant::now());
        self.flush_sent = true;
        context.notify(Flush);
    }
}

impl<T: Send + 'static> Handler<Letter<Write<T>>> for Committer {
    type Result = ();

    fn handle(&mut self, letter: Letter<Write<T>>, context: &mut Context<Self>) {
        let (message, asker, reply) = letter.open_for_later();
        self.gathered.push((asker, batch::entry(message.job, reply)));
        if self.gathered.len() == MAX_BATCH {
            self.flush();
        } else if !self.flush_sent {
            // It comes back when the mailbox is empty, so a single request does not wait for a timer.
            self.flush_sent = true;
            context.notify(Flush);
        }
    }
}

impl Handler<Flush> for Committer {
    type Result = ();

    fn handle(&mut self, _: Flush, _: &mut Context<Self>) {
        self.flush_sent = false;
        self.flush();
    }
}

impl Committer {
    fn flush(&mut self) {
        let batch = std::mem::take(&mut self.gathered);
        if batch.is_empty() {
            return;
        }
        let size = batch.len();
        self.pace.begin(Instant::now());
        let committed = batch::commit(&mut self.writer, batch, &self.measures);
        self.pace.end(Instant::now());
        match committed {
            Ok(answers) => {
                self.commits.by_size[size - 1].fetch_add(1, Ordering::Relaxed);
                self.measures.batch.record(u32::try_from(size).expect("a batch has at most 64 jobs"));
                answers.into_iter().for_each(Answer::send);
            }
            // One line: each of the requests gets a line of its own when it is answered.
            Err(error) => tracing::error!(%error, jobs = size, "a commit failed; its requests are refused"),
        }
    }
}

#[cfg(test)]
mod tests;
