//! Client secrets: random and long, so a plain SHA-256 of each is stored.

use super::Client;
use crate::audit::{Event, Origin};
use crate::context::Context;
use crate::db::{Tx, params};
use crate::error::{Code, Error, Result};
use crate::secret::{Secret, same};

/// A new secret; the caller shows it this once.
pub(super) fn add(tx: &mut Tx<'_>, client_id: &str, ctx: &Context) -> Result<Secret> {
    let secret = Secret::new(format!("ago_{}", base32(&ctx.bytes::<32>())));
    tx.execute(
        "INSERT INTO client_secrets (id, client_id, hash, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![ctx.id().to_string(), client_id, secret.sha256(), ctx.now()],
    )?;
    Ok(secret)
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

/// Replaces a client's secrets by a new one, which is returned this once.
pub fn rotate(tx: &mut Tx<'_>, client: &Client, origin: &Origin, ctx: &Context) -> Result<Secret> {
    if client.is_public() {
        return Err(Error::refused(Code::InvalidRequest, "a public client has no secret"));
    }
    tx.execute("DELETE FROM client_secrets WHERE client_id = ?1", params![&client.id])?;
    let secret = add(tx, &client.id, ctx)?;
    Event::warning("CLIENT_SECRET_REGENERATED", "OAuth client secret regenerated")
        .on("CLIENT", &client.id)
        .write(tx, origin, ctx)?;
    Ok(secret)
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
    use super::*;

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
