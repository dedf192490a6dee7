//! What clients are told by the back channel: a notice is a row until it was delivered.

use serde_json::{Map, Value, json};

use crate::audit::Event;
use crate::client::Client;
use crate::context::Context;
use crate::db::{Tx, params, row};
use crate::env::Env;
use crate::error::Result;
use crate::jwt;
use crate::keys::Algorithm;

/// Seconds until the next attempt, by how many there were.
const BACKOFF: [i64; 6] = [5, 30, 120, 600, 1800, 3600];
/// Seconds after which a client that never answered is given up.
const GIVE_UP: i64 = 86_400;
/// Seconds that a logout token holds: at most two minutes (Back-Channel Logout 2.4).
const LIFETIME: i64 = 120;

row! {
    /// A session that ended, and a client that wants to know.
    pub struct Notice in "logout_notices" {
        /// UUID version 7.
        id: String,
        /// Who is told.
        client_id: String,
        /// Who signed out.
        user_id: String,
        /// The session's name at this client.
        sid: Option<String>,
        /// How often it was tried.
        attempts: i64,
        /// Unix seconds of the next attempt.
        next_at: i64,
        /// Unix seconds.
        created_at: i64,
    }
}

/// Queues a notice for each client that this session was used at and that wants one, in the transaction that ends it.
pub fn queue(tx: &mut Tx<'_>, session_id: &str, user_id: &str, ctx: &Context) -> Result<()> {
    let clients: Vec<(String, String)> = tx.all(
        "SELECT s.client_id, s.sid FROM session_clients s JOIN clients c ON c.id = s.client_id \
         WHERE s.session_id = ?1 AND c.backchannel_logout_uri IS NOT NULL AND c.status = 'active'",
        params![session_id],
    )?;
    for (client_id, sid) in clients {
        let notice = Notice {
            id: ctx.id().to_string(),
            client_id,
            user_id: user_id.to_owned(),
            sid: Some(sid),
            attempts: 0,
            next_at: ctx.now(),
            created_at: ctx.now(),
        };
        notice.insert(tx)?;
    }
    Ok(())
}

/// True if a notice is due.
pub fn is_due(tx: &mut Tx<'_>, now: i64) -> Result<bool> {
    let found: Option<(String,)> =
        tx.one("SELECT id FROM logout_notices WHERE next_at <= ?1 LIMIT 1", params![now])?;
    Ok(found.is_some())
}

/// Takes up to `most` notices that are due and books their next attempt, so that no other server sends them meanwhile.
/// Those whose client is gone, or wants none any more, are removed.
pub fn claim(tx: &mut Tx<'_>, most: i64, now: i64) -> Result<Vec<(Notice, Client)>> {
    let due: Vec<Notice> = tx.all(
        &format!(
            "SELECT {} FROM logout_notices WHERE next_at <= ?1 ORDER BY next_at, id LIMIT ?2",
            Notice::COLUMNS
        ),
        params![now, most],
    )?;
    let mut claimed = Vec::new();
    for notice in due {
        let at = usize::try_from(notice.attempts).unwrap_or(usize::MAX).min(BACKOFF.len() - 1);
        let ours = tx.execute(
            "UPDATE logout_notices SET attempts = attempts + 1, next_at = ?3 WHERE id = ?1 AND attempts = ?2",
            params![&notice.id, notice.attempts, now + BACKOFF[at]],
        )?;
        let client = crate::client::by_id(tx, &notice.client_id)?;
        match client.filter(|client| client.backchannel_logout_uri.is_some()) {
            Some(client) if ours == 1 => claimed.push((notice, client)),
            Some(_) => {}
            None => delivered(tx, &notice)?,
        }
    }
    Ok(claimed)
}

/// A notice that its client took.
pub fn delivered(tx: &mut Tx<'_>, notice: &Notice) -> Result<()> {
    tx.execute("DELETE FROM logout_notices WHERE id = ?1", params![&notice.id]).map(drop)
}

/// A notice that its client did not take: it is tried again, or given up after a day.
pub fn failed(tx: &mut Tx<'_>, env: Env<'_>, notice: &Notice) -> Result<()> {
    if env.now() < notice.created_at + GIVE_UP {
        return Ok(());
    }
    delivered(tx, notice)?;
    Event::warning("BACKCHANNEL_LOGOUT_FAILED", "Application could not be told that a person signed out")
        .on("CLIENT", &notice.client_id)
        .with(json!({"client_id": notice.client_id, "user_id": notice.user_id, "attempts": notice.attempts + 1}))
        .write(tx, env.origin, env.ctx)
}

/// The logout token (Back-Channel Logout 2.4), signed like the client's ID tokens. Each attempt has one of its own.
pub fn token(env: Env<'_>, client: &Client, notice: &Notice) -> Result<String> {
    let mut claims = Map::new();
    let mut put = |name: &str, value: Value| drop(claims.insert(name.into(), value));
    put("iss", env.policy.issuer.as_str().into());
    put("sub", notice.user_id.as_str().into());
    put("aud", client.id.as_str().into());
    put("iat", env.now().into());
    put("exp", (env.now() + LIFETIME).into());
    put("jti", env.ctx.id().to_string().into());
    put("events", json!({"http://schemas.openid.net/event/backchannel-logout": {}}));
    if let Some(sid) = &notice.sid {
        put("sid", sid.as_str().into());
    }
    jwt::sign(env.keys.id_token(Algorithm::parse(&client.id_token_alg)), "logout+jwt", &claims)
}
