//! Who a message is from: what is logged and traced while it is handled belongs to the request that sent it.

use authgate_core::trace::SPANS;
use tracing::Span;

/// The request behind a message, or nobody.
pub(crate) struct Asker {
    span: Span,
    actor: &'static str,
    /// Open for as long as the message waits.
    waiting: Span,
}

impl Asker {
    /// Whoever is being served on this thread; the message waits for `actor` from now on.
    pub(crate) fn here(actor: &'static str) -> Self {
        let waiting = tracing::info_span!(target: SPANS, "waiting", authgate.actor = actor);
        Self { span: Span::current(), actor, waiting }
    }

    /// The waiting is over: the span in which the message is handled, to be entered.
    pub(crate) fn handling(self) -> Handling {
        drop(self.waiting);
        let span = self
            .span
            .in_scope(|| tracing::info_span!(target: SPANS, "handling", authgate.actor = self.actor));
        Handling { asker: self.span, span }
    }
}

/// A message that is being handled.
pub(crate) struct Handling {
    asker: Span,
    span: Span,
}

impl Handling {
    /// Runs `work` as part of the request.
    pub(crate) fn in_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        self.asker.in_scope(|| self.span.in_scope(work))
    }

    /// The span of a commit for several requests. It is part of the first that is traced, and each of the others points
    /// to it, and it to them.
    pub(crate) fn commit(batch: &[Self]) -> Span {
        // Whoever asks outside of any request is the server itself, which is not traced.
        let mut others = batch.iter().filter(|handling| !handling.asker.is_disabled());
        let Some(first) = others.next() else { return Span::none() };
        let jobs = batch.len();
        let span = first.in_scope(|| tracing::info_span!(target: SPANS, "commit", authgate.jobs = jobs));
        for other in others {
            span.follows_from(&other.span);
            other.span.follows_from(&span);
        }
        span
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::span::{Attributes, Id};
    use tracing::{Subscriber, subscriber};
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
    use tracing_subscriber::registry::LookupSpan;

    use super::*;

    /// Who stands below whom, and who points to whom, by number of the span.
    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Links>>);

    #[derive(Default)]
    struct Links {
        below: Vec<(u64, u64)>,
        points: Vec<(u64, u64)>,
    }

    impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for Seen {
        fn on_new_span(&self, _: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
            if let Some(parent) = context.span(id).and_then(|span| span.parent()) {
                self.0.lock().unwrap().below.push((id.into_u64(), parent.id().into_u64()));
            }
        }

        fn on_follows_from(&self, id: &Id, follows: &Id, _: Context<'_, S>) {
            self.0.lock().unwrap().points.push((id.into_u64(), follows.into_u64()));
        }
    }

    fn number(span: &Span) -> u64 {
        span.id().expect("it is collected").into_u64()
    }

    #[test]
    fn a_commit_is_part_of_the_first_request_and_linked_with_the_others() {
        let seen = Seen::default();
        subscriber::with_default(tracing_subscriber::registry().with(seen.clone()), || {
            let requests = [(); 3].map(|()| tracing::info_span!("request"));
            let handled =
                requests.each_ref().map(|request| request.in_scope(|| Asker::here("issuer")).handling());
            let untraced = || Asker::here("issuer").handling();
            let [first, second, third] = handled;
            let handled = [untraced(), first, second, untraced(), third];
            let commit = Handling::commit(&handled);
            let handled = handled.each_ref().map(|handling| handling.span.clone());
            let [_, first, second, _, third] = handled;
            let seen = seen.0.lock().unwrap();
            let handled = [first, second, third].map(|span| number(&span));
            for (request, handling) in requests.iter().zip(handled) {
                assert!(seen.below.contains(&(handling, number(request))));
            }
            let [first, second, third] = handled;
            assert!(seen.below.contains(&(number(&commit), first)));
            let both = |other: u64| [(number(&commit), other), (other, number(&commit))];
            assert_eq!(seen.points, [both(second), both(third)].concat());
        });
        assert!(Handling::commit(&[]).is_none());
    }
}
