//! Logs go to stderr: stdout is for what a person or a script asked for.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::EnvFilter;

use crate::config::Server;

/// Starts logging as `LOG_FORMAT` and `RUST_LOG` say. Once per process; a second call changes nothing.
pub fn start(server: &Server) {
    let filter = EnvFilter::new(&server.log_filter);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    // An embedding program may have its own subscriber, which then stays.
    let _ = if server.json_logs {
        lines.json().flatten_event(true).try_init()
    } else {
        lines.with_ansi(stderr().is_terminal()).try_init()
    };
}
