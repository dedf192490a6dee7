//! Which rows changed, and when: what was read of them before is void.
//!
//! Whoever keeps what it read takes a [`Moment`] before it reads, and asks later whether its rows are still
//! [untouched](Changes::untouched) since. A change is noted between its commit and the answer to whoever asked for it. So
//! whatever was read before the commit is void once the change is acknowledged, also if it is put into a cache only
//! later; nothing has to be found and dropped.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};

use super::row::{FromRow, Row};
use crate::error::Result;

/// Tables with rows that decide whether a token, a secret or a code is good, and the column that names such a row.
const WATCHED: [(&str, &str); 8] = [
    ("tokens", "jti"),
    ("families", "id"),
    ("users", "id"),
    ("clients", "id"),
    ("client_secrets", "client_id"),
    ("consents", "id"),
    ("sessions", "id"),
    ("device_codes", "id"),
];
/// Rows are told apart by this many marks. Two that share one are void together, which costs a read: with a thousand
/// changes a second one of 64 verdicts a second, at most.
const MARKS: usize = 1 << u16::BITS;

/// Stands for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(u16);

impl Mark {
    /// Of the row of a watched table with this name.
    pub fn of(table: &'static str, name: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (table, name).hash(&mut hasher);
        let [low, high, ..] = hasher.finish().to_le_bytes();
        Self(u16::from_le_bytes([low, high]))
    }
}

/// A point in the order of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

/// The order of changes of one process.
pub struct Changes {
    newest: AtomicU64,
    /// The last change of each mark.
    of: Box<[AtomicU64]>,
    /// The last change of nobody knows what.
    of_all: AtomicU64,
}

impl Default for Changes {
    fn default() -> Self {
        let of = (0..MARKS).map(|_| AtomicU64::new(0)).collect();
        Self { newest: AtomicU64::new(0), of, of_all: AtomicU64::new(0) }
    }
}

impl Changes {
    /// To be taken before the read begins.
    pub fn now(&self) -> Moment {
        Moment(self.newest.load(Ordering::SeqCst))
    }

    /// True if what was read of these rows since that moment still stands.
    pub fn untouched(&self, since: Moment, rows: &[Mark]) -> bool {
        self.of_all.load(Ordering::SeqCst) <= since.0
            && rows.iter().all(|row| self.of[usize::from(row.0)].load(Ordering::SeqCst) <= since.0)
    }

    /// Notes a commit that changed these rows, or may have.
    pub(super) fn note(&self, rows: &[Mark]) {
        if rows.is_empty() {
            return;
        }
        let number = self.newest.fetch_add(1, Ordering::SeqCst) + 1;
        for row in rows {
            // A later change may be faster.
            self.of[usize::from(row.0)].fetch_max(number, Ordering::SeqCst);
        }
    }

    /// Notes that another process changed something.
    pub fn note_all(&self) {
        let number = self.newest.fetch_add(1, Ordering::SeqCst) + 1;
        self.of_all.fetch_max(number, Ordering::SeqCst);
    }
}

/// The watched table that a statement changes, with the column that names its rows.
///
/// A new row decides nothing that was read before, except a secret of a client that was read already.
pub(super) fn watched(sql: &str) -> Option<(&'static str, &'static str)> {
    let rest = sql
        .strip_prefix("UPDATE ")
        .or_else(|| sql.strip_prefix("DELETE FROM "))
        .or_else(|| sql.strip_prefix("INSERT INTO client_secrets ").map(|_| "client_secrets "))?;
    let table = rest.split([' ', '\n']).next()?;
    WATCHED.into_iter().find(|(watched, _)| *watched == table)
}

/// A row that a changing statement returns, and the name of the row that it changed.
pub(super) struct Named<T> {
    pub row: T,
    pub name: String,
}

impl<T: FromRow> FromRow for Named<T> {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self { row: T::from_row(row)?, name: row.next("a changed table", "its key")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_void_and_what_was_read_after_it_is_not() {
        let (changes, row) = (Changes::default(), Mark::of("users", "u1"));
        let before = changes.now();
        assert!(changes.untouched(before, &[row]));
        changes.note(&[row]);
        assert!(!changes.untouched(before, &[row]));
        assert!(!changes.untouched(before, &[Mark::of("users", "u2"), row]), "one of several is enough");
        assert!(changes.untouched(changes.now(), &[row]));
        assert!(changes.untouched(before, &[Mark::of("users", "u2")]), "another row");
        assert!(changes.untouched(before, &[Mark::of("clients", "u1")]), "a row of another table");
    }

    #[test]
    fn another_process_may_have_changed_everything() {
        let changes = Changes::default();
        let before = changes.now();
        changes.note_all();
        assert!(!changes.untouched(before, &[Mark::of("users", "u1")]) && !changes.untouched(before, &[]));
        assert!(changes.untouched(changes.now(), &[]));
    }

    #[test]
    fn statements_that_change_watched_rows_are_known() {
        for (sql, expected) in [
            ("UPDATE users SET epoch = epoch + 1 WHERE id = ?1", Some(("users", "id"))),
            ("DELETE FROM tokens WHERE expires_at < ?1", Some(("tokens", "jti"))),
            ("INSERT INTO client_secrets (id) VALUES (?)", Some(("client_secrets", "client_id"))),
            ("INSERT INTO tokens (jti) VALUES (?)", None),
            ("UPDATE settings SET value = ?1", None),
            ("SELECT 1", None),
        ] {
            assert_eq!(watched(sql), expected, "{sql}");
        }
    }
}
