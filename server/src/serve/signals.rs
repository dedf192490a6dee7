//! SIGTERM and SIGINT.

use std::future::poll_fn;
use std::process;
use std::task::Poll;

use actix_web::rt::signal::unix::{Signal, SignalKind, signal};
use actix_web::rt::spawn;
use authgate_core::error::{Error, Result};
use tokio::sync::mpsc::Receiver;

/// Both signals, heard from when this is made.
pub struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    /// From now on a signal does not end the process by itself.
    pub fn listen() -> Result<Self> {
        let on = |kind| signal(kind).map_err(Error::failed);
        Ok(Self { term: on(SignalKind::terminate())?, int: on(SignalKind::interrupt())? })
    }

    /// Waits until the server should stop: a signal, or an actor that was given up, whose name is returned. From then on
    /// another signal ends the process at once.
    pub async fn first(mut self, given_up: &mut Receiver<&'static str>) -> Option<&'static str> {
        let reason = poll_fn(|cx| match given_up.poll_recv(cx) {
            Poll::Ready(Some(actor)) => Poll::Ready(Some(actor)),
            _ => self.poll(cx).map(|()| None),
        })
        .await;
        spawn(async move {
            poll_fn(|cx| self.poll(cx)).await;
            tracing::warn!("stopped without waiting");
            process::exit(1);
        });
        reason
    }

    fn poll(&mut self, cx: &mut std::task::Context<'_>) -> Poll<()> {
        // Both are polled, so that either wakes the task.
        match (self.term.poll_recv(cx), self.int.poll_recv(cx)) {
            (Poll::Pending, Poll::Pending) => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }
}
