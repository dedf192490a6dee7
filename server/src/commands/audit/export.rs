//! `authgate audit export`.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use authgate::admin::audit::{Format, Writer};
use authgate_core::audit::Event;
use authgate_core::error::{Error, Result};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::Which;
use crate::commands::answer::Answer;
use crate::commands::installation::Installation;

#[derive(Args)]
pub struct Export {
    #[command(flatten)]
    which: Which,
    /// How to write them
    #[arg(long, value_enum, default_value_t = FormatName::Csv)]
    format: FormatName,
    /// Where to; a file that exists is not touched. Without it, stdout
    #[arg(short, long)]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum FormatName {
    Csv,
    Jsonl,
}

impl Export {
    pub fn run(self, installation: &Installation) -> Result<Answer> {
        let (filter, format) = (
            self.which.filter(),
            match self.format {
                FormatName::Csv => Format::Csv,
                FormatName::Jsonl => Format::JsonLines,
            },
        );
        let mut target: Box<dyn Write> = match &self.output {
            None => Box::new(io::stdout().lock()),
            Some(path) => Box::new(BufWriter::new(created(path)?)),
        };
        installation.write(|tx, env| {
            let details = json!({"filter": filter, "format": format.extension()});
            Event::info("AUDIT_LOG_EXPORTED", "Audit log exported")
                .with(details)
                .write(tx, env.origin, env.ctx)
        })?;
        let (mut writer, mut events) = (Writer::new(format), 0);
        loop {
            let page = installation.read(|tx| writer.page(tx, &filter))?;
            events += page.len();
            let Some(text) = writer.text(&page)? else { break };
            target
                .write_all(&text)
                .map_err(|error| Error::failed(format_args!("cannot write the events: {error}")))?;
        }
        target.flush().map_err(|error| Error::failed(format_args!("cannot write the events: {error}")))?;
        Ok(match self.output {
            None => Answer::nothing(),
            Some(path) => {
                let path = path.display().to_string();
                Answer::new(
                    format!("{events} events are in {path}."),
                    json!({"events": events, "path": path}),
                )
            }
        })
    }
}

/// Events tell about people: the file is for its owner.
fn created(path: &PathBuf) -> Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.map_err(|error| Error::failed(format_args!("cannot create {}: {error}", path.display())))
}
