//! What a client does to its own registration (RFC 7592).

use std::collections::BTreeSet;

use super::wanted::Wanted;
use super::{APPROVED, Metadata, Mode, SELF, as_metadata, invalid, reread};
use crate::client::{self, Client, ClientStatus};
use crate::db::{Tx, params};
use crate::env::Env;
use crate::error::{Code, Error, Result};
use crate::secret::{Secret, same};

/// The client of a registration access token. A wrong token and an unknown client get the same refusal (RFC 7592 2.1).
pub fn authenticate(tx: &mut Tx<'_>, client_id: &str, token: &Secret) -> Result<Client> {
    let sent = token.sha256();
    let is_its = |client: &Client| {
        let stored = client.registration_token_hash.as_deref();
        stored.is_some_and(|stored| same(stored.as_bytes(), sent.as_bytes()))
    };
    client::by_id(tx, client_id)?
        .filter(is_its)
        .ok_or_else(|| Error::refused(Code::InvalidToken, "The registration access token is invalid"))
}

/// Replaces a client's metadata (RFC 7592 2.2); secret and registration access token stay.
///
/// What an admin approved is approved again when it changes (deviation D25): until then the client is pending, and what
/// was issued to it has ended.
pub fn update(tx: &mut Tx<'_>, env: Env<'_>, client: &Client, metadata: Metadata) -> Result<Client> {
    check(tx, env, client, &metadata)?;
    let Wanted { spec, rest } = Wanted::read(metadata, env.policy, Some(client))?;
    client::update(tx, client, spec, env.policy, env.origin, env.ctx).map_err(as_metadata)?;
    rest.store(tx, &client.id)?;
    let changed = reread(tx, &client.id)?;
    let needs_approval =
        client.origin == APPROVED || env.policy.registration.mode == Mode::Approval || is_privileged(client);
    if needs_approval && matters(client, &changed) {
        tx.execute("UPDATE clients SET origin = ?2 WHERE id = ?1", params![&client.id, SELF])?;
        if client.status == ClientStatus::Active {
            client::set_status(tx, &changed, ClientStatus::Pending, env.origin, env.ctx)?;
        }
    }
    reread(tx, &client.id)
}

/// RFC 7592 2.2: the request names the client, its secret only if it is the current one, and nothing that only this
/// server sets.
fn check(tx: &mut Tx<'_>, env: Env<'_>, client: &Client, metadata: &Metadata) -> Result<()> {
    if let Some(member) = metadata.read_only() {
        return Err(invalid(format!("{member} is not a client's to change: leave it out")));
    }
    if metadata.client_id.as_deref() != Some(client.id.as_str()) {
        return Err(invalid("client_id must be there and be the client's own"));
    }
    let Some(secret) = metadata.client_secret.as_deref().map(Secret::new) else { return Ok(()) };
    if client.is_public() || !client::has_secret(tx, client, &secret, env.now())? {
        return Err(invalid("client_secret is not the client's; it cannot be chosen"));
    }
    Ok(())
}

/// True if an admin gave it more than any client may have by registering: that was for what it was then.
fn is_privileged(client: &Client) -> bool {
    client.skip_consent
        || client.secretless
        || client.userinfo_any_audience
        || !client.resources.0.is_empty()
        || !client.audiences.0.is_empty()
        || !client.extra_claims.0.is_empty()
}

/// True if something changed that an approval is about: where it leads, what it may do, what people read.
fn matters(before: &Client, after: &Client) -> bool {
    let set = |uris: &[String]| uris.iter().cloned().collect::<BTreeSet<_>>();
    let same_scopes = before.scopes.within(&after.scopes) && after.scopes.within(&before.scopes);
    !same_scopes
        || before.name != after.name
        || before.grants != after.grants
        || before.application_type != after.application_type
        || set(&before.redirect_uris.0) != set(&after.redirect_uris.0)
        || set(&before.post_logout_redirect_uris.0) != set(&after.post_logout_redirect_uris.0)
        || before.backchannel_logout_uri != after.backchannel_logout_uri
}
