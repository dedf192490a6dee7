//! Kills the process at a chosen point, so that tests can show what a crash leaves behind. Debug builds only.

/// Aborts if the file named by `AUTHGATE_FAILPOINT` contains `point`.
pub(crate) fn reached(point: &str) {
    let Some(file) = std::env::var_os("AUTHGATE_FAILPOINT") else { return };
    if std::fs::read_to_string(file).is_ok_and(|text| text.trim() == point) {
        std::process::abort();
    }
}
