//! Reads the whole trail and checks every link.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Entry, chain};
use crate::db::{Tx, params, row};
use crate::error::Result;

/// Links read at a time.
const PAGE: i64 = 500;

row! {
    /// The two ends of a chain.
    pub struct Head in "audit_heads" {
        /// Whose chain.
        writer: String,
        /// The newest link.
        sequence: i64,
        /// Its hash.
        hash: String,
        /// The last link that retention removed; 0 for none.
        removed_sequence: i64,
        /// Its hash.
        removed_hash: String,
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Links that are as they were written, in all chains.
    pub verified: usize,
    /// Rows from before trails were chained.
    pub unchained: usize,
    /// What is wrong, in words; empty if nothing is.
    pub problems: Vec<String>,
}

/// Hashes by writer and sequence.
type Expected = BTreeMap<(String, i64), String>;

/// Checks every chain, and that it still has the links in `expected` (writer, sequence, hash), which somebody kept
/// elsewhere. The ends of the chains come back beside what was found.
pub fn verify(tx: &mut Tx<'_>, expected: &[(String, i64, String)]) -> Result<(Vec<Head>, Verdict)> {
    let mut verdict = Verdict::default();
    let heads: Vec<Head> =
        tx.all(&format!("SELECT {} FROM audit_heads ORDER BY writer", Head::COLUMNS), &[])?;
    let mut wanted: Expected =
        expected.iter().cloned().map(|(writer, sequence, hash)| ((writer, sequence), hash)).collect();
    for head in &heads {
        check(tx, head, &mut wanted, &mut verdict)?;
    }
    for (writer, sequence) in wanted.into_keys() {
        verdict.problems.push(format!("link {sequence} of {writer} is expected and not there"));
    }
    let strays: Option<(i64, Option<String>)> =
        tx.one("SELECT COUNT(*), MAX(id) FROM audit_logs WHERE sequence IS NULL", &[])?;
    let (unchained, last) = strays.unwrap_or_default();
    verdict.unchained = usize::try_from(unchained).unwrap_or(usize::MAX);
    let outside: Option<(i64, Option<String>)> = tx.one(
        "SELECT COUNT(*), MIN(id) FROM audit_logs WHERE sequence IS NOT NULL AND NOT EXISTS (SELECT 1 FROM audit_heads \
         WHERE audit_heads.writer = audit_logs.writer AND audit_logs.sequence > audit_heads.removed_sequence)",
        &[],
    )?;
    if let Some((count, Some(id))) = outside {
        verdict.problems.push(format!("{count} rows claim to be links of a chain and are not, such as {id}"));
    }
    let first: Option<(Option<String>,)> =
        tx.one("SELECT MIN(id) FROM audit_logs WHERE sequence IS NOT NULL", &[])?;
    if let (Some(last), Some((Some(first),))) = (last, first)
        && last > first
    {
        verdict.problems.push(format!("the row {last} is no link, and newer than the first link"));
    }
    Ok((heads, verdict))
}

fn check(tx: &mut Tx<'_>, head: &Head, wanted: &mut Expected, verdict: &mut Verdict) -> Result<()> {
    let writer = head.writer.as_str();
    let sql = format!(
        "SELECT {} FROM audit_logs WHERE writer = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3",
        Entry::COLUMNS
    );
    let (mut sequence, mut before) = (head.removed_sequence, head.removed_hash.clone());
    // What retention removed cannot be compared any more, except for its last link.
    wanted.retain(|(of, at), hash| *of != writer || *at > sequence || *at == sequence && *hash != before);
    loop {
        let page: Vec<Entry> = tx.all(&sql, params![writer, sequence, PAGE])?;
        if page.is_empty() {
            break;
        }
        for entry in page {
            let at = entry.sequence.unwrap_or_default();
            if at != sequence + 1 {
                verdict.problems.push(format!(
                    "links {} to {} of {writer} are missing",
                    sequence + 1,
                    at - 1
                ));
            } else if entry.hash.as_deref() == Some(chain::hash(&before, &entry).as_str()) {
                verdict.verified += 1;
            } else {
                verdict.problems.push(format!("link {at} of {writer} (row {}) was changed", entry.id));
            }
            (sequence, before) = (at, entry.hash.unwrap_or_default());
            if wanted.remove(&(writer.to_owned(), at)).is_some_and(|hash| hash != before) {
                verdict.problems.push(format!("link {at} of {writer} is not the one expected"));
            }
        }
    }
    if (sequence, &before) != (head.sequence, &head.hash) {
        verdict.problems.push(format!(
            "the chain of {writer} ends at link {sequence}, and its newest was {}",
            head.sequence
        ));
    }
    Ok(())
}
