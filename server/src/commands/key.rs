//! `authgate key`.

use authgate_core::error::Result;
use authgate_core::keys::{self, StoredKey};
use clap::Subcommand;
use serde_json::{Value, json};

use super::answer::{Answer, table, time};
use super::installation::Installation;

#[derive(Subcommand)]
pub enum Key {
    /// List every key, never its secret part
    List,
}

impl Key {
    pub fn run(self, installation: &Installation) -> Result<Answer> {
        let Key::List = self;
        let keys = installation.read(keys::stored)?;
        let row = |key: &StoredKey| {
            [
                key.purpose.as_str().to_owned(),
                key.algorithm.as_str().to_owned(),
                key.state.as_str().to_owned(),
                time(key.created_at),
                key.kid.clone(),
            ]
        };
        let rows: Vec<_> = keys.iter().map(row).collect();
        let text = table(["PURPOSE", "ALGORITHM", "STATE", "CREATED", "KID"], &rows);
        Ok(Answer::new(text, keys.iter().map(object).collect()))
    }
}

fn object(key: &StoredKey) -> Value {
    json!({
        "kid": key.kid, "purpose": key.purpose, "algorithm": key.algorithm, "state": key.state,
        "created_at": key.created_at, "activated_at": key.activated_at, "retired_at": key.retired_at,
        "removed_at": key.removed_at,
    })
}
