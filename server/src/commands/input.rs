//! What commands read from files: argv is too short for it, or visible to every user of the machine.

use std::fs::File;
use std::io::{Read, stdin};

use authgate_core::error::{Code, Error, Result};
use serde_json::Value;

/// The longest file that is read, in bytes.
const MAX_BYTES: u64 = 65_536;

/// The text of a file, or of stdin if it is called `-`.
pub fn text(name: &str) -> Result<String> {
    let refuse = |why: String| Error::refused(Code::InvalidRequest, format!("cannot read {name}: {why}"));
    let mut source: Box<dyn Read> = match name {
        "-" => Box::new(stdin()),
        file => Box::new(File::open(file).map_err(|error| refuse(error.to_string()))?),
    };
    let mut text = String::new();
    source
        .by_ref()
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| refuse(error.to_string()))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(refuse(format!("it is longer than {MAX_BYTES} bytes")));
    }
    Ok(text)
}

/// A JSON document from a file or stdin.
pub fn json(name: &str) -> Result<Value> {
    serde_json::from_str(&text(name)?)
        .map_err(|error| Error::refused(Code::InvalidRequest, format!("{name} is not JSON: {error}")))
}

/// The one line of a file or of stdin, without its end.
pub fn line(name: &str) -> Result<String> {
    let text = text(name)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}
