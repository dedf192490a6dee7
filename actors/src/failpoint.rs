//! Kills the process at a chosen point, or makes an actor panic, so that tests can show what is left then. Debug builds only.

/// Aborts if the file named by `AUTHGATE_FAILPOINT` contains `point`.
pub(crate) fn reached(point: &str) {
    let Some(file) = std::env::var_os("AUTHGATE_FAILPOINT") else { return };
    if std::fs::read_to_string(file).is_ok_and(|text| text.trim() == point) {
        std::process::abort();
    }
}

/// Panics once, in the hands of `actor`, if the file named by `AUTHGATE_FAILPOINT` contains `panic` and its name.
pub(crate) fn opened(actor: &str) {
    let Some(file) = std::env::var_os("AUTHGATE_FAILPOINT") else { return };
    let is_meant = std::fs::read_to_string(&file).is_ok_and(|text| text.trim() == format!("panic {actor}"));
    // Two actors never have one name, and an actor opens one message at a time.
    assert!(!is_meant || std::fs::remove_file(&file).is_err(), "a test asked for it");
}
