//! Keeps an actor alive: a panicking handler is caught, messages that wait survive.

mod health;
mod streak;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use actix::dev::ContextFut;
use actix::dev::channel::channel;
use actix::{Addr, Arbiter, Context, Supervised};
use tokio::time::{Instant, sleep};

pub(crate) use health::Vitals;
pub use health::{ActorHealth, Health, Place};
use streak::Streak;

use crate::mailbox::Mailbox;

/// Starts `actor` where `health` says; at most `capacity` messages wait or are being handled at a time.
/// It ends when the last handle is dropped. Must be called inside an actix `System`.
pub(crate) fn start<A>(name: &'static str, capacity: usize, health: &Health, actor: A) -> Mailbox<A>
where
    A: Supervised<Context = Context<A>> + Send,
{
    let vitals = health.register(name, capacity);
    let (sender, receiver) = channel(capacity);
    let mailbox = Mailbox::new(Addr::new(sender), Arc::clone(&vitals));
    let health = health.clone();
    let place = health.place();
    let live = move || {
        let life = Context::with_receiver(receiver).into_future(actor);
        actix::spawn(async move {
            supervise(life, &vitals, &health).await;
            if place == Place::Own {
                Arbiter::current().stop();
            }
        });
    };
    match place {
        Place::Here => live(),
        // The thread outlives this handle; it ends itself.
        Place::Own => drop(Arbiter::with_tokio_rt(runtime).spawn_fn(live)),
    }
    mailbox
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time();
    // In tests a back-off passes as soon as the thread has nothing else to do.
    #[cfg(test)]
    builder.start_paused(true);
    builder.build().expect("a runtime without I/O takes nothing from the system")
}

async fn supervise<A>(mut life: ContextFut<A, Context<A>>, vitals: &Arc<Vitals>, health: &Health)
where
    A: Supervised<Context = Context<A>>,
{
    let mut streak = Streak::default();
    let mut restart = false;
    while until_panic(&mut life, &mut restart).await == End::Panicked {
        let name = vitals.name();
        let Some(pause) = streak.panicked(Instant::now(), vitals.successes()) else {
            vitals.give_up();
            tracing::error!(
                actor = name,
                "an actor panicked too often and is given up; nothing it owns works"
            );
            // Answers all that wait before anybody is told.
            drop(life);
            return health.gave_up(name);
        };
        vitals.count_restart();
        tracing::error!(actor = name, pause_ms = pause.as_millis(), "an actor panicked and is restarted");
        sleep(pause).await;
        restart = true;
    }
}

#[derive(PartialEq, Eq)]
enum End {
    /// Nobody holds a handle any more.
    Stopped,
    Panicked,
}

/// Lives until the actor panics or ends. The context keeps its queue through a panic, so polling it again goes on
/// with the next message.
async fn until_panic<A>(life: &mut ContextFut<A, Context<A>>, restart: &mut bool) -> End
where
    A: Supervised<Context = Context<A>>,
{
    let mut step = |task: &mut TaskContext<'_>| {
        if std::mem::take(restart) && !life.restart() {
            return Poll::Ready(());
        }
        Pin::new(&mut *life).poll(task)
    };
    std::future::poll_fn(|task| match catch_unwind(AssertUnwindSafe(|| step(task))) {
        Ok(poll) => poll.map(|()| End::Stopped),
        Err(_) => Poll::Ready(End::Panicked),
    })
    .await
}

#[cfg(test)]
pub(crate) mod tests;
