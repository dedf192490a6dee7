//! The first use of a client secret that came from another server as a bcrypt hash. It takes too long for a transaction,
//! so [`authenticate`](super::authenticate) knows such a secret only once its hash has been replaced.

use super::{ClientStatus, by_id, secret};
use crate::audit::{Event, Origin};
use crate::context::Context;
use crate::db::{Tx, params};
use crate::error::Result;
use crate::imported;
use crate::secret::Secret;

/// Why a secret that just failed may be right all the same.
pub enum FirstUse {
    /// Another request used it first, and it is known since.
    Over,
    /// The client has an imported one that nobody used yet.
    Pending(Imported),
}

/// A secret that came with its client as a bcrypt hash.
pub struct Imported {
    id: String,
    client_id: String,
    hash: String,
}

impl FirstUse {
    /// Looks at what an active client may use now. Only one secret can be imported: what is made later is ours.
    pub fn of(tx: &mut Tx<'_>, client_id: &str, sent: &Secret, now: i64) -> Result<Option<Self>> {
        let Some(client) = by_id(tx, client_id)?.filter(|client| client.status == ClientStatus::Active)
        else {
            return Ok(None);
        };
        let stored = secret::stored(tx, &client, now)?;
        if secret::is_among(&stored, sent, now) {
            return Ok(Some(Self::Over));
        }
        let found = stored.into_iter().find(|known| imported::is_bcrypt(&known.hash));
        Ok(found
            .map(|known| Self::Pending(Imported { id: known.id, client_id: client.id, hash: known.hash })))
    }
}

impl Imported {
    /// Compares it with what was sent. Belongs on the password threads.
    pub fn is(&self, secret: &Secret) -> bool {
        imported::verify_bcrypt(secret, &self.hash)
    }

    /// Puts the SHA-256 of the secret that was just verified in the place of the imported hash; when it ends does not
    /// change. Nothing happens if it was replaced or ended meanwhile.
    pub fn upgrade(&self, tx: &mut Tx<'_>, secret: &Secret, origin: &Origin, ctx: &Context) -> Result<()> {
        let changed = tx.execute(
            "UPDATE client_secrets SET hash = ?1 WHERE id = ?2 AND hash = ?3",
            params![secret.sha256(), &self.id, &self.hash],
        )?;
        if changed == 0 {
            return Ok(());
        }
        Event::info("CLIENT_SECRET_UPGRADED", "Imported client secret hash replaced by SHA-256")
            .on("CLIENT", &self.client_id)
            .write(tx, origin, ctx)
    }
}

#[cfg(test)]
mod tests {
    use super::super::secret::is_known;
    use super::super::{Client, ClientSpec, ClientType, Grant, all, import, rotate_secret, set_status};
    use super::*;
    use crate::error::Code;
    use crate::testing::{Database, NOW, policy};

    const DAY: i64 = 86_400;
    /// bcrypt of `U*U`.
    const HASH: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

    fn spec(client_type: ClientType) -> ClientSpec {
        ClientSpec { name: "N".into(), grants: vec![Grant::Device], ..ClientSpec::new(client_type) }
    }

    fn imported(database: &Database) -> Client {
        let spec = spec(ClientType::Confidential);
        database.write(|tx, origin, ctx| import(tx, spec, HASH, &policy(), origin, ctx)).unwrap()
    }

    fn first_use(database: &Database, id: &str, secret: &str, now: i64) -> Option<FirstUse> {
        database.write(|tx, _, _| FirstUse::of(tx, id, &Secret::new(secret), now)).unwrap()
    }

    fn found(database: &Database, id: &str, now: i64) -> Option<Imported> {
        first_use(database, id, "anything", now).map(|found| match found {
            FirstUse::Pending(imported) => imported,
            FirstUse::Over => panic!("nobody has that secret"),
        })
    }

    #[test]
    fn an_imported_secret_is_known_after_its_first_use_only() {
        let database = Database::new();
        let client = imported(&database);
        assert_eq!(client.origin, "import");
        let secret = Secret::new("U*U");
        let known = |secret: &Secret| database.write(|tx, _, _| is_known(tx, &client, secret, NOW)).unwrap();
        assert!(!known(&secret) && !known(&Secret::new(HASH)));
        let row = found(&database, &client.id, NOW).unwrap();
        assert!(row.is(&secret) && !row.is(&Secret::new("U*V")) && !row.is(&Secret::new(HASH)));
        let upgrade =
            |to: &Secret| database.write(|tx, origin, ctx| row.upgrade(tx, to, origin, ctx)).unwrap();
        upgrade(&secret);
        upgrade(&Secret::new("another"));
        assert!(known(&secret) && !known(&Secret::new("another")));
        assert!(found(&database, &client.id, NOW).is_none());
        assert!(
            matches!(first_use(&database, &client.id, "U*U", NOW), Some(FirstUse::Over)),
            "who came second"
        );
        let upgrades = database.events().iter().filter(|kind| *kind == "CLIENT_SECRET_UPGRADED").count();
        assert_eq!(upgrades, 1);
    }

    #[test]
    fn an_imported_secret_ends_like_any_other() {
        let database = Database::new();
        let client = imported(&database);
        let rotate =
            |keep| database.write(|tx, origin, ctx| rotate_secret(tx, &client, keep, origin, ctx)).unwrap();
        let new = rotate(DAY);
        let row = found(&database, &client.id, NOW + DAY - 1).unwrap();
        assert!(found(&database, &client.id, NOW + DAY).is_none());
        let secret = Secret::new("U*U");
        database.write(|tx, origin, ctx| row.upgrade(tx, &secret, origin, ctx)).unwrap();
        let known =
            |secret: &Secret, now| database.write(|tx, _, _| is_known(tx, &client, secret, now)).unwrap();
        assert!(known(&secret, NOW + DAY - 1) && !known(&secret, NOW + DAY) && known(&new, NOW + DAY));
        rotate(0);
        assert!(!known(&secret, NOW));
    }

    #[test]
    fn adv_34_a_secret_that_was_rotated_away_is_not_upgraded() {
        let database = Database::new();
        let client = imported(&database);
        let row = found(&database, &client.id, NOW).unwrap();
        database.write(|tx, origin, ctx| rotate_secret(tx, &client, 0, origin, ctx)).unwrap();
        let secret = Secret::new("U*U");
        database.write(|tx, origin, ctx| row.upgrade(tx, &secret, origin, ctx)).unwrap();
        assert!(!database.write(|tx, _, _| is_known(tx, &client, &secret, NOW)).unwrap());
    }

    #[test]
    fn only_active_clients_have_an_imported_secret() {
        let database = Database::new();
        let client = imported(&database);
        let off = |tx: &mut Tx<'_>, origin: &_, ctx: &_| {
            set_status(tx, &client, ClientStatus::Inactive, origin, ctx)
        };
        database.write(off).unwrap();
        assert!(found(&database, &client.id, NOW).is_none());
        assert!(found(&database, "nobody", NOW).is_none());
    }

    #[test]
    fn what_cannot_be_imported_makes_no_client() {
        let database = Database::new();
        let argon2id = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let sha256 = Secret::new("U*U").sha256();
        for (client_type, hash) in [
            (ClientType::Public, HASH),
            (ClientType::Confidential, argon2id),
            (ClientType::Confidential, &sha256),
            (ClientType::Confidential, &HASH.replace("$05$", "$31$")),
            (ClientType::Confidential, ""),
        ] {
            let spec = spec(client_type);
            let refused =
                database.write(|tx, origin, ctx| import(tx, spec, hash, &policy(), origin, ctx)).unwrap_err();
            assert_eq!(refused.code(), Some(Code::InvalidRequest));
        }
        assert!(database.write(|tx, _, _| all(tx)).unwrap().is_empty());
    }
}
