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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn adv_39_a_panic_does_not_quote_what_was_sent() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&told);
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| hears.lock().unwrap().push(words(panic))));
        let sent = "s\u{e9}cret".to_owned();
        let fixed = panic::catch_unwind(|| panic!("a test asked for it"));
        let quoting = panic::catch_unwind(|| sent[..2].len());
        panic::set_hook(before);
        // The second has words too, which quote all of it.
        let words = quoting.unwrap_err().downcast::<String>().unwrap();
        assert!(words.contains(&sent) && fixed.is_err(), "{words}");
        // Other tests panic too.
        let told = told.lock().unwrap();
        assert!(told.contains(&Some("a test asked for it")) && told.contains(&None), "{told:?}");
    }
}
