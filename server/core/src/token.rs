//! Access tokens: one row each, found by `jti`; the row decides, the text only leads to it.

use crate::audit::Event;
use crate::client::Client;
use crate::db::{FromRow, Json, Mark, Row, Tx, params, row, text_enum};
use crate::env::Env;
use crate::error::Result;
use crate::facts::Fact;
use crate::jwt;
use crate::scope::Scope;
use crate::secret::Secret;

text_enum! {
    /// Whether an access token may be live.
    pub enum TokenStatus {
        /// It may.
        Active = "active",
        /// Switched off, can come back.
        Disabled = "disabled",
        /// Over.
        Revoked = "revoked",
    }
}

row! {
    /// An access token.
    pub struct Token in "tokens" {
        /// Its id, UUID version 7.
        jti: String,
        /// The grant it comes from; none for client credentials.
        family_id: Option<String>,
        /// Whose it is.
        client_id: String,
        /// For whom; none for client credentials.
        user_id: Option<String>,
        /// What it allows.
        scope: Scope,
        /// Its `aud` as issued.
        audience: Json<Vec<String>>,
        /// Further claims, as JSON.
        claims: Option<String>,
        /// The client's epoch at issuance.
        client_epoch: i64,
        /// Unix seconds.
        issued_at: i64,
        /// Unix seconds.
        expires_at: i64,
        /// Whether it may be live.
        status: TokenStatus,
    }
}

impl Token {
    /// The user's id, or `client:` and the client's id.
    pub fn subject(&self) -> String {
        self.user_id.clone().unwrap_or_else(|| client_subject(&self.client_id))
    }
}

/// The subject of a token that a client has for itself.
pub fn client_subject(client_id: &str) -> String {
    format!("client:{client_id}")
}

/// A live token, and what it lives by.
#[derive(Clone, Debug)]
pub struct Live {
    /// The row.
    pub token: Token,
    /// The user's name.
    pub username: Option<String>,
    consent_id: Option<String>,
    session_id: Option<String>,
}

impl FromRow for Live {
    fn from_row(row: &mut Row) -> Result<Self> {
        Ok(Self {
            token: Token::from_row(row)?,
            username: row.next("users", "username")?,
            consent_id: row.next("families", "consent_id")?,
            session_id: row.next("families", "session_id")?,
        })
    }
}

impl Live {
    /// The rows that it lives by: while none of them changes, it is live until it expires.
    pub fn rows(&self) -> Vec<Mark> {
        let token = &self.token;
        let optional = [
            ("families", &token.family_id),
            ("users", &token.user_id),
            ("consents", &self.consent_id),
            ("sessions", &self.session_id),
        ];
        let optional = optional.into_iter().filter_map(|(table, id)| Some(Mark::of(table, id.as_deref()?)));
        [Mark::of("tokens", &token.jti), Mark::of("clients", &token.client_id)]
            .into_iter()
            .chain(optional)
            .collect()
    }
}

/// The live token with this `jti`: its row, family, session, user, client and consent are active and all epochs equal.
pub fn live(tx: &mut Tx<'_>, jti: &str, now: i64) -> Result<Option<Live>> {
    const SQL: &str = "SELECT t.jti, t.family_id, t.client_id, t.user_id, t.scope, t.audience, t.claims, \
         t.client_epoch, t.issued_at, t.expires_at, t.status, u.username, f.consent_id, f.session_id FROM tokens t \
         JOIN clients c ON c.id = t.client_id \
         LEFT JOIN families f ON f.id = t.family_id \
         LEFT JOIN users u ON u.id = f.user_id \
         LEFT JOIN consents k ON k.id = f.consent_id \
         LEFT JOIN sessions s ON s.id = f.session_id \
         WHERE t.jti = ?1 AND t.status = 'active' AND t.expires_at > ?2 \
         AND c.status = 'active' AND c.epoch = t.client_epoch \
         AND (t.family_id IS NULL OR (f.state = 'active' AND f.client_epoch = c.epoch \
         AND u.status = 'active' AND u.epoch = f.user_epoch \
         AND k.status = 'active' AND k.epoch = f.consent_epoch \
         AND (f.session_id IS NULL OR s.status = 'active')))";
    tx.one(SQL, params![jti, now])
}

/// The live access token that this text is; a refusal with `invalid_token` for every other text.
pub fn present(tx: &mut Tx<'_>, env: Env<'_>, text: &Secret) -> Result<Live> {
    let jti = jwt::verify_access(text, env.keys, &env.policy.issuer)?;
    live(tx, &jti, env.now())?.ok_or_else(jwt::invalid_token)
}

/// The token with this `jti`, live or not.
pub fn by_jti(tx: &mut Tx<'_>, jti: &str) -> Result<Option<Token>> {
    tx.one(&format!("SELECT {} FROM tokens WHERE jti = ?1", Token::COLUMNS), params![jti])
}

/// Revokes one access token. False if it was not active.
pub fn revoke(tx: &mut Tx<'_>, env: Env<'_>, token: &Token, actor: Option<&str>) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE tokens SET status = 'revoked' WHERE jti = ?1 AND status <> 'revoked'",
        params![&token.jti],
    )?;
    if changed == 0 {
        return Ok(false);
    }
    env.facts.note(Fact::Revoked);
    let details = serde_json::json!({
        "token_category": "access", "client_id": token.client_id, "token_user_id": token.user_id,
    });
    let event = Event { actor, ..Event::info("TOKEN_REVOKED", "Token revoked") };
    event.on("TOKEN", &token.jti).with(details).write(tx, env.origin, env.ctx)?;
    Ok(true)
}

/// How long an access token of this client lives, in seconds, jitter included.
pub fn lifetime(env: Env<'_>, client: &Client) -> i64 {
    let profile = env.policy.profile(client.token_profile).access;
    if env.policy.jitter == 0 || client.token_profile != crate::client::TokenProfile::Standard {
        return profile;
    }
    let random = i64::from(u32::from_be_bytes(env.ctx.bytes()));
    profile + random % env.policy.jitter
}
