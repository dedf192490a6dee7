//! Numbered migrations, embedded; each runs once, inside one transaction, under the write lock.

use super::{Tx, params};
use crate::error::{Error, Result};

const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_start", include_str!("../../migrations/0001_start.sql")),
    ("0002_logout", include_str!("../../migrations/0002_logout.sql")),
    ("0003_registration", include_str!("../../migrations/0003_registration.sql")),
    ("0004_audit", include_str!("../../migrations/0004_audit.sql")),
];

/// The schema this program works with.
#[expect(clippy::cast_possible_wrap, reason = "there are a handful of migrations")]
pub const VERSION: i64 = MIGRATIONS.len() as i64;

/// The schema version of the database; 0 if it is empty.
pub fn version(tx: &mut Tx<'_>) -> Result<i64> {
    let known: Option<(String,)> =
        tx.one("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'migrations'", &[])?;
    if known.is_none() {
        return Ok(0);
    }
    let newest: Option<(i64,)> = tx.one("SELECT COALESCE(MAX(version), 0) FROM migrations", &[])?;
    Ok(newest.map_or(0, |(version,)| version))
}

/// Refuses a database whose schema is not this program's.
pub fn require_current(tx: &mut Tx<'_>) -> Result<()> {
    let found = version(tx)?;
    refuse_newer(found)?;
    if found < VERSION {
        return Err(Error::failed(format_args!(
            "the database has schema version {found}, this program needs {VERSION}: run `authgate migrate`"
        )));
    }
    Ok(())
}

fn refuse_newer(found: i64) -> Result<()> {
    if found <= VERSION {
        return Ok(());
    }
    Err(Error::failed(format_args!(
        "the database has schema version {found}, this program knows {VERSION}: it was used by a newer Authgate. \
         Run that version, or restore a backup made before the upgrade"
    )))
}

/// Refuses a file that is no database of this program, or one of a newer version. Returns its schema version.
pub fn recognise(tx: &mut Tx<'_>) -> Result<i64> {
    let found = version(tx)?;
    refuse_newer(found)?;
    let ours = (1..).zip(MIGRATIONS).map(|(version, (name, _))| (version, (*name).to_owned()));
    let ran: Vec<(i64, String)> = match found {
        0 => Vec::new(),
        _ => tx.all("SELECT version, name FROM migrations ORDER BY version", &[])?,
    };
    // We have no triggers and views; whoever put one into a file has it run by whoever opens the file.
    let foreign: Option<(String,)> =
        tx.one("SELECT name FROM sqlite_master WHERE type IN ('trigger', 'view') LIMIT 1", &[])?;
    if ran.is_empty() || foreign.is_some() || !ran.iter().cloned().eq(ours.take(ran.len())) {
        return Err(Error::failed("it is no database of Authgate"));
    }
    Ok(found)
}

pub(super) fn migrate(tx: &mut Tx<'_>, now: i64) -> Result<usize> {
    let found = version(tx)?;
    refuse_newer(found)?;
    tx.execute(
        "CREATE TABLE IF NOT EXISTS migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)",
        &[],
    )?;
    let mut ran = 0;
    for (version, (name, sql)) in (1..).zip(MIGRATIONS) {
        if version > found {
            for statement in sql.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
                tx.execute(statement, &[])?;
            }
            tx.execute(
                "INSERT INTO migrations (version, name, applied_at) VALUES (?1, ?2, ?3)",
                params![version, *name, now],
            )?;
            ran += 1;
        }
    }
    Ok(ran)
}
