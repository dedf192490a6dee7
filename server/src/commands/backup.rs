//! `authgate backup`.

use std::fs;
use std::path::{Path, PathBuf};

use authgate::config::Config;
use authgate::open;
use authgate_core::backup::{self, Contents};
use authgate_core::db::Store;
use authgate_core::error::{Code, Error, Result};
use authgate_core::private_file;
use clap::Args;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::installation::context;

#[derive(Args)]
pub struct Backup {
    /// The file to write; there must be none of this name
    file: PathBuf,
}

impl Backup {
    pub fn run(&self, config: &Config) -> Result<Answer> {
        let file = &self.file;
        if file.symlink_metadata().is_ok() {
            return Err(Error::refused(
                Code::InvalidRequest,
                format!("{} is there already: a backup overwrites nothing", file.display()),
            ));
        }
        let store = open::database(config)?;
        let trouble =
            |why: String| Error::failed(format_args!("cannot write the backup {}: {why}", file.display()));
        let (draft, _) = private_file::draft(file, &context()).map_err(|error| trouble(error.to_string()))?;
        let copied = copy(&store, &draft).and_then(|contents| {
            private_file::publish(&draft, file).map_err(Error::failed)?;
            Ok(contents)
        });
        let contents = copied.map_err(|error| {
            // Half a backup is none.
            let _ = fs::remove_file(&draft);
            trouble(error.to_string())
        })?;
        answer(config, file, &contents)
    }
}

/// A flushed copy, read back.
fn copy(store: &Store, draft: &Path) -> Result<Contents> {
    store.copy_into(draft)?;
    fs::File::open(draft).and_then(|file| file.sync_all()).map_err(Error::failed)?;
    backup::examine(draft)
}

fn answer(config: &Config, file: &Path, contents: &Contents) -> Result<Answer> {
    let bytes = fs::metadata(file).map_err(Error::failed)?.len();
    let key = match &config.keys.master {
        Some(_) => "MASTER_KEY or MASTER_KEY_FILE".to_owned(),
        None => config.keys.master_file.display().to_string(),
    };
    let text = format!(
        "{} is in {} ({bytes} bytes, schema version {}), read back and sound.\n  {}\n\
         The master key is not in it, and without it the backup is of no use: keep {key} too, apart from the backups.",
        config.database.path.display(),
        file.display(),
        contents.version,
        counted(contents),
    );
    let object = json!({
        "file": file, "bytes": bytes, "schema_version": contents.version, "rows": rows(contents), "master_key": key,
    });
    Ok(Answer::new(text, object))
}

/// `users 3, clients 2`, for people.
pub fn counted(contents: &Contents) -> String {
    let each = contents.rows.iter().map(|(name, count)| format!("{name} {count}"));
    each.collect::<Vec<_>>().join(", ")
}

/// The same for scripts.
pub fn rows(contents: &Contents) -> Value {
    let each = contents.rows.iter().map(|(name, count)| (name.replace(' ', "_"), Value::from(*count)));
    each.collect::<Map<_, _>>().into()
}
