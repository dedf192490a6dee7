//! `authgate migrate`.

use authgate::config::Config;
use authgate::open;
use authgate_core::db::VERSION;
use authgate_core::error::Result;
use serde_json::json;

use super::answer::Answer;
use super::installation::context;

/// Creates the database or brings its schema up to date; refuses one of a newer version.
pub fn run(config: &Config) -> Result<Answer> {
    let (_, ran) = open::migrated(config, &context())?;
    let path = config.database.path.display();
    let text = match ran {
        0 => format!("{path} is up to date (schema version {VERSION})"),
        _ => format!("{path} is now at schema version {VERSION}, migrations run: {ran}"),
    };
    Ok(Answer::new(text, json!({"schema_version": VERSION, "migrations_run": ran})))
}
