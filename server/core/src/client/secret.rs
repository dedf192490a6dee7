//! Client secrets: random and long, so a plain SHA-256 of each is stored. Imported ones are bcrypt until their first use.

use super::Client;
use crate::audit::{Event, Origin};
use crate::context::Context;
use crate::db::{Tx, params};
use crate::error::{Code, Error, Result};
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

/// A secret as it is stored.
pub(super) struct Stored {
    pub id: String,
    pub hash: String,
    lifespan: Lifespan,
}

/// When a secret was made and when it ends.
#[derive(Clone, Copy, Debug)]
pub struct Lifespan {
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds; none means when it is replaced.
    pub expires_at: Option<i64>,
}

/// What a client has now, oldest first.
pub(super) fn stored(tx: &mut Tx<'_>, client: &Client, now: i64) -> Result<Vec<Stored>> {
    let rows: Vec<(String, String, i64, Option<i64>)> = tx.all(
        "SELECT id, hash, created_at, expires_at FROM client_secrets \
         WHERE client_id = ?1 AND (expires_at IS NULL OR expires_at > ?2) ORDER BY id",
        params![&client.id, now],
    )?;
    let one = |(id, hash, created_at, expires_at)| Stored {
        id,
        hash,
        lifespan: Lifespan { created_at, expires_at },
    };
    Ok(rows.into_iter().map(one).collect())
}

/// When the secrets that a client has now were made and end, oldest first.
pub fn live(tx: &mut Tx<'_>, client: &Client, now: i64) -> Result<Vec<Lifespan>> {
    Ok(stored(tx, client, now)?.into_iter().map(|secret| secret.lifespan).collect())
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
        .called(&client.name)
        .with(serde_json::json!({"client_name": client.name, "old_secret_until": (keep_old > 0).then_some(until)}))
        .write(tx, origin, ctx)?;
    Ok(secret)
}

/// True if the client has this secret now.
pub(crate) fn is_known(tx: &mut Tx<'_>, client: &Client, secret: &Secret, now: i64) -> Result<bool> {
    Ok(is_among(&stored(tx, client, now)?, secret, now))
}

/// True if this secret is one of them and has not ended; every one is compared, in constant time.
pub(super) fn is_among(stored: &[Stored], secret: &Secret, now: i64) -> bool {
    let sent = secret.sha256();
    let live = stored.iter().filter(|known| known.lifespan.expires_at.is_none_or(|end| end > now));
    live.fold(false, |found, known| found | same(known.hash.as_bytes(), sent.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;

    use super::super::{ClientSpec, ClientType, Grant, create};
    use super::*;
    use crate::context::{ManualClock, SystemRandom};
    use crate::testing::{Database, NOW, policy};

    const DAY: i64 = 86_400;

    #[test]
    fn at_most_two_secrets_are_live_and_the_old_one_ends() {
        let database = Database::new();
        let spec = ClientSpec {
            name: "N".into(),
            grants: vec![Grant::Device],
            ..ClientSpec::new(ClientType::Confidential)
        };
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
