//! What the tests of this crate stand on: a moment, and a database of their own.

use std::sync::Arc;

use crate::context::{Context, ManualClock, SystemRandom};

/// The moment of [`context`], in Unix seconds.
pub const NOW: i64 = 1_800_000_000;

/// A request at [`NOW`].
pub fn context() -> Context {
    Context::new(&ManualClock::at(NOW * 1000), Arc::new(SystemRandom))
}
