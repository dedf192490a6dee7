//! `authgate key rewrap`: another master key.

use std::fs;

use authgate::open;
use authgate_core::error::{Code, Error, Result};
use authgate_core::keys::rotation;
use authgate_core::master::Master;
use authgate_core::secret::Secret;
use clap::Args;
use serde_json::json;

use super::super::answer::Answer;
use super::super::input;
use super::super::installation::Installation;

#[derive(Args)]
pub struct Rewrap {
    /// File with the new master key (43 characters), for installations that keep it by themselves in MASTER_KEY or
    /// MASTER_KEY_FILE; without it a new key is made and replaces the file beside the database
    #[arg(long, value_name = "FILE")]
    new_key_file: Option<String>,
}

impl Rewrap {
    /// The new key is whole on disk before the database is sealed with it, so that a crash at any point leaves one of the
    /// two keys to open it with.
    pub fn run(&self, installation: &Installation) -> Result<Answer> {
        let keys = &installation.config().keys;
        let path = &keys.master_file;
        let own_file = keys.master.is_none();
        match (&self.new_key_file, own_file) {
            (None, false) => Err(refused(
                "the master key comes from MASTER_KEY or MASTER_KEY_FILE: name the new one by --new-key-file",
            )),
            (Some(_), true) => Err(refused(
                "the master key is kept beside the database and replaced there: leave --new-key-file out",
            )),
            (Some(file), false) => {
                let new = Master::from_text(&Secret::new(input::text(file)?))
                    .map_err(|error| Error::refused(Code::InvalidRequest, format!("{file}: {error}")))?;
                let count = seal(installation, &new)?;
                let text = format!(
                    "{count} keys are wrapped with the new master key. Set MASTER_KEY or MASTER_KEY_FILE to it before \
                     the server starts."
                );
                Ok(Answer::new(text, json!({"keys": count})))
            }
            (None, true) => {
                let draft = open::drafted(path);
                let new = Master::draft(&draft, installation.env().ctx)?;
                let count = seal(installation, &new).inspect_err(|_| {
                    // Nothing is sealed with it; what cannot be removed is said the next time.
                    let _ = fs::remove_file(&draft);
                })?;
                fs::rename(&draft, path).map_err(|error| {
                    Error::failed(format_args!("cannot rename {}: {error}", draft.display()))
                })?;
                let text = format!("{count} keys are wrapped with a new master key, in {}", path.display());
                Ok(Answer::new(text, json!({"keys": count, "file": path})))
            }
        }
    }
}

fn seal(installation: &Installation, new: &Master) -> Result<usize> {
    installation.write(|tx, env| rotation::rewrap(tx, env, new))
}

fn refused(why: &'static str) -> Error {
    Error::refused(Code::InvalidRequest, why)
}
