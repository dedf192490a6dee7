//! Numbers that grow whenever something changes that running servers keep in memory; they look at them every quarter of a
//! second.

use crate::db::{Tx, params};
use crate::error::{Error, Result};

/// What a server knows of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generation {
    /// Changes of the keys.
    pub keys: i64,
    /// Changes of rows that decide whether something is live, made by a process that is no server.
    pub rows: i64,
}

/// One of the numbers.
#[derive(Clone, Copy, Debug)]
pub enum Of {
    /// [`Generation::keys`].
    Keys,
    /// [`Generation::rows`].
    Rows,
}

impl Of {
    fn name(self) -> &'static str {
        match self {
            Of::Keys => "generation",
            Of::Rows => "row_generation",
        }
    }
}

/// Raises one, in the transaction of the change.
pub fn raise(tx: &mut Tx<'_>, of: Of) -> Result<()> {
    tx.execute(
        "INSERT INTO settings (name, value, updated_at) VALUES (?1, '1', 0) ON CONFLICT (name) DO UPDATE \
         SET value = CAST(CAST(settings.value AS BIGINT) + 1 AS TEXT)",
        params![of.name()],
    )
    .map(drop)
}

/// Both; 0 where nothing has changed yet.
pub fn read(tx: &mut Tx<'_>) -> Result<Generation> {
    let found: Vec<(String, String)> =
        tx.all("SELECT name, value FROM settings WHERE name IN ('generation', 'row_generation')", &[])?;
    let of = |of: Of| {
        let Some((name, value)) = found.iter().find(|(name, _)| name == of.name()) else { return Ok(0) };
        value
            .parse()
            .map_err(|_| Error::failed(format_args!("database: settings.value of row {name} is no number")))
    };
    Ok(Generation { keys: of(Of::Keys)?, rows: of(Of::Rows)? })
}
