//! What a database that was put back must not bring to life again.
//!
//! It does not know what happened after the backup was made: which tokens were revoked, who signed out, which codes were
//! used. A refresh token that was superseded since then is the newest one to it, so whoever kept a copy could use it.

use crate::audit::Event;
use crate::db::Tx;
use crate::env::Env;
use crate::error::Result;
use crate::keys::{self, KeyState, rotation};
use crate::recovery;

/// What [`settle`] ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Browser sessions.
    pub sessions: usize,
    /// Grants that could be refreshed or have access tokens.
    pub grants: usize,
    /// Access tokens.
    pub tokens: usize,
}

/// Ends what was under way and, unless `keep_grants`, every session, grant and token. Whoever restores does it before
/// the first server opens the database.
pub fn settle(tx: &mut Tx<'_>, env: Env<'_>, keep_grants: bool) -> Result<Ended> {
    // A code that was used after the backup would be good for a second time.
    for unfinished in [
        "DELETE FROM interactions",
        "DELETE FROM authorization_codes WHERE used_at IS NULL",
        "DELETE FROM device_codes WHERE used_at IS NULL",
    ] {
        tx.execute(unfinished, &[])?;
    }
    // The time since the backup is no crash that gives retries their window back.
    recovery::stopped(tx, env.now())?;
    let ended = if keep_grants { Ended::default() } else { end_all(tx)? };
    Event::warning("DATABASE_RESTORED", "Database restored from a backup")
        .with(serde_json::json!({
            "kept_grants": keep_grants, "sessions": ended.sessions, "grants": ended.grants, "tokens": ended.tokens,
        }))
        .write(tx, env.origin, env.ctx)?;
    Ok(ended)
}

fn end_all(tx: &mut Tx<'_>) -> Result<Ended> {
    Ok(Ended {
        sessions: tx.execute("UPDATE sessions SET status = 'ended' WHERE status = 'active'", &[])?,
        // Families before tokens, as every revoker does.
        grants: tx.execute(
            "UPDATE families SET state = 'revoked', why = 'restore' WHERE state <> 'revoked'",
            &[],
        )?,
        tokens: tx.execute("UPDATE tokens SET status = 'revoked' WHERE status <> 'revoked'", &[])?,
    })
}

/// Names of the keys that were ended as compromised.
pub fn compromised(tx: &mut Tx<'_>) -> Result<Vec<String>> {
    let revoked = keys::stored(tx)?.into_iter().filter(|key| key.state == KeyState::Revoked);
    Ok(revoked.map(|key| key.kid).collect())
}

/// Ends those of `kids` that the backup still believes in. Returns them.
pub fn end_compromised(tx: &mut Tx<'_>, env: Env<'_>, kids: Vec<String>) -> Result<Vec<String>> {
    let held: Vec<_> = keys::stored(tx)?.into_iter().filter(keys::StoredKey::is_held).collect();
    let back: Vec<_> = kids.into_iter().filter(|kid| held.iter().any(|key| key.kid == *kid)).collect();
    for kid in &back {
        rotation::revoke(tx, env, kid)?;
    }
    Ok(back)
}
