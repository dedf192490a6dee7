//! Single values that the server keeps about itself, by name.

use crate::db::{Tx, params};
use crate::error::Result;

/// A value and when it was put, in unix seconds.
pub fn get(tx: &mut Tx<'_>, name: &str) -> Result<Option<(String, i64)>> {
    tx.one("SELECT value, updated_at FROM settings WHERE name = ?1", params![name])
}

/// Puts a value in the place of the one before.
pub fn put(tx: &mut Tx<'_>, name: &str, value: &str, now: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO settings (name, value, updated_at) VALUES (?1, ?2, ?3) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
        params![name, value, now],
    )
    .map(drop)
}
