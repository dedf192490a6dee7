use std::future::Future;
use std::sync::mpsc;
use std::time::Duration;

use actix::{Actor, Context, Handler, Message, Supervised, System};
use tokio::sync::oneshot;
use tokio::task::yield_now;

use super::{Health, start};
use crate::mailbox::{Letter, Mailbox, Refused};

/// Makes the actor panic.
pub(crate) struct Crash;

impl Message for Crash {
    type Result = ();
}

/// Keeps the actor busy until the other end of the channel is dropped.
pub(crate) struct Hold(pub(crate) mpsc::Receiver<()>);

impl Message for Hold {
    type Result = ();
}

/// Makes the actor busy for this long, on the clock of its runtime.
pub(crate) struct Stall(pub(crate) Duration);

impl Message for Stall {
    type Result = ();
}

/// What can befall an actor, whatever it does.
pub(crate) trait Troubled {
    /// It panics.
    fn crash(&self);

    /// It does nothing for this long; its messages wait.
    fn stall(&self, pause: Duration);
}

/// Lets an actor be crashed, held and stalled by tests, through its mailbox, which the handle has.
macro_rules! testable {
    ($actor:ty, $handle:ty, $mailbox:expr) => {
        impl crate::supervisor::tests::Troubled for $handle {
            fn crash(&self) {
                let mailbox: fn(&$handle) -> &crate::mailbox::Mailbox<$actor> = $mailbox;
                let _ = mailbox(self).tell(crate::supervisor::tests::Crash);
            }

            fn stall(&self, pause: std::time::Duration) {
                let mailbox: fn(&$handle) -> &crate::mailbox::Mailbox<$actor> = $mailbox;
                let _ = mailbox(self).tell(crate::supervisor::tests::Stall(pause));
            }
        }

        impl actix::Handler<crate::mailbox::Letter<crate::supervisor::tests::Stall>> for $actor {
            type Result = ();

            fn handle(
                &mut self,
                letter: crate::mailbox::Letter<crate::supervisor::tests::Stall>,
                context: &mut Self::Context,
            ) {
                let (stall, reply) = letter.open();
                reply.send(());
                let pause = actix::fut::wrap_future::<_, Self>(tokio::time::sleep(stall.0));
                actix::AsyncContext::wait(context, pause);
            }
        }

        crate::supervisor::tests::testable!($actor);
    };
    ($actor:ty) => {
        impl actix::Handler<crate::mailbox::Letter<crate::supervisor::tests::Crash>> for $actor {
            type Result = ();

            fn handle(
                &mut self,
                _: crate::mailbox::Letter<crate::supervisor::tests::Crash>,
                _: &mut Self::Context,
            ) {
                // Says nothing on standard error, where thousands of them would hide what matters.
                std::panic::resume_unwind(Box::new("a test asked for it"));
            }
        }

        impl actix::Handler<crate::mailbox::Letter<crate::supervisor::tests::Hold>> for $actor {
            type Result = ();

            fn handle(
                &mut self,
                letter: crate::mailbox::Letter<crate::supervisor::tests::Hold>,
                _: &mut Self::Context,
            ) {
                let (hold, reply) = letter.open();
                let _ = hold.0.recv();
                reply.send(());
            }
        }
    };
}
pub(crate) use testable;

/// Runs a test inside an actix system of its own.
pub(crate) fn run(test: impl Future<Output = ()>) {
    System::new().block_on(test);
}

/// A health for tests in which nobody gives up.
pub(crate) fn health() -> Health {
    Health::new(|name| panic!("{name} gave up"))
}

/// Waits until `count` messages are in the mailbox of the first actor of `health`.
pub(crate) async fn queued(health: &Health, count: usize) {
    while health.actors()[0].queue != count {
        yield_now().await;
    }
}

/// Panics the actor between a hundred messages that wait, and expects all of them to be answered.
pub(crate) async fn survives_a_panic_under_load<A, Asked>(
    health: &Health,
    mailbox: &Mailbox<A>,
    ask: impl Fn(usize) -> Asked,
) where
    A: Actor<Context = Context<A>> + Handler<Letter<Crash>> + Handler<Letter<Hold>>,
    Asked: Future<Output = bool> + 'static,
{
    let (release, hold) = mpsc::channel();
    mailbox.tell(Hold(hold)).unwrap();
    let before: Vec<_> = (0..50).map(|n| actix::spawn(ask(n))).collect();
    queued(health, 51).await;
    let mut crash = Box::pin(mailbox.ask(Crash));
    assert!(is_pending(crash.as_mut()).await, "the actor is held, so nothing is answered yet");
    let after: Vec<_> = (50..100).map(|n| actix::spawn(ask(n))).collect();
    queued(health, 102).await;
    drop(release);
    for answered in before.into_iter().chain(after) {
        assert!(answered.await.unwrap());
    }
    assert_eq!(crash.await, Err(Refused::Lost));
    let actor = &health.actors()[0];
    assert_eq!((actor.restarts, actor.queue, actor.gave_up), (1, 0, false));
}

/// Polls once; true if it is still pending.
async fn is_pending(mut future: std::pin::Pin<&mut impl Future>) -> bool {
    std::future::poll_fn(|task| std::task::Poll::Ready(future.as_mut().poll(task).is_pending())).await
}

/// Answers with what it is sent.
struct Echo {
    /// Dropped with the actor.
    _alive: Option<oneshot::Sender<()>>,
    /// Panics while it is restarted.
    fragile: bool,
}

struct Say(u32);

impl Message for Say {
    type Result = u32;
}

impl Actor for Echo {
    type Context = Context<Self>;
}

impl Supervised for Echo {
    fn restarting(&mut self, _: &mut Context<Self>) {
        assert!(!self.fragile, "a test asked for it");
    }
}

impl Handler<Letter<Say>> for Echo {
    type Result = ();

    fn handle(&mut self, letter: Letter<Say>, _: &mut Context<Self>) {
        letter.answer(|message| message.0);
    }
}

testable!(Echo);

/// An echo with room for `capacity` messages.
fn echo(capacity: usize, health: &Health) -> Mailbox<Echo> {
    start("echo", capacity, health, Echo { _alive: None, fragile: false })
}

/// A health, and where the name of who gave up arrives.
fn given_up() -> (Health, mpsc::Receiver<&'static str>) {
    let (sender, receiver) = mpsc::channel();
    (Health::new(move |name| sender.send(name).unwrap()), receiver)
}

#[test]
fn waiting_messages_survive_a_panic_and_the_one_in_hand_is_lost() {
    run(async {
        let health = health();
        let echo = echo(200, &health);
        survives_a_panic_under_load(&health, &echo, |_| {
            let echo = echo.clone();
            async move { echo.ask(Say(7)).await == Ok(7) }
        })
        .await;
    });
}

#[test]
fn five_panics_in_a_row_give_up_and_answer_all_that_wait() {
    run(async {
        let (health, given_up) = given_up();
        let echo = echo(100, &health);
        let (release, hold) = mpsc::channel();
        let first = actix::spawn({
            let echo = echo.clone();
            async move { echo.ask(Hold(hold)).await }
        });
        queued(&health, 1).await;
        (0..5).for_each(|_| echo.tell(Crash).unwrap());
        let waiting = actix::spawn({
            let echo = echo.clone();
            async move { echo.ask(Say(1)).await }
        });
        queued(&health, 7).await;
        assert!(health.healthy());
        drop(release);
        assert_eq!(first.await.unwrap(), Ok(()));
        assert_eq!(waiting.await.unwrap(), Err(Refused::Lost));
        assert_eq!(given_up.recv(), Ok("echo"));
        assert!(!health.healthy());
        let actor = &health.actors()[0];
        assert_eq!((actor.restarts, actor.queue, actor.gave_up), (4, 0, true));
        assert_eq!(echo.ask(Say(1)).await, Err(Refused::Lost));
        assert_eq!(echo.tell(Say(1)), Err(Refused::Lost));
    });
}

#[test]
fn a_poisoned_request_among_good_ones_is_no_switch_to_turn_the_server_off() {
    run(async {
        let health = health();
        let echo = echo(10, &health);
        for n in 0..20 {
            assert_eq!(echo.ask(Crash).await, Err(Refused::Lost));
            assert_eq!(echo.ask(Say(n)).await, Ok(n));
        }
        assert_eq!(health.actors()[0].restarts, 20);
        assert!(health.healthy());
    });
}

#[test]
fn a_panic_while_restarting_counts() {
    run(async {
        let (health, given_up) = given_up();
        let echo = start("fragile", 10, &health, Echo { _alive: None, fragile: true });
        assert_eq!(echo.ask(Crash).await, Err(Refused::Lost));
        assert_eq!(echo.ask(Say(1)).await, Err(Refused::Lost));
        assert_eq!(given_up.recv(), Ok("fragile"));
        assert!(!health.healthy());
    });
}

#[test]
fn an_actor_ends_with_its_last_handle() {
    run(async {
        let health = health();
        let (alive, ended) = oneshot::channel();
        let echo = start("echo", 10, &health, Echo { _alive: Some(alive), fragile: false });
        let other = echo.clone();
        drop(echo);
        assert_eq!(other.ask(Say(1)).await, Ok(1));
        drop(other);
        assert!(ended.await.is_err(), "the actor is dropped, and nothing was sent");
    });
}

#[test]
fn the_bound_of_a_mailbox_holds_for_cloned_handles() {
    run(async {
        let health = health();
        let echo = echo(4, &health);
        let (release, hold) = mpsc::channel();
        echo.tell(Hold(hold)).unwrap();
        let asked: Vec<_> = (0..1000)
            .map(|n| {
                let echo = echo.clone();
                actix::spawn(async move { echo.ask(Say(n)).await })
            })
            .collect();
        // The one in hand takes a place until it is answered.
        queued(&health, 4).await;
        while health.actors()[0].turned_away < 997 {
            yield_now().await;
        }
        drop(release);
        let mut answers = Vec::new();
        for answer in asked {
            answers.push(answer.await.unwrap());
        }
        assert_eq!(answers[..4], [Ok(0), Ok(1), Ok(2), Err(Refused::Full)]);
        assert!(answers[4..].iter().all(|answer| *answer == Err(Refused::Full)));
        assert_eq!(health.actors()[0].queue, 0);
        assert_eq!(echo.ask(Say(5)).await, Ok(5));
    });
}
