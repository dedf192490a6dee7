//! How many things are alive, for gauges: counted a few rows at a time, so that no request waits for it.
//!
//! A row counts by what it says itself. What died by an epoch (of a user, client or consent) counts until its own time is
//! over, since looking at those rows too would cost many times as much.

use crate::db::{Tx, params};
use crate::error::Result;

/// Rows looked at in one step: some milliseconds of one reader.
const STEP: i64 = 5000;

/// What can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Living {
    /// Access tokens.
    AccessTokens,
    /// Grants that can be refreshed; each has one refresh token that is good.
    RefreshTokens,
    /// Device codes that wait for a person or for their device.
    DeviceCodes,
    /// Those of them that wait for a person.
    PendingDeviceCodes,
    /// Browser sessions.
    Sessions,
}

impl Living {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::AccessTokens,
        Self::RefreshTokens,
        Self::DeviceCodes,
        Self::PendingDeviceCodes,
        Self::Sessions,
    ];

    /// Table, key, and which rows are alive at ?3.
    fn rows(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::AccessTokens => ("tokens", "jti", "status = 'active' AND expires_at > ?3"),
            Self::RefreshTokens => (
                "families",
                "id",
                "state = 'active' AND refreshable = 1 AND idle_until > ?3 AND expires_at > ?3",
            ),
            Self::DeviceCodes => {
                ("device_codes", "id", "status <> 'denied' AND used_at IS NULL AND expires_at > ?3")
            }
            Self::PendingDeviceCodes => ("device_codes", "id", "status = 'pending' AND expires_at > ?3"),
            Self::Sessions => ("sessions", "id", "status = 'active' AND idle_until > ?3 AND expires_at > ?3"),
        }
    }
}

/// Where a count stands.
#[derive(Clone, Debug)]
pub struct Count {
    living: Living,
    after: String,
    found: i64,
}

impl Count {
    /// At the beginning.
    pub fn of(living: Living) -> Self {
        Self { living, after: String::new(), found: 0 }
    }

    /// Looks at the next few rows, at `now` in unix seconds. The number once all were looked at.
    pub fn step(&mut self, tx: &mut Tx<'_>, now: i64) -> Result<Option<i64>> {
        let (table, key, alive) = self.living.rows();
        let sql = format!(
            "SELECT MAX(k), COUNT(*), COALESCE(SUM(alive), 0) FROM \
             (SELECT {key} AS k, ({alive}) AS alive FROM {table} WHERE {key} > ?1 ORDER BY {key} LIMIT ?2)"
        );
        let seen: Option<(Option<String>, i64, i64)> = tx.one(&sql, params![&self.after, STEP, now])?;
        let (end, seen, alive) = seen.unwrap_or_default();
        self.found += alive;
        self.after = end.unwrap_or_default();
        Ok((seen < STEP).then_some(self.found))
    }
}
