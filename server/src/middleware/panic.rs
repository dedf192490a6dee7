//! A handler that panics ends its own request and no other.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// The output of `future`, or `None` if it panicked; the panic itself is printed by the panic hook.
pub async fn caught<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    // After a panic the future is never polled again, and it shares nothing that a panic could leave half-changed.
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::caught;

    #[actix_web::test]
    async fn a_panic_is_an_answer() {
        assert_eq!(caught(async { 1 }).await, Some(1));
        assert_eq!(caught(async { panic!("on purpose") }).await, None::<()>);
    }
}
