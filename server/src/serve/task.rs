//! Work that goes on beside the requests. A panic ends one round of it, not the work.

use std::future::Future;
use std::time::Duration;

use actix_web::rt::task::JoinHandle;
use actix_web::rt::{spawn, time};

/// The tasks of a server; they end when it is dropped. Each is given `S`.
pub struct Tasks<S> {
    state: S,
    rest: Duration,
    running: Vec<JoinHandle<()>>,
}

impl<S: Clone + 'static> Tasks<S> {
    /// None yet. `rest` is the time between a panic and the next start, so that one that happens at once does not fill the
    /// log.
    pub fn new(state: S, rest: Duration) -> Self {
        Self { state, rest, running: Vec::new() }
    }

    /// Starts one, and starts it again whenever it panics.
    #[must_use]
    pub fn with<F>(mut self, name: &'static str, work: impl Fn(S) -> F + 'static) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        let (state, rest) = (self.state.clone(), self.rest);
        self.running.push(spawn(async move {
            while Round(spawn(work(state.clone()))).panicked().await {
                tracing::error!(task = name, "a task panicked and is started again");
                time::sleep(rest).await;
            }
        }));
        self
    }
}

impl<S> Drop for Tasks<S> {
    fn drop(&mut self) {
        self.running.iter().for_each(JoinHandle::abort);
    }
}

/// A round ends with whoever waits for it.
struct Round(JoinHandle<()>);

impl Round {
    async fn panicked(mut self) -> bool {
        (&mut self.0).await.is_err()
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    #[actix_web::test]
    async fn a_task_that_panics_goes_on_and_ends_with_the_server() {
        let rounds = Rc::new(Cell::new(0));
        let tasks = Tasks::new(Rc::clone(&rounds), Duration::ZERO).with("test", |rounds| async move {
            rounds.set(rounds.get() + 1);
            assert!(rounds.get() >= 3, "twice it panics");
            std::future::pending::<()>().await;
        });
        while rounds.get() < 3 {
            tokio::task::yield_now().await;
        }
        drop(tasks);
        while Rc::strong_count(&rounds) > 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(rounds.get(), 3);
    }
}
