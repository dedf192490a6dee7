//! Where actors note what they cost. Queues, restarts and refusals are in [`crate::supervisor::ActorHealth`].

use std::sync::Arc;

use metrics::Histogram;

/// What is measured, in seconds where it is a time. Cheap to clone; the default measures nothing.
#[derive(Clone)]
pub struct Measures {
    /// By an actor's name: from posting a message to the beginning of its handling.
    pub wait: Arc<dyn Fn(&'static str) -> Histogram + Send + Sync>,
    /// Requests in a commit of the issuer.
    pub batch: Histogram,
    /// How long the issuer waited for other processes that write.
    pub lock: Histogram,
    /// How long a commit took to be durable.
    pub commit: Histogram,
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            wait: Arc::new(|_| Histogram::noop()),
            batch: Histogram::noop(),
            lock: Histogram::noop(),
            commit: Histogram::noop(),
        }
    }
}
