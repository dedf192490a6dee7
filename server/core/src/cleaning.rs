//! What has expired is removed, a few rows at a time, so that no request waits for it.
//!
//! Every key grows with time, so a table is walked from its oldest row on, by its primary key: no index is kept for this
//! alone. A row goes only when nothing can ask for it any more: a used code is kept as long as what it produced, a
//! session as long as a grant that ends with it.

use crate::db::{Tx, params};
use crate::error::Result;

/// Rows looked at in one step: about a millisecond of the one writer.
const STEP: i64 = 500;

/// A table, its key, and which of its rows are over at ?3.
struct Table {
    name: &'static str,
    key: &'static str,
    over: &'static str,
}

const TABLES: [Table; 9] = [
    Table { name: "interactions", key: "id", over: "expires_at <= ?3" },
    Table { name: "authorization_codes", key: "id", over: "keep_until <= ?3" },
    Table { name: "device_codes", key: "id", over: "keep_until <= ?3" },
    Table { name: "tokens", key: "jti", over: "expires_at <= ?3" },
    // An access token may outlive the idle time of its family, and is live only while there is one.
    Table {
        name: "families",
        key: "id",
        over: "expires_at <= ?3 OR idle_until <= ?3 AND NOT EXISTS \
               (SELECT 1 FROM tokens WHERE tokens.family_id = families.id AND tokens.expires_at > ?3)",
    },
    // A session that only expired ends no grant, and the grants that end with it look for its row; in an hour every
    // code of it has become a family or is over.
    Table {
        name: "sessions",
        key: "id",
        over: "(status <> 'active' OR idle_until <= ?3 - 3600 OR expires_at <= ?3 - 3600) \
               AND NOT EXISTS (SELECT 1 FROM families WHERE families.session_id = sessions.id)",
    },
    Table {
        name: "session_clients",
        key: "session_id",
        over: "created_at <= ?3 AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.id = session_clients.session_id)",
    },
    Table { name: "client_secrets", key: "id", over: "expires_at <= ?3" },
    Table {
        name: "consents",
        key: "id",
        over: "withdrawn_at <= ?3 AND NOT EXISTS \
               (SELECT 1 FROM families WHERE families.user_id = consents.user_id AND families.consent_id = consents.id)",
    },
];

/// Where a walk through all tables stands.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    table: usize,
    after: String,
    removed: usize,
}

impl Walk {
    /// Looks at the next few rows and removes those that are over at `now`, in unix seconds. True if there is more to
    /// look at.
    pub fn step(&mut self, tx: &mut Tx<'_>, now: i64) -> Result<bool> {
        let Some(Table { name, key, over }) = TABLES.get(self.table) else { return Ok(false) };
        let last = format!(
            "SELECT MAX(k), COUNT(*) FROM (SELECT {key} AS k FROM {name} WHERE {key} > ?1 ORDER BY {key} LIMIT ?2)"
        );
        let seen: Option<(Option<String>, i64)> = tx.one(&last, params![&self.after, STEP])?;
        let (end, seen) = seen.unwrap_or_default();
        if let Some(end) = end {
            let delete = format!("DELETE FROM {name} WHERE {key} > ?1 AND {key} <= ?2 AND ({over})");
            self.removed += tx.execute(&delete, params![&self.after, &end, now])?;
            self.after = end;
        }
        if seen < STEP {
            self.table += 1;
            self.after.clear();
        }
        Ok(self.table < TABLES.len())
    }

    /// How many rows it has removed.
    pub fn removed(&self) -> usize {
        self.removed
    }
}
