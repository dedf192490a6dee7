//! Old events go, oldest first, in small steps. What is left of a chain still verifies.

use super::Entry;
use super::verify::Head;
use crate::db::{Tx, params};
use crate::error::Result;

/// Rows looked at in one step: about a millisecond of the one writer.
const STEP: i64 = 500;

/// Removes some of the events that are older than `before`, in unix seconds; returns how many, 0 when all are gone. An
/// event from the future of `now` was written under a wrong clock and keeps no older one alive.
pub fn remove_old(tx: &mut Tx<'_>, before: i64, now: i64) -> Result<usize> {
    let unchained = tx.execute(
        "DELETE FROM audit_logs WHERE id IN \
         (SELECT id FROM audit_logs WHERE writer IS NULL AND event_time < ?1 ORDER BY id LIMIT ?2)",
        params![before, STEP],
    )?;
    let heads: Vec<Head> = tx.all(&format!("SELECT {} FROM audit_heads", Head::COLUMNS), &[])?;
    let mut removed = unchained;
    for head in heads {
        removed += shorten(tx, &head, before, now)?;
    }
    Ok(removed)
}

fn shorten(tx: &mut Tx<'_>, head: &Head, before: i64, now: i64) -> Result<usize> {
    let sql = format!(
        "SELECT {} FROM audit_logs WHERE writer = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3",
        Entry::COLUMNS
    );
    let oldest: Vec<Entry> = tx.all(&sql, params![&head.writer, head.removed_sequence, STEP])?;
    // What is not old ends the walk, except for what a wrong clock wrote: that goes with an old event behind it, never by itself,
    // or a clock that is behind would remove everything.
    let is_over = |entry: &&Entry| entry.event_time < before || entry.event_time > now;
    // The newest link stays whatever its age, so that the chain has an end to grow from.
    let walked = oldest.iter().take_while(|entry| entry.sequence < Some(head.sequence)).take_while(is_over);
    let Some(last) = walked.filter(|entry| entry.event_time < before).last() else { return Ok(0) };
    tx.execute(
        "UPDATE audit_heads SET removed_sequence = ?2, removed_hash = ?3 WHERE writer = ?1",
        params![&head.writer, last.sequence, &last.hash],
    )?;
    tx.execute(
        "DELETE FROM audit_logs WHERE writer = ?1 AND sequence <= ?2",
        params![&head.writer, last.sequence],
    )
}
