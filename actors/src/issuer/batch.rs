//! One commit: a savepoint for each job, answers only afterwards.

use authgate_core::db::{Tx, Writer};
use authgate_core::error::Result;
use tokio::time::Instant;

use crate::asker::{Asker, Handling};
use crate::mailbox::Reply;
use crate::measures::Measures;

/// What a request does inside the transaction.
pub(super) type Job<T> = Box<dyn FnOnce(&mut Tx<'_>) -> Result<T> + Send>;

/// A job that waits, whatever it answers with.
pub(super) trait Entry: Send {
    /// Runs the job in a savepoint. An error means that the whole transaction is lost.
    fn run(self: Box<Self>, writer: &mut Writer) -> Result<Box<dyn Answer>>;
}

/// An answer that must not leave before the commit.
pub(super) trait Answer {
    fn send(self: Box<Self>);
}

struct Waiting<T> {
    job: Job<T>,
    reply: Reply<Result<T>>,
}

struct Done<T> {
    answer: Result<T>,
    reply: Reply<Result<T>>,
}

pub(super) fn entry<T: Send + 'static>(job: Job<T>, reply: Reply<Result<T>>) -> Box<dyn Entry> {
    Box::new(Waiting { job, reply })
}

impl<T: Send + 'static> Entry for Waiting<T> {
    fn run(self: Box<Self>, writer: &mut Writer) -> Result<Box<dyn Answer>> {
        let answer = writer.savepoint(self.job)?;
        Ok(Box::new(Done { answer, reply: self.reply }))
    }
}

impl<T> Answer for Done<T> {
    fn send(self: Box<Self>) {
        self.reply.send(self.answer);
    }
}

/// Commits the batch and returns its answers. On an error nothing is written and every reply is dropped.
pub(super) fn commit(
    writer: &mut Writer,
    batch: Vec<(Asker, Box<dyn Entry>)>,
    measures: &Measures,
) -> Result<Vec<Box<dyn Answer>>> {
    let batch = batch.into_iter().map(|(asker, entry)| (asker.handling(), entry));
    let (handled, entries): (Vec<_>, Vec<_>) = batch.unzip();
    let _commit = Handling::commit(&handled).entered();
    // Nothing is open unless the commit before this one failed badly or panicked.
    writer.rollback()?;
    let asked = Instant::now();
    writer.begin()?;
    measures.lock.record(asked.elapsed());
    let committed = run(writer, &handled, entries).and_then(|answers| {
        #[cfg(debug_assertions)]
        crate::failpoint::reached("before_commit");
        let begun = Instant::now();
        writer.commit()?;
        measures.commit.record(begun.elapsed());
        #[cfg(debug_assertions)]
        crate::failpoint::reached("after_commit");
        Ok(answers)
    });
    if committed.is_err() {
        // If this fails too, it is tried again before the next batch, and reported then.
        let _ = writer.rollback();
    }
    committed
}

fn run(
    writer: &mut Writer,
    handled: &[Handling],
    entries: Vec<Box<dyn Entry>>,
) -> Result<Vec<Box<dyn Answer>>> {
    handled.iter().zip(entries).map(|(request, entry)| request.in_scope(|| entry.run(writer))).collect()
}
