//! How a client proves that it is who it says (RFC 6749 2.3).

use super::{Client, ClientStatus, by_id, secret};
use crate::audit;
use crate::credentials::Credentials;
use crate::db::Tx;
use crate::env::Env;
use crate::error::{Code, Error, Result};
use crate::policy::Policy;

/// What a client must prove at an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Its secret, if it is confidential (RFC 6749 3.2.1).
    Always,
    /// Its secret, unless the compatibility switch lets it go without.
    UnlessSecretless,
}

/// Authenticates a client (deviations D3, D12): confidential ones by their secret, public ones by their name alone.
pub fn authenticate(
    tx: &mut Tx<'_>,
    credentials: &Credentials,
    proof: Proof,
    policy: &Policy,
    now: i64,
) -> Result<Client> {
    let client = by_id(tx, &credentials.client_id)?.filter(|client| client.status == ClientStatus::Active);
    let client = client.ok_or_else(failed)?;
    match (&credentials.secret, client.is_public()) {
        (None, true) => Ok(client),
        (None, false) if proof == Proof::UnlessSecretless && is_secretless(&client, policy) => Ok(client),
        (Some(secret), false) if secret::is_known(tx, &client, secret, now)? => Ok(client),
        _ => Err(failed()),
    }
}

/// True if the compatibility switch lets this client go without its secret.
pub fn is_secretless(client: &Client, policy: &Policy) -> bool {
    client.secretless || policy.compat.secretless_clients && client.origin == "import"
}

/// Notes in the audit log that a confidential client went without its secret.
pub fn note_secretless(
    tx: &mut Tx<'_>,
    env: Env<'_>,
    client: &Client,
    credentials: &Credentials,
) -> Result<()> {
    if client.is_public() || credentials.secret.is_some() {
        return Ok(());
    }
    audit::compat_used(tx, env, "COMPAT_SECRETLESS_CLIENTS", &client.id)
}

/// One refusal for every reason, so that nothing is learnt from it.
fn failed() -> Error {
    Error::refused(Code::InvalidClient, "Client authentication failed")
}
