//! A panic as a line in the log, with the request that it ended.

use std::panic::{self, PanicHookInfo};

/// Replaces what Rust prints.
pub(super) fn report() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, words = words(panic), "panicked");
    }));
}

/// What the program says by itself. What was put together when it happened is left out: it may quote what a caller
/// sent, as `str` does where it is cut within a character. The place tells the rest.
fn words(panic: &PanicHookInfo<'_>) -> Option<&'static str> {
    panic.payload().downcast_ref::<&'static str>().copied()
}
