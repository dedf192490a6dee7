//! A handler that panics ends its own request and no other. Whoever asked may repeat it: what it wanted to write was undone,
//! or was committed before and is not done twice.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use actix_web::HttpResponse;
use authgate_core::error::Error;

use crate::error::{ApiError, PageError};

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

/// What is answered then: 503, as a page or as JSON.
pub fn answer(wants_html: bool) -> HttpResponse {
    let error = Error::panicked();
    if wants_html {
        HttpResponse::from_error(PageError::from(error))
    } else {
        HttpResponse::from_error(ApiError::from(error))
    }
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
