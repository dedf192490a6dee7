//! A connection that ends when its peer takes too long: with the head of a request, or with reading the answer.

use std::cell::Cell;
use std::future::Future as _;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::app::Timeouts;

/// A socket, with TLS or without.
pub trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// The requests of one HTTP/1 connection. The handlers tell of them, since a stream of bytes does not.
#[derive(Clone, Default)]
pub struct Requests(Rc<Counts>);

#[derive(Default)]
struct Counts {
    begun: Cell<u64>,
    running: Cell<u32>,
}

impl Requests {
    /// One has arrived with its whole head; it runs until this is dropped.
    pub fn begin(&self) -> Running {
        self.0.begun.set(self.0.begun.get() + 1);
        self.0.running.set(self.0.running.get() + 1);
        Running(self.clone())
    }
}

/// One request that runs.
pub struct Running(Requests);

impl Drop for Running {
    fn drop(&mut self) {
        let running = &self.0.0.running;
        running.set(running.get() - 1);
    }
}

/// The connection.
pub struct Patient {
    stream: Box<dyn Stream>,
    timeouts: Timeouts,
    requests: Requests,
    /// Requests that had begun when the head in hand began.
    before: u64,
    /// Runs from the first byte of a head to its end. The first head of a connection is the HTTP dispatcher's to time,
    /// which answers 408.
    head: Option<Pin<Box<Sleep>>>,
    /// Runs while the peer takes nothing of what is to be written.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    /// With how long the peer may take.
    pub fn new(stream: impl Stream + 'static, timeouts: Timeouts) -> Self {
        let requests = Requests::default();
        Self { stream: Box::new(stream), timeouts, requests, before: 0, head: None, stalled: None }
    }

    /// Where its requests are counted.
    pub fn requests(&self) -> Requests {
        self.requests.clone()
    }

    /// What became of a write; an error if the peer has taken nothing for too long.
    fn written<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let timer = self.stalled.get_or_insert_with(|| Box::pin(sleep(self.timeouts.write)));
        timer.as_mut().poll(cx).map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let counts = &this.requests.0;
        if counts.running.get() > 0 || counts.begun.get() != this.before {
            this.before = counts.begun.get();
            this.head = None;
        }
        let idle = counts.running.get() == 0 && this.before > 0;
        let filled = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if idle && buffer.filled().len() > filled {
            this.head.get_or_insert_with(|| Box::pin(sleep(this.timeouts.head)));
        }
        let is_late = this.head.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_ready());
        if is_late { Poll::Ready(Err(ErrorKind::TimedOut.into())) } else { read }
    }
}

impl AsyncWrite for Patient {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.written(cx, written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.written(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.written(cx, shut)
    }
}
