//! What an admin decides about a client that registered itself (deviation D25).

use super::{APPROVED, SELF};
use crate::audit::Event;
use crate::client::{Client, ClientStatus};
use crate::db::{Tx, params};
use crate::env::Env;
use crate::error::{Code, Error, Result};
use crate::secret::sha256;

/// A short digest of what an approval is about. A client may change itself while it waits.
pub fn digest(client: &Client) -> String {
    let parts = serde_json::json!([
        client.digest(),
        client.scopes.to_string(),
        client.grants.0,
        client.application_type,
        client.post_logout_redirect_uris.0,
        client.backchannel_logout_uri,
    ]);
    sha256(parts.to_string().as_bytes())[..16].to_owned()
}

/// Makes a client usable, and one like those that an admin creates. It may have been usable before, in open mode. `seen`
/// is the [`digest`] of what the admin looked at.
pub fn approve(tx: &mut Tx<'_>, env: Env<'_>, client: &Client, seen: &str) -> Result<()> {
    if seen != digest(client) {
        return Err(Error::refused(
            Code::InvalidRequest,
            "the client is not as it was when you looked, or the digest is mistyped: look again with client show",
        ));
    }
    let changed = tx.execute(
        "UPDATE clients SET status = 'active', origin = ?2, updated_at = ?3 \
         WHERE id = ?1 AND (origin = ?4 OR status = 'pending')",
        params![
            &client.id,
            if client.origin == SELF { APPROVED } else { client.origin.as_str() },
            env.now(),
            SELF
        ],
    )?;
    if changed == 0 {
        return Err(Error::refused(Code::InvalidRequest, "this client waits for no approval"));
    }
    decided(tx, env, client, Event::info("CLIENT_APPROVED", "OAuth client approved"))
}

/// Turns a waiting client down: it stays unusable.
pub fn reject(tx: &mut Tx<'_>, env: Env<'_>, client: &Client) -> Result<()> {
    let changed = tx.execute(
        "UPDATE clients SET status = ?2, epoch = epoch + 1, updated_at = ?3 WHERE id = ?1 AND status = 'pending'",
        params![&client.id, ClientStatus::Inactive, env.now()],
    )?;
    if changed == 0 {
        return Err(Error::refused(Code::InvalidRequest, "this client waits for no approval"));
    }
    decided(tx, env, client, Event::info("CLIENT_REJECTED", "OAuth client rejected"))
}

fn decided<'a>(tx: &mut Tx<'_>, env: Env<'_>, client: &'a Client, event: Event<'a>) -> Result<()> {
    event
        .on("CLIENT", &client.id)
        .called(&client.name)
        .with(serde_json::json!({"client_name": client.name}))
        .write(tx, env.origin, env.ctx)
}
