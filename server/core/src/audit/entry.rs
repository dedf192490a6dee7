//! An event as it is stored: a row of `audit_logs`.

use serde::{Deserialize, Serialize};

use super::{Severity, chain};
use crate::db::{FromRow, Row, Tx, Value};
use crate::error::Result;

macro_rules! columns {
    ($($(#[$meta:meta])* $field:ident: $type:ty,)*) => {
        /// One event, with the contract's names. Times are unix seconds.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub struct Entry { $($(#[$meta])* pub $field: $type,)* }

        impl Entry {
            /// The columns, as a query lists them.
            pub const COLUMNS: &'static str = columns!(@list $($field)*);
            const INSERT: &'static str = concat!(
                "INSERT INTO audit_logs (", columns!(@list $($field)*), ") VALUES (", columns!(@marks $($field)*),
                ") ON CONFLICT (id) DO NOTHING"
            );

            /// The columns' values, in order.
            pub(super) fn values(&self) -> Vec<Value<'_>> {
                vec![$(Value::from(&self.$field)),*]
            }
        }

        impl FromRow for Entry {
            fn from_row(row: &mut Row) -> Result<Self> {
                Ok(Self { $($field: row.next("audit_logs", stringify!($field))?,)* })
            }
        }
    };
    (@list $first:ident $($rest:ident)*) => { concat!(stringify!($first), $(", ", stringify!($rest)),*) };
    (@marks $first:ident $($rest:ident)*) => { concat!("?" $(, columns!(@mark $rest))*) };
    (@mark $field:ident) => { ", ?" };
}

columns! {
    /// UUID version 7 of the moment it happened.
    id: String,
    /// Such as `ACCESS_TOKEN_ISSUED`.
    event_type: String,
    /// When it happened.
    event_time: i64,
    /// How much it matters.
    severity: Severity,
    /// The user or `client:` id that acted.
    actor_user_id: Option<String>,
    /// Its user name.
    actor_username: Option<String>,
    /// Where it came from.
    actor_ip: Option<String>,
    /// What kind of thing it was done to.
    resource_type: Option<String>,
    /// Which one.
    resource_id: Option<String>,
    /// What people call that.
    resource_name: Option<String>,
    /// What happened, in words.
    action: String,
    /// More, a JSON object.
    details: Option<String>,
    /// False if it failed.
    success: bool,
    /// Why it failed.
    error_message: Option<String>,
    /// The `User-Agent`.
    user_agent: Option<String>,
    /// Path of the request.
    request_path: Option<String>,
    /// Method of the request.
    request_method: Option<String>,
    /// Whose chain it is a link of.
    writer: Option<String>,
    /// Its place in that chain, from 1.
    sequence: Option<i64>,
    /// SHA-256 over the link before and all columns above, base64url.
    hash: Option<String>,
}

/// Adds an entry to the trail; one that is there already stays as it is, so that repeating this is safe.
pub fn append(tx: &mut Tx<'_>, mut entry: Entry) -> Result<()> {
    if !tx.is_audited() {
        return Ok(());
    }
    let link = chain::next(tx, &mut entry)?;
    if tx.execute(Entry::INSERT, &entry.values())? == 1 {
        chain::add(tx, link)?;
    }
    Ok(())
}

/// The reference's cut of long user agents and paths: 500 bytes, the last three of them dots.
pub fn shortened(text: &str) -> String {
    if text.len() <= 500 {
        return text.to_owned();
    }
    format!("{}...", &text[..text.floor_char_boundary(497)])
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn long_texts_end_in_dots() {
        assert_eq!(shortened(&"a".repeat(500)), "a".repeat(500));
        assert_eq!(shortened(&"a".repeat(501)), format!("{}...", "a".repeat(497)));
        assert_eq!(shortened(&"\u{e9}".repeat(300)).len(), 499, "no character is cut in two");
    }
}
