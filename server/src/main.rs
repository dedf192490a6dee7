//! The `authgate` program.

mod commands;

use std::io::{Write as _, stdout};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match commands::run(std::env::args_os()) {
        Ok((text, status)) => {
            // A reader that left early, such as `head`, has what it wanted.
            let _ = stdout().lock().write_all(text.as_bytes());
            status
        }
        Err(sentence) => {
            eprintln!("{}", sentence.trim_end());
            ExitCode::FAILURE
        }
    }
}
