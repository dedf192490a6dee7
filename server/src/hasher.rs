//! Password hashing, and bcrypt of imported client secrets, on a few threads of its own and at low priority: a storm of
//! logins must not starve the token endpoint.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use authgate_core::context::Clock;
use authgate_core::error::{Code, Error, Result};
use authgate_core::trace::SPANS;
use tokio::sync::oneshot;
use tracing::Span;

use crate::metrics::{Hashing, Watched};

type Job = Box<dyn FnOnce() + Send>;

/// One hash takes 16 ms of a processor, and a login is worth no more than half of them.
const MAX_THREADS: usize = 4;
/// Jobs that wait at most: some two seconds of work for one thread, longer while imported hashes are among them. Whoever
/// comes then is told to come back.
const MAX_WAITING: usize = 128;
/// Added to the niceness of the threads: they run when nothing else wants to, and still get a tenth otherwise.
const NICENESS: i32 = 10;

/// The way to the threads, which end when it is dropped.
pub struct Hasher {
    queue: SyncSender<Job>,
    measures: Hashing,
    clock: Arc<dyn Clock>,
}

impl Hasher {
    /// Starts the threads. How long jobs wait for one is noted in `measures`.
    pub fn start(measures: Hashing, clock: Arc<dyn Clock>) -> Result<Self> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let (queue, jobs) = sync_channel(MAX_WAITING);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..(processors / 2).clamp(1, MAX_THREADS) {
            let jobs = Arc::clone(&jobs);
            let builder = thread::Builder::new().name("password".into());
            builder.spawn(move || work(&jobs)).map_err(Error::failed)?;
        }
        Ok(Self { queue, measures, clock })
    }

    /// Runs `job` on one of the threads; refused with `temporarily_unavailable` when too many wait.
    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let (measures, clock, asked) =
            (self.measures.clone(), Arc::clone(&self.clock), self.clock.monotonic());
        let span = Span::current();
        let waiting = tracing::info_span!(target: SPANS, "waiting for the hasher");
        let job = Box::new(move || {
            drop(waiting);
            measures.waiting.decrement(1);
            measures.wait.record(clock.monotonic().duration_since(asked));
            let _watched = Watched(&measures.panicked);
            let answer = span.in_scope(|| tracing::info_span!(target: SPANS, "hashing").in_scope(job));
            // Nobody waits any more if the browser has gone.
            let _ = reply.send(answer);
        });
        self.measures.waiting.increment(1);
        self.queue.try_send(job).map_err(|_| {
            self.measures.waiting.decrement(1);
            self.measures.refused.increment(1);
            Error::refused(Code::TemporarilyUnavailable, "Too many people are signing in. Please try again.")
        })?;
        answer.await.map_err(|_| Error::panicked())
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    // On Linux niceness belongs to the thread. Without it the server works, only less evenly.
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::warn!(%error, "password hashing runs at normal priority");
    }
    loop {
        let job = jobs.lock().expect("nothing panics while it is held").recv();
        let Ok(job) = job else { return };
        // The job's caller learns of a panic by its reply; the next job needs the thread.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use authgate_core::context::SystemClock;

    use super::*;
    use crate::metrics::Metrics;

    fn hashing() -> (Hashing, Arc<dyn Clock>) {
        (Metrics::new(false, false).of_hasher(), Arc::new(SystemClock))
    }

    #[actix_web::test]
    async fn a_panic_fails_its_own_job_and_no_other() {
        let (measures, clock) = hashing();
        let hasher = Hasher::start(measures, clock).unwrap();
        assert_eq!(hasher.run(|| 1 + 1).await, Ok(2));
        let panicked: Result<()> = hasher.run(|| panic!("on purpose")).await;
        assert_eq!(panicked.unwrap_err().code(), Some(Code::TemporarilyUnavailable));
        assert_eq!(hasher.run(|| 3).await, Ok(3));
    }

    #[actix_web::test]
    async fn a_full_queue_refuses_at_once() {
        let (queue, _jobs) = sync_channel(1);
        let (measures, clock) = hashing();
        let hasher = Hasher { queue, measures, clock };
        hasher.queue.try_send(Box::new(|| ())).unwrap();
        let refused = hasher.run(|| ()).await.unwrap_err();
        assert_eq!(refused.code(), Some(Code::TemporarilyUnavailable));
    }
}
