//! Copies of a database: what is in one, and what must end when one is put back.

pub mod restored;

use std::path::Path;

use crate::db::{self, Tx};
use crate::error::{Error, Result};
use crate::recovery;

/// What a sound database of this program holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Its schema version.
    pub version: i64,
    /// Unix seconds of its newest entry, if a server has run on it.
    pub newest: Option<i64>,
    /// How many rows the main tables have, by what they are called for people.
    pub rows: Vec<(&'static str, i64)>,
}

const TABLES: [(&str, &str); 6] = [
    ("users", "users"),
    ("clients", "clients"),
    ("consents", "consents"),
    ("grants", "families"),
    ("tokens", "tokens"),
    ("audit events", "audit_logs"),
];

/// Reads the whole file at `path`. Fails if it is damaged, not ours, or of a newer version.
pub fn examine(path: &Path) -> Result<Contents> {
    db::inspect(path, |tx| {
        let version = db::recognise(tx)?;
        check(tx)?;
        Ok(Contents { version, newest: newest(tx)?, rows: rows(tx)? })
    })
}

/// Looks at every page for damage.
pub fn check(tx: &mut Tx<'_>) -> Result<()> {
    let found: Option<(String,)> = tx.one("PRAGMA quick_check(1)", &[])?;
    match found {
        Some((answer,)) if answer == "ok" => Ok(()),
        Some((answer,)) => Err(Error::failed(format_args!("it is damaged: {answer}"))),
        None => Err(Error::failed("it cannot be checked")),
    }
}

/// Unix seconds of the newest sign of life: a heartbeat or an audit event.
pub fn newest(tx: &mut Tx<'_>) -> Result<Option<i64>> {
    let event: Option<(i64,)> = tx.one("SELECT event_time FROM audit_logs ORDER BY id DESC LIMIT 1", &[])?;
    Ok(recovery::last_seen(tx)?.max(event.map(|(time,)| time)))
}

fn rows(tx: &mut Tx<'_>) -> Result<Vec<(&'static str, i64)>> {
    let count = |(name, table)| {
        let counted: Option<(i64,)> = tx.one(&format!("SELECT COUNT(*) FROM {table}"), &[])?;
        Ok((name, counted.map_or(0, |(count,)| count)))
    };
    TABLES.into_iter().map(count).collect()
}
