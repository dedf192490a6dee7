//! How a client proves that it is who it says (RFC 6749 2.3).

use super::secret::{self, Stored};
use super::{Client, ClientStatus, by_id};
use crate::credentials::Credentials;
use crate::db::{Mark, Tx};
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

/// An active client as it was read, with the secrets that it had.
pub struct Known {
    /// The client.
    pub client: Client,
    secrets: Vec<Stored>,
}

impl Known {
    /// Reads it; an unknown or inactive one is refused like one that proves nothing.
    pub fn read(tx: &mut Tx<'_>, id: &str, now: i64) -> Result<Self> {
        let client =
            by_id(tx, id)?.filter(|client| client.status == ClientStatus::Active).ok_or_else(failed)?;
        let secrets = if client.is_public() { Vec::new() } else { secret::stored(tx, &client, now)? };
        Ok(Self { client, secrets })
    }

    /// Authenticates it (deviations D3, D12): a confidential one by its secret, a public one by its name alone.
    pub fn proven(
        &self,
        credentials: &Credentials,
        proof: Proof,
        policy: &Policy,
        now: i64,
    ) -> Result<&Client> {
        let client = &self.client;
        match (&credentials.secret, client.is_public()) {
            (None, true) => Ok(client),
            (None, false) if proof == Proof::UnlessSecretless && is_secretless(client, policy) => Ok(client),
            (Some(secret), false) if secret::is_among(&self.secrets, secret, now) => Ok(client),
            _ => Err(failed()),
        }
    }

    /// What it depends on.
    pub fn rows(&self) -> Vec<Mark> {
        vec![Mark::of("clients", &self.client.id), Mark::of("client_secrets", &self.client.id)]
    }
}

/// Reads and authenticates a client.
pub fn authenticate(
    tx: &mut Tx<'_>,
    credentials: &Credentials,
    proof: Proof,
    policy: &Policy,
    now: i64,
) -> Result<Client> {
    let known = Known::read(tx, &credentials.client_id, now)?;
    known.proven(credentials, proof, policy, now)?;
    Ok(known.client)
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
    env.note_compat(tx, "COMPAT_SECRETLESS_CLIENTS", &client.id)
}

/// One refusal for every reason, so that nothing is learnt from it.
fn failed() -> Error {
    Error::refused(Code::InvalidClient, "Client authentication failed")
}

#[cfg(test)]
mod tests {
    use super::super::{ClientSpec, ClientType, Grant, create, rotate_secret, set_status};
    use super::*;
    use crate::policy::Compat;
    use crate::secret::Secret;
    use crate::testing::{Database, NOW, policy};

    fn made(database: &Database, client_type: ClientType) -> (Client, Option<Secret>) {
        let spec =
            ClientSpec { name: "N".into(), grants: vec![Grant::Device], ..ClientSpec::new(client_type) };
        database.write(|tx, origin, ctx| create(tx, spec, "admin", &policy(), origin, ctx)).unwrap()
    }

    fn proves(database: &Database, id: &str, secret: Option<&str>, proof: Proof, policy: &Policy) -> bool {
        let credentials = Credentials { client_id: id.into(), secret: secret.map(Secret::new), basic: true };
        match database.write(|tx, _, _| authenticate(tx, &credentials, proof, policy, NOW)) {
            Ok(client) => client.id == id,
            Err(error) => {
                assert_eq!(error, failed(), "one refusal for every reason");
                false
            }
        }
    }

    #[test]
    fn d3_a_confidential_client_shows_its_secret() {
        let database = Database::new();
        let (client, secret) = made(&database, ClientType::Confidential);
        let secret = secret.unwrap();
        let proves = |secret| proves(&database, &client.id, secret, Proof::Always, &policy());
        assert!(proves(Some(secret.expose())));
        let (upper, hash) = (secret.expose().to_uppercase(), secret.sha256());
        for wrong in ["x", &secret.expose()[1..], &upper, &hash] {
            assert!(!proves(Some(wrong)), "{wrong}");
        }
        assert!(!proves(None));
    }

    #[test]
    fn d3_a_public_client_has_no_secret_to_show() {
        let database = Database::new();
        let (client, secret) = made(&database, ClientType::Public);
        assert!(secret.is_none());
        assert!(proves(&database, &client.id, None, Proof::Always, &policy()));
        assert!(!proves(&database, &client.id, Some("x"), Proof::Always, &policy()));
    }

    #[test]
    fn unknown_and_inactive_clients_fail_alike() {
        let database = Database::new();
        let (client, secret) = made(&database, ClientType::Confidential);
        let secret = secret.unwrap();
        for id in ["", "nobody", &"x".repeat(10_000)] {
            assert!(!proves(&database, id, Some(secret.expose()), Proof::Always, &policy()));
        }
        let off = |tx: &mut Tx<'_>, origin: &_, ctx: &_| {
            set_status(tx, &client, ClientStatus::Inactive, origin, ctx)
        };
        database.write(off).unwrap();
        assert!(!proves(&database, &client.id, Some(secret.expose()), Proof::Always, &policy()));
    }

    #[test]
    fn a_rotated_secret_is_void() {
        let database = Database::new();
        let (client, old) = made(&database, ClientType::Confidential);
        let new = database.write(|tx, origin, ctx| rotate_secret(tx, &client, 0, origin, ctx)).unwrap();
        let proves =
            |secret: &Secret| proves(&database, &client.id, Some(secret.expose()), Proof::Always, &policy());
        assert!(proves(&new) && !proves(&old.unwrap()));
    }

    #[test]
    fn d3_secretless_is_for_whom_it_was_switched_on_and_never_a_wrong_secret() {
        let database = Database::new();
        let (client, secret) = made(&database, ClientType::Confidential);
        let compat = Policy { compat: Compat { secretless_clients: true, ..Compat::default() }, ..policy() };
        let without = |proof, policy: &Policy| proves(&database, &client.id, None, proof, policy);
        assert!(!without(Proof::UnlessSecretless, &compat), "it was not imported");
        let sql = "UPDATE clients SET origin = 'import'";
        database.write(|tx, _, _| tx.execute(sql, &[])).unwrap();
        assert!(without(Proof::UnlessSecretless, &compat));
        assert!(!without(Proof::Always, &compat) && !without(Proof::UnlessSecretless, &policy()));
        let sql = "UPDATE clients SET origin = 'admin', secretless = 1";
        database.write(|tx, _, _| tx.execute(sql, &[])).unwrap();
        assert!(without(Proof::UnlessSecretless, &policy()));
        assert!(!proves(&database, &client.id, Some("wrong"), Proof::UnlessSecretless, &policy()));
        assert!(proves(&database, &client.id, Some(secret.unwrap().expose()), Proof::Always, &policy()));
    }
}
