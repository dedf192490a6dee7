//! A number that grows whenever something changes that running servers keep in memory; they look at it every quarter of a
//! second.

use crate::db::{Tx, params};
use crate::error::{Error, Result};
use crate::settings;

/// Raises it, in the transaction of the change.
pub fn raise(tx: &mut Tx<'_>, now: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO settings (name, value, updated_at) VALUES ('generation', '1', ?1) ON CONFLICT (name) DO UPDATE \
         SET value = CAST(CAST(settings.value AS BIGINT) + 1 AS TEXT), updated_at = excluded.updated_at",
        params![now],
    )
    .map(drop)
}

/// The number; 0 if nothing has changed yet.
pub fn read(tx: &mut Tx<'_>) -> Result<i64> {
    let Some((text, _)) = settings::get(tx, "generation")? else { return Ok(0) };
    text.parse().map_err(|_| Error::failed("database: settings.value of row generation is no number"))
}
