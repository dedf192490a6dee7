//! How many clients may register themselves, and which of them go again.

use super::{Mode, Rules};
use crate::audit::Event;
use crate::db::{Tx, params};
use crate::env::Env;
use crate::error::{Code, Error, Result};

/// Clients that one step removes: well below a millisecond of the one writer, and more than any one caller may add
/// in a minute.
const STEP: i64 = 20;
/// Seconds that an unused client waits for an admin's decision, or lies there rejected: long enough for a holiday.
pub const UNDECIDED: i64 = 30 * 86_400;

/// A refusal if there is no room for one more registration from this address. Counted in the transaction that writes
/// it, so racing requests cannot pass together.
pub(super) fn check(tx: &mut Tx<'_>, rules: &Rules, from: &str) -> Result<()> {
    let count = |row: Option<(i64,)>| row.map_or(0, |(count,)| count);
    // What was removed to make room stays removed.
    let full = |words| Err(Error::refused_and_kept(Code::RateLimitExceeded, words));
    // Those that people use are no reason to turn their neighbours away: many share an address.
    let here = "SELECT COUNT(*) FROM clients WHERE origin = 'self' AND registered_from = ?1 AND last_used_at IS NULL";
    if count(tx.one(here, params![from])?) >= rules.max_per_address {
        return full("too many clients have registered themselves from this address");
    }
    let all = "SELECT COUNT(*) FROM clients WHERE origin = 'self'";
    if count(tx.one(all, &[])?) >= rules.max_clients {
        return full("too many clients have registered themselves");
    }
    Ok(())
}

/// Removes a few clients that registered themselves and were never used, or never decided about. Returns how many.
///
/// None of them has a consent or a token: either would have marked it as used.
pub fn remove_unused(tx: &mut Tx<'_>, env: Env<'_>) -> Result<usize> {
    let rules = &env.policy.registration;
    // Where an operator had a part in it, by a token or an approval, a client may be made ready long before its use.
    let unused_after = if rules.mode == Mode::Open { rules.unused_after } else { UNDECIDED };
    let removed: Vec<(String,)> = tx.all(
        "DELETE FROM clients WHERE id IN (SELECT id FROM clients WHERE origin = 'self' AND last_used_at IS NULL \
         AND created_at <= ?1 AND (status = 'active' OR created_at <= ?2) ORDER BY created_at LIMIT ?3) RETURNING id",
        params![env.now() - unused_after, env.now() - UNDECIDED, STEP],
    )?;
    if removed.is_empty() {
        return Ok(0);
    }
    let ids: Vec<String> = removed.into_iter().map(|(id,)| id).collect();
    for id in &ids {
        tx.execute("DELETE FROM client_secrets WHERE client_id = ?1", params![id])?;
    }
    Event::info("CLIENTS_EXPIRED", "Unused client registrations removed")
        .with(serde_json::json!({"count": ids.len(), "client_ids": ids}))
        .write(tx, env.origin, env.ctx)?;
    Ok(ids.len())
}
