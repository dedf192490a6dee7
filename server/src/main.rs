//! The `authgate` program.

mod commands;

use std::io::{Write as _, stdout};
use std::process::ExitCode;

use authgate::config::Config;
use authgate::logging;
use authgate_core::error::Result;
use tracing::warn;

fn main() -> ExitCode {
    match commands::run(std::env::args_os()) {
        Ok(text) => {
            // A reader that left early, such as `head`, has what it wanted.
            let _ = stdout().lock().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(sentence) => {
            eprintln!("{}", sentence.trim_end());
            ExitCode::FAILURE
        }
    }
}

/// Runs the server until it is told to stop.
fn serve(config: Config, warnings: &[String]) -> Result<()> {
    logging::start(&config.server);
    for warning in warnings {
        warn!("{warning}");
    }
    authgate::serve::run(config)
}
