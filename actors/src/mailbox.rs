//! The way to an actor: bounded, and every message is answered or known to be lost.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, Context, Handler, Message};
use authgate_core::error::{Code, Error};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::asker::Asker;
use crate::supervisor::Vitals;

/// Why an actor did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its mailbox is full or would keep the message too long: nothing happened, the same message may be taken soon.
    Full,
    /// It panicked over the message, or has given up: what happened is unknown.
    Lost,
}

impl From<Refused> for Error {
    /// For a request that cannot go on without the answer. The supervisor and the mailbox have logged the cause.
    fn from(_: Refused) -> Self {
        Error::refused(Code::TemporarilyUnavailable, "The server is busy. Please try again.")
    }
}

/// The sending side of an actor's mailbox.
pub(crate) struct Mailbox<A: Actor> {
    door: Arc<Door<A>>,
}

struct Door<A: Actor> {
    address: Addr<A>,
    vitals: Arc<Vitals>,
}

impl<A: Actor> Clone for Mailbox<A> {
    fn clone(&self) -> Self {
        Self { door: Arc::clone(&self.door) }
    }
}

impl<A: Actor<Context = Context<A>>> Mailbox<A> {
    pub(crate) fn new(address: Addr<A>, vitals: Arc<Vitals>) -> Self {
        Self { door: Arc::new(Door { address, vitals }) }
    }

    /// Sends a message and waits for its answer. Once it is sent, dropping the future does not call it back.
    pub(crate) async fn ask<M>(&self, message: M) -> Result<M::Result, Refused>
    where
        M: Message<Result: Send> + Send + 'static,
        A: Handler<Letter<M>>,
    {
        let (sender, answer) = oneshot::channel();
        self.post(message, Some(sender))?;
        answer.await.map_err(|_| Refused::Lost)
    }

    /// The same for whoever would rather wait than be refused: [`Refused::Full`] comes after `patience`, and the message
    /// may still be taken then.
    pub(crate) async fn ask_within<M>(&self, message: M, patience: Duration) -> Result<M::Result, Refused>
    where
        M: Message<Result: Send> + Send + 'static,
        A: Handler<Letter<M>>,
    {
        let (sender, answer) = oneshot::channel();
        let asked = async {
            let Door { address, vitals } = &*self.door;
            let asker = Asker::here(vitals.name());
            let room = vitals.wait_for_room().await;
            if !address.connected() {
                return Err(Refused::Lost);
            }
            address.do_send(Letter { message, asker, reply: Reply { sender: Some(sender), room } });
            answer.await.map_err(|_| Refused::Lost)
        };
        timeout(patience, asked).await.unwrap_or(Err(Refused::Full))
    }

    /// Sends a message nobody waits for.
    pub(crate) fn tell<M>(&self, message: M) -> Result<(), Refused>
    where
        M: Message<Result: Send> + Send + 'static,
        A: Handler<Letter<M>>,
    {
        self.post(message, None)
    }

    /// Messages that wait or are in hand.
    pub(crate) fn waiting(&self) -> usize {
        self.door.vitals.queue()
    }

    /// Refuses a message that would wait too long.
    pub(crate) fn turn_away(&self) -> Refused {
        self.door.vitals.turn_away();
        Refused::Full
    }

    fn post<M>(&self, message: M, sender: Option<oneshot::Sender<M::Result>>) -> Result<(), Refused>
    where
        M: Message<Result: Send> + Send + 'static,
        A: Handler<Letter<M>>,
    {
        let Door { address, vitals } = &*self.door;
        if !address.connected() {
            return Err(Refused::Lost);
        }
        // actix bounds its queue per address, and each clone is an address: the room is counted here instead.
        let room = vitals.take_room().ok_or(Refused::Full)?;
        let asker = Asker::here(vitals.name());
        address.do_send(Letter { message, asker, reply: Reply { sender, room } });
        Ok(())
    }
}

/// A message on its way, with who asks, its place in the mailbox and the way back.
pub(crate) struct Letter<M: Message> {
    message: M,
    asker: Asker,
    reply: Reply<M::Result>,
}

impl<M: Message> Letter<M> {
    /// Answers with what `work` makes of the message. What it logs is the asker's.
    pub(crate) fn answer(self, work: impl FnOnce(M) -> M::Result) {
        let (message, asker, reply) = self.open_for_later();
        reply.send(asker.handling().in_scope(|| work(message)));
    }

    /// What a handler does first that answers otherwise: its wait is over.
    pub(crate) fn open(self) -> (M, Reply<M::Result>) {
        let (message, _, reply) = self.open_for_later();
        (message, reply)
    }

    /// The same for one that gathers: the asker goes on waiting.
    pub(crate) fn open_for_later(self) -> (M, Asker, Reply<M::Result>) {
        self.reply.room.opened();
        #[cfg(debug_assertions)]
        crate::failpoint::opened(self.reply.room.vitals.name());
        (self.message, self.asker, self.reply)
    }
}

impl<M: Message> Message for Letter<M> {
    type Result = ();
}

/// The way back. Dropped without an answer, the sender learns [`Refused::Lost`].
pub(crate) struct Reply<T> {
    sender: Option<oneshot::Sender<T>>,
    room: Room,
}

impl<T> Reply<T> {
    /// Answers, frees the place in the mailbox, and counts as a success of the actor.
    pub(crate) fn send(self, answer: T) {
        self.room.finished();
        if let Some(sender) = self.sender {
            // Whoever asked may have gone: then nobody misses the answer.
            drop(sender.send(answer));
        }
    }
}

/// One taken place in a mailbox; given back when dropped.
pub(crate) struct Room {
    vitals: Arc<Vitals>,
    taken: Instant,
}

impl Room {
    pub(crate) fn new(vitals: Arc<Vitals>) -> Self {
        Self { vitals, taken: Instant::now() }
    }

    fn opened(&self) {
        self.vitals.count_wait(self.taken.elapsed());
    }

    fn finished(self) {
        self.vitals.count_success();
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.vitals.give_room();
    }
}
