//! Codes of both kinds: 32 bytes in hexadecimal, the first half names the row, the whole is stored hashed. And the row of an
//! authorization code.

use crate::db::{Json, Tx, params, row};
use crate::env::Env;
use crate::error::Result;
use crate::resource::Resources;
use crate::scope::Scope;
use crate::secret::{Secret, hex, same};

row! {
    /// An authorization code and what was decided with it.
    pub struct AuthorizationCode in "authorization_codes" {
        /// The first half of the code, which grows with time.
        id: String,
        /// SHA-256 of the code.
        hash: String,
        /// The only client that may redeem it.
        client_id: String,
        /// For whom.
        user_id: String,
        /// The consent it rests on.
        consent_id: String,
        /// The browser session, if its tokens end with it.
        session_id: Option<String>,
        /// The session's name at the client.
        sid: Option<String>,
        /// As it was sent to the authorization endpoint.
        redirect_uri: String,
        /// What was granted.
        scope: Scope,
        /// Which resources were granted.
        resources: Json<Resources>,
        /// Individually requested claims, as JSON.
        claims: String,
        /// The S256 challenge.
        code_challenge: Option<String>,
        /// For the ID token.
        nonce: Option<String>,
        /// Unix seconds of the login.
        auth_time: i64,
        /// How the person was authenticated.
        acr: String,
        /// By what means.
        amr: Json<Vec<String>>,
        /// The user's epoch at the decision.
        user_epoch: i64,
        /// The client's epoch at the decision.
        client_epoch: i64,
        /// The consent's epoch at the decision.
        consent_epoch: i64,
        /// Unix seconds.
        created_at: i64,
        /// Unix seconds.
        expires_at: i64,
        /// Unix seconds of the redemption.
        used_at: Option<i64>,
        /// What it was redeemed for.
        family_id: Option<String>,
        /// Unix seconds until which the row shows a replay.
        keep_until: i64,
    }
}

/// Hexadecimal digits of a code, and of the part that names its row.
const LENGTH: usize = 64;
const ID_LENGTH: usize = 32;

/// A new code: its row id and its text. The half that is stored nowhere has 128 random bits, the whole more than 160
/// (RFC 6749 10.10, OAuth 2.1 7.7).
pub fn generate(env: Env<'_>) -> (String, Secret) {
    let id = env.ctx.id().simple().to_string();
    let text = format!("{id}{}", hex(&env.ctx.bytes::<16>()));
    (id, Secret::new(text))
}

/// The row id that a code names; `None` for a text that is no code.
pub fn row_id(code: &Secret) -> Option<&str> {
    code.expose().get(..ID_LENGTH).filter(|_| code.expose().len() == LENGTH)
}

/// The row of a code, used or not; `None` for every other text.
pub fn find(tx: &mut Tx<'_>, code: &Secret) -> Result<Option<AuthorizationCode>> {
    let Some(id) = row_id(code) else { return Ok(None) };
    let found: Option<AuthorizationCode> = tx.one(
        &format!("SELECT {} FROM authorization_codes WHERE id = ?1", AuthorizationCode::COLUMNS),
        params![id],
    )?;
    Ok(found.filter(|row| same(row.hash.as_bytes(), code.sha256().as_bytes())))
}

/// Redeems a code. False if it was redeemed before, whoever was faster.
pub fn redeem(tx: &mut Tx<'_>, id: &str, family: (&str, i64), now: i64) -> Result<bool> {
    let (family_id, keep_until) = family;
    let changed = tx.execute(
        "UPDATE authorization_codes SET used_at = ?2, family_id = ?3, keep_until = ?4 \
         WHERE id = ?1 AND used_at IS NULL AND expires_at > ?2",
        params![id, now, family_id, keep_until],
    )?;
    Ok(changed == 1)
}
