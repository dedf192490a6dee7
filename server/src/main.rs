//! The `authgate` program.

use std::process::ExitCode;

use authgate::{config, environment, logging, serve};
use authgate_core::error::{Error, Result};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let variables = environment::read()?;
    let (config, warnings) = config::load(&|name| variables.get(name).cloned()).map_err(Error::failed)?;
    logging::start(&config.server);
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    serve::run(config)
}
