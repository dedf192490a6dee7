//! Passwords come through stdin or are made: argv is visible to every user of the machine.

use std::io::{BufRead as _, Read as _, stdin};

use authgate_core::context::Context;
use authgate_core::error::{Code, Error, Result};
use authgate_core::secret::Secret;
use authgate_core::user;
use clap::Args;

/// The longest line that is read; core has the bound of a password.
const MAX_LINE: u64 = 4096;

#[derive(Args)]
pub struct Password {
    /// Read the password from the first line of stdin; otherwise one is made and printed once
    #[arg(long)]
    password_stdin: bool,
}

/// A password for a user.
pub struct Chosen {
    /// What is stored.
    pub hash: String,
    /// What must be shown, since nobody knows it yet.
    pub made: Option<Secret>,
}

impl Password {
    /// Reads or makes it.
    pub fn choose(&self, ctx: &Context) -> Result<Chosen> {
        if self.password_stdin {
            let password = line()?;
            user::check_password(&password)?;
            return Ok(Chosen { hash: user::hash_password(&password, ctx)?, made: None });
        }
        let password = user::random_password(ctx);
        Ok(Chosen { hash: user::hash_password(&password, ctx)?, made: Some(password) })
    }
}

impl Chosen {
    /// The hash of a password that its user knows, of another server.
    pub fn imported(hash: String) -> Result<Self> {
        user::check_password_hash(&hash)?;
        Ok(Self { hash, made: None })
    }
}

/// The first line of stdin, without its end.
pub fn line() -> Result<Secret> {
    let mut line = String::new();
    let read = stdin().lock().take(MAX_LINE).read_line(&mut line);
    read.map_err(|error| Error::refused(Code::InvalidRequest, format!("cannot read stdin: {error}")))?;
    let line = line.trim_end_matches(['\r', '\n']);
    if line.is_empty() {
        return Err(Error::refused(Code::InvalidRequest, "stdin is empty"));
    }
    Ok(Secret::new(line))
}
