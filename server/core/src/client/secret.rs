//! Client secrets: random and long, so a plain SHA-256 of each is stored. Imported ones are bcrypt until their first use.

use super::{Client, ClientStatus, by_id};
use crate::audit::{Event, Origin};
use crate::context::Context;
use crate::db::{Tx, params};
use crate::error::{Code, Error, Result};
use crate::imported;
use crate::secret::{Secret, same};

/// Longest that an old secret goes on beside the new one, in seconds: 30 days, time to tell every deployment.
pub const MAX_KEPT: i64 = 30 * 86_400;

/// A new secret; the caller shows it this once.
pub(super) fn add(tx: &mut Tx<'_>, client_id: &str, ctx: &Context) -> Result<Secret> {
    let secret = Secret::new(format!("ago_{}", base32(&ctx.bytes::<32>())));
    store(tx, client_id, &secret.sha256(), ctx)?;
    Ok(secret)
}

/// Stores the hash of a secret that is known elsewhere.
pub(super) fn store(tx: &mut Tx<'_>, client_id: &str, hash: &str, ctx: &Context) -> Result<()> {
    let sql = "INSERT INTO client_secrets (id, client_id, hash, created_at) VALUES (?1, ?2, ?3, ?4)";
    tx.execute(sql, params![ctx.id().to_string(), client_id, hash, ctx.now()]).map(drop)
}

/// Lower-case base32 without padding (RFC 4648 6), as the contract's client secrets are written.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let (mut text, mut buffer, mut bits) = (String::new(), 0u32, 0);
    for byte in bytes {
        buffer = buffer << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[(buffer >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[(buffer << (5 - bits) & 31) as usize]));
    }
    text
}

/// When a secret was made and when it ends.
#[derive(Clone, Copy, Debug)]
pub struct Lifespan {
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds; none means when it is replaced.
    pub expires_at: Option<i64>,
}

/// The secrets that a client has now, oldest first.
pub fn live(tx: &mut Tx<'_>, client: &Client, now: i64) -> Result<Vec<Lifespan>> {
    let rows: Vec<(i64, Option<i64>)> = tx.all(
        "SELECT created_at, expires_at FROM client_secrets \
         WHERE client_id = ?1 AND (expires_at IS NULL OR expires_at > ?2) ORDER BY id",
        params![&client.id, now],
    )?;
    Ok(rows.into_iter().map(|(created_at, expires_at)| Lifespan { created_at, expires_at }).collect())
}

/// Replaces a client's secrets by a new one, which is returned this once. The newest old one goes on for `keep_old`
/// seconds, if that is not 0; every other ends now, so that at most two are live.
pub fn rotate(
    tx: &mut Tx<'_>,
    client: &Client,
    keep_old: i64,
    origin: &Origin,
    ctx: &Context,
) -> Result<Secret> {
    if client.is_public() {
        return Err(Error::refused(Code::InvalidRequest, "a public client has no secret"));
    }
    if !(0..=MAX_KEPT).contains(&keep_old) {
        return Err(Error::refused(Code::InvalidRequest, "an old secret is kept for at most 30 days"));
    }
    let until = ctx.now() + keep_old;
    tx.execute(
        "DELETE FROM client_secrets WHERE client_id = ?1 AND (?2 <= ?3 OR expires_at <= ?3 OR id <> \
         (SELECT MAX(id) FROM client_secrets WHERE client_id = ?1))",
        params![&client.id, until, ctx.now()],
    )?;
    // A secret that was to end sooner still does.
    tx.execute(
        "UPDATE client_secrets SET expires_at = ?2 WHERE client_id = ?1 AND (expires_at IS NULL OR expires_at > ?2)",
        params![&client.id, until],
    )?;
    let secret = add(tx, &client.id, ctx)?;
    Event::warning("CLIENT_SECRET_REGENERATED", "OAuth client secret regenerated")
        .on("CLIENT", &client.id)
        .with(serde_json::json!({"client_name": client.name, "old_secret_until": (keep_old > 0).then_some(until)}))
        .write(tx, origin, ctx)?;
    Ok(secret)
}

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
    pub fn of(tx: &mut Tx<'_>, client_id: &str, secret: &Secret, now: i64) -> Result<Option<Self>> {
        let Some(client) = by_id(tx, client_id)?.filter(|client| client.status == ClientStatus::Active)
        else {
            return Ok(None);
        };
        if is_known(tx, &client, secret, now)? {
            return Ok(Some(Self::Over));
        }
        let rows: Vec<(String, String)> = tx.all(
            "SELECT id, hash FROM client_secrets WHERE client_id = ?1 AND (expires_at IS NULL OR expires_at > ?2)",
            params![&client.id, now],
        )?;
        let found = rows.into_iter().find(|(_, hash)| imported::is_bcrypt(hash));
        Ok(found.map(|(id, hash)| Self::Pending(Imported { id, client_id: client.id, hash })))
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

/// True if the client has this secret now; every stored one is compared, in constant time.
pub(crate) fn is_known(tx: &mut Tx<'_>, client: &Client, secret: &Secret, now: i64) -> Result<bool> {
    let sent = secret.sha256();
    let stored: Vec<(String,)> = tx.all(
        "SELECT hash FROM client_secrets WHERE client_id = ?1 AND (expires_at IS NULL OR expires_at > ?2)",
        params![&client.id, now],
    )?;
    Ok(stored.iter().fold(false, |found, (hash,)| found | same(hash.as_bytes(), sent.as_bytes())))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;

    use super::super::{ClientSpec, ClientType, Grant, create, import, set_status};
    use super::*;
    use crate::context::{ManualClock, SystemRandom};
    use crate::testing::{Database, NOW, policy};

    const DAY: i64 = 86_400;

    #[test]
    fn at_most_two_secrets_are_live_and_the_old_one_ends() {
        let database = Database::new();
        let spec = spec(ClientType::Confidential);
        let (client, first) =
            database.write(|tx, origin, ctx| create(tx, spec, "admin", &policy(), origin, ctx)).unwrap();
        let first = first.unwrap();
        // Ids order the secrets, and grow with the milliseconds.
        let later = Cell::new(0);
        let rotate = |keep| {
            later.set(later.get() + 1);
            let ctx = Context::new(&ManualClock::at(NOW * 1000 + later.get()), Arc::new(SystemRandom));
            database.write(|tx, origin, _| super::rotate(tx, &client, keep, origin, &ctx)).unwrap()
        };
        let known =
            |secret: &Secret, now| database.write(|tx, _, _| is_known(tx, &client, secret, now)).unwrap();
        let spans = |now| {
            let live = database.write(|tx, _, _| live(tx, &client, now)).unwrap();
            live.iter().map(|span| span.expires_at).collect::<Vec<_>>()
        };
        let second = rotate(DAY);
        assert!(known(&first, NOW + DAY - 1) && known(&second, NOW + DAY - 1));
        assert!(!known(&first, NOW + DAY) && known(&second, NOW + DAY));
        assert_eq!((spans(NOW), spans(NOW + DAY)), (vec![Some(NOW + DAY), None], vec![None]));
        let third = rotate(MAX_KEPT);
        assert!(
            !known(&first, NOW) && known(&second, NOW) && known(&third, NOW),
            "the third ends the oldest"
        );
        assert_eq!(spans(NOW), [Some(NOW + MAX_KEPT), None]);
        let fourth = rotate(0);
        assert!(!known(&second, NOW) && !known(&third, NOW) && known(&fourth, NOW));
        for keep in [-1, MAX_KEPT + 1] {
            let refused = database.write(|tx, origin, ctx| super::rotate(tx, &client, keep, origin, ctx));
            assert!(refused.unwrap_err().to_string().contains("at most 30 days"));
        }
    }

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
            |keep| database.write(|tx, origin, ctx| super::rotate(tx, &client, keep, origin, ctx)).unwrap();
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
        database.write(|tx, origin, ctx| super::rotate(tx, &client, 0, origin, ctx)).unwrap();
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
        assert!(database.write(|tx, _, _| super::super::all(tx)).unwrap().is_empty());
    }

    #[test]
    fn rfc4648_10_base32_in_lower_case_without_padding() {
        for (plain, coded) in [
            ("", ""),
            ("f", "my"),
            ("fo", "mzxq"),
            ("foo", "mzxw6"),
            ("foob", "mzxw6yq"),
            ("fooba", "mzxw6ytb"),
            ("foobar", "mzxw6ytboi"),
        ] {
            assert_eq!(base32(plain.as_bytes()), coded);
        }
        assert_eq!(base32(&[0xff; 32]).len(), 52);
    }
}
