//! Every row of the trail names the one before it by its hash, so that a row which is changed, removed or put in later is
//! noticed.
//!
//! A link's hash is SHA-256 over the hash before it (base64url, empty for the first) and the row's columns up to and
//! with `sequence`, each as `length:bytes,` in decimal and UTF-8, or `~,` for NULL.

use std::fmt::Write as _;

use super::{Entry, Head};
use crate::db::{Tx, Value, params};
use crate::error::{Error, Result};
use crate::secret::sha256;

/// SQLite has one writer at a time, whoever it is, so there is one chain.
const WRITER: &str = "main";

/// The end of a chain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    sequence: i64,
    hash: String,
}

/// What a writing connection knows of its chain while a transaction is open.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    /// `None` until the first event of the transaction: another process may have written since the last.
    newest: Option<Link>,
    is_changed: bool,
}

impl Chain {
    /// Where a savepoint can return to.
    pub(crate) fn mark(&self) -> Option<Link> {
        self.newest.clone()
    }

    /// Forgets what was added since the mark.
    pub(crate) fn return_to(&mut self, mark: Option<Link>) {
        self.newest = mark;
    }

    /// Forgets everything: a transaction begins or is undone.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Completes an entry as the next link.
pub(super) fn next(tx: &mut Tx<'_>, entry: &mut Entry) -> Result<Link> {
    let newest = newest(tx)?;
    entry.writer = Some(WRITER.to_owned());
    entry.sequence = Some(newest.sequence + 1);
    let hash = hash(&newest.hash, entry);
    entry.hash = Some(hash.clone());
    Ok(Link { sequence: newest.sequence + 1, hash })
}

fn newest(tx: &mut Tx<'_>) -> Result<Link> {
    if let Some(link) = &chain(tx)?.newest {
        return Ok(link.clone());
    }
    let stored: Option<(i64, String)> =
        tx.one("SELECT sequence, hash FROM audit_heads WHERE writer = ?1", params![WRITER])?;
    let link = stored.map(|(sequence, hash)| Link { sequence, hash }).unwrap_or_default();
    Ok(chain(tx)?.newest.insert(link).clone())
}

/// Notes that the link is stored.
pub(super) fn add(tx: &mut Tx<'_>, link: Link) -> Result<()> {
    let chain = chain(tx)?;
    chain.newest = Some(link);
    chain.is_changed = true;
    Ok(())
}

fn chain<'t>(tx: &'t mut Tx<'_>) -> Result<&'t mut Chain> {
    tx.chain().ok_or_else(|| Error::failed("an event was written through a reader"))
}

/// Stores the end of the chain, once for all events of a transaction.
pub(crate) fn store(tx: &mut Tx<'_>) -> Result<()> {
    let chain = chain(tx)?;
    let Some(Link { sequence, hash }) =
        chain.newest.clone().filter(|_| std::mem::take(&mut chain.is_changed))
    else {
        return Ok(());
    };
    let stored = tx.execute(
        "UPDATE audit_heads SET sequence = ?2, hash = ?3 WHERE writer = ?1",
        params![WRITER, sequence, &hash],
    )?;
    if stored == 0 {
        let writer = WRITER.to_owned();
        Head { writer, sequence, hash, removed_sequence: 0, removed_hash: String::new() }.insert(tx)?;
    }
    Ok(())
}

/// The hash of an entry that follows the link with the hash `before`.
pub(super) fn hash(before: &str, entry: &Entry) -> String {
    let mut text = String::with_capacity(512);
    field(&mut text, before);
    let values = entry.values();
    let (_own, columns) = values.split_last().expect("an entry has columns");
    for value in columns {
        match value {
            Value::Null => text.push_str("~,"),
            Value::Int(int) => field(&mut text, &int.to_string()),
            Value::Text(value) => field(&mut text, value),
        }
    }
    sha256(text.as_bytes())
}

fn field(text: &mut String, value: &str) {
    write!(text, "{}:{value},", value.len()).expect("a string takes everything");
}
