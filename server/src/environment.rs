//! The process environment, completed by `.env` in the working directory.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::{env, fs};

use authgate_core::error::{Error, Result};

use crate::config::reference;

/// Every variable; what is set in the process wins over the file, even when it is empty.
pub fn read() -> Result<HashMap<String, String>> {
    let mut variables = match fs::read_to_string(".env") {
        Ok(text) => dotenv(&text)?,
        Err(error) if error.kind() == ErrorKind::NotFound => HashMap::new(),
        Err(error) => return Err(Error::failed(format_args!("cannot read .env: {error}"))),
    };
    for (name, value) in env::vars_os() {
        let Ok(name) = name.into_string() else { continue };
        match value.into_string() {
            Ok(value) => drop(variables.insert(name, value)),
            Err(_) if reference().iter().any(|setting| setting.name == name) => {
                return Err(Error::failed(format_args!("the value of {name} is not UTF-8")));
            }
            Err(_) => {}
        }
    }
    Ok(variables)
}

/// As the reference reads it: quotes, comments, `export`, and `$NAME` outside single quotes.
fn dotenv(text: &str) -> Result<HashMap<String, String>> {
    dotenvy::from_read_iter(text.as_bytes()).collect::<Result<_, _>>().map_err(|error| match error {
        // The line that is wrong may hold a secret.
        dotenvy::Error::LineParse(..) => Error::failed(
            "cannot read .env: each line must be NAME=value, with quotes around a value that has spaces, or a # comment",
        ),
        other => Error::failed(format_args!("cannot read .env: {other}")),
    })
}

#[cfg(test)]
mod tests {
    use super::dotenv;

    #[test]
    fn what_people_write() {
        let text = "# comment\nexport A=1\nB='a $b # c'\n\nC=\"x\\ny\"\nD = 4 # four\nE=\nF=\"-----BEGIN\n-----END\"\n";
        let read = dotenv(text).unwrap();
        for (name, value) in [
            ("A", "1"),
            ("B", "a $b # c"),
            ("C", "x\ny"),
            ("D", "4"),
            ("E", ""),
            ("F", "-----BEGIN\n-----END"),
        ] {
            assert_eq!(read.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert_eq!(read.len(), 6);
    }

    #[test]
    fn adv_39_a_line_that_cannot_be_read_is_not_shown() {
        for text in ["A=1\n\nPASSWORD=hunter2 hunter2\nB=2", "A=1\n\nhunter2\n", "A=1\n\nB='hunter2\n"] {
            let error = dotenv(text).unwrap_err().to_string();
            assert!(error.contains("each line must be NAME=value") && !error.contains("hunter2"), "{error}");
        }
    }
}
