//! A grant and its refresh tokens (`refresh.md`): one row a grant, no row a generation, and a token that is derived,
//! never stored.

use aws_lc_rs::hmac;

use crate::audit::{Event, Severity};
use crate::client::Client;
use crate::db::{Json, Tx, params, row, text_enum};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::facts::Fact;
use crate::keys::Keys;
use crate::resource::Resources;
use crate::scope::Scope;
use crate::secret::{Secret, base64url, from_base64url, same};

text_enum! {
    /// Whether a family is usable.
    pub enum FamilyState {
        /// It is.
        Active = "active",
        /// Switched off, can come back.
        Disabled = "disabled",
        /// Over.
        Revoked = "revoked",
    }
}

row! {
    /// A grant.
    pub struct Family in "families" {
        /// UUID version 7.
        id: String,
        /// Whose it is.
        client_id: String,
        /// For whom.
        user_id: String,
        /// What it grew from.
        consent_id: String,
        /// The browser session that it ends with; none if it lives on without one.
        session_id: Option<String>,
        /// The session's name at this client.
        sid: Option<String>,
        /// The grant type it came from.
        origin: String,
        /// The most its tokens may have.
        scope: Scope,
        /// The resources its tokens may be for.
        resources: Json<Resources>,
        /// Individually requested claims, as JSON.
        claims: String,
        /// Unix seconds of the login.
        auth_time: i64,
        /// How the person was authenticated.
        acr: String,
        /// By what means.
        amr: Json<Vec<String>>,
        /// What a refresh token is bound to besides the client.
        binding: Option<String>,
        /// The user's epoch at the grant.
        user_epoch: i64,
        /// The client's epoch at the grant.
        client_epoch: i64,
        /// The consent's epoch at the grant.
        consent_epoch: i64,
        /// True if refresh tokens were issued.
        refreshable: bool,
        /// Generation of the newest refresh token, from 1.
        generation: i64,
        /// 16 random bytes in base64url.
        salt: String,
        /// The key of its refresh tokens.
        mac_kid: String,
        /// Unix seconds of the newest generation.
        rotated_at: i64,
        /// How often the newest generation was answered again.
        retries: i64,
        /// Unix seconds.
        last_used_at: i64,
        /// Unix seconds at which it ends unless it is used.
        idle_until: i64,
        /// Unix seconds.
        created_at: i64,
        /// Unix seconds at which it ends in any case.
        expires_at: i64,
        /// Whether it is usable.
        state: FamilyState,
        /// Why it is not.
        why: Option<String>,
        /// SHA-256 of an imported refresh token.
        imported_hash: Option<String>,
    }
}

const PREFIX: &str = "agr_";
const VERSION: u8 = 1;
/// version, key, family, generation, MAC.
const LENGTH: usize = 1 + 1 + 16 + 8 + 32;
/// Everything before the MAC.
const SIGNED: usize = LENGTH - 32;

/// A refresh token, taken apart but not verified.
pub struct Presented {
    /// The family it says it is of.
    pub family_id: String,
    /// The generation it says it is.
    pub generation: i64,
    bytes: [u8; LENGTH],
}

impl Presented {
    /// Takes the one canonical text form apart; `None` for anything else.
    pub fn parse(text: &Secret) -> Option<Self> {
        let bytes: [u8; LENGTH] = from_base64url(text.expose().strip_prefix(PREFIX)?)?.try_into().ok()?;
        let family = uuid::Uuid::from_slice(&bytes[2..18]).ok()?;
        let generation = i64::from_be_bytes(bytes[18..26].try_into().ok()?);
        (bytes[0] == VERSION && generation > 0).then(|| Self {
            family_id: family.to_string(),
            generation,
            bytes,
        })
    }

    /// True if this server made the token for this family.
    pub fn is_of(&self, family: &Family, keys: &Keys) -> Result<bool> {
        if keys.refresh_by_kid(&family.mac_kid).is_none() {
            return Ok(false); // its key was revoked, or removed when no such family could be alive
        }
        let expected = family.bytes(self.generation, keys)?;
        Ok(same(&expected, &self.bytes))
    }
}

impl Family {
    /// The refresh token of a generation: T(f, g).
    pub fn refresh_token(&self, generation: i64, keys: &Keys) -> Result<Secret> {
        Ok(Secret::new(format!("{PREFIX}{}", base64url(&self.bytes(generation, keys)?))))
    }

    fn bytes(&self, generation: i64, keys: &Keys) -> Result<[u8; LENGTH]> {
        let impossible = |what: &str| {
            Error::failed(format_args!("database: families.{what} of row {} cannot be", self.id))
        };
        let id = uuid::Uuid::parse_str(&self.id).map_err(|_| impossible("id"))?;
        let kid: u8 = self.mac_kid.parse().map_err(|_| impossible("mac_kid"))?;
        let key = keys.refresh_by_kid(&self.mac_kid).ok_or_else(|| impossible("mac_kid"))?;
        let salt = from_base64url(&self.salt).ok_or_else(|| impossible("salt"))?;
        let mut bytes = [0; LENGTH];
        bytes[0] = VERSION;
        bytes[1] = kid;
        bytes[2..18].copy_from_slice(id.as_bytes());
        bytes[18..26].copy_from_slice(&generation.to_be_bytes());
        let mut mac = hmac::Context::with_key(key);
        mac.update(b"refresh v1");
        mac.update(&bytes[..SIGNED]);
        mac.update(&salt);
        bytes[SIGNED..].copy_from_slice(mac.sign().as_ref());
        Ok(bytes)
    }

    /// True if it is active, within its times, and user, client, consent and session are as they were.
    pub fn holds(&self, tx: &mut Tx<'_>, client: &Client, now: i64) -> Result<bool> {
        if self.state != FamilyState::Active
            || self.idle_until <= now
            || self.expires_at <= now
            || self.client_epoch != client.epoch
        {
            return Ok(false);
        }
        let session = self.session_id.as_deref();
        Grounds { user_id: &self.user_id, consent_id: &self.consent_id, session_id: session }.hold(
            tx,
            self.user_epoch,
            self.consent_epoch,
        )
    }
}

/// What an issuance rests on besides its client.
#[derive(Clone, Copy)]
pub struct Grounds<'a> {
    /// The user.
    pub user_id: &'a str,
    /// Their consent.
    pub consent_id: &'a str,
    /// The browser session, if it ends with one.
    pub session_id: Option<&'a str>,
}

impl Grounds<'_> {
    /// True if user, consent and session are active and at these epochs, read in this transaction.
    pub fn hold(self, tx: &mut Tx<'_>, user_epoch: i64, consent_epoch: i64) -> Result<bool> {
        let found: Option<(i64,)> = tx.one(
            "SELECT 1 FROM users u JOIN consents k ON k.id = ?2 AND k.user_id = u.id \
             WHERE u.id = ?1 AND u.status = 'active' AND u.epoch = ?3 AND k.status = 'active' AND k.epoch = ?4 \
             AND (?5 IS NULL OR EXISTS (SELECT 1 FROM sessions s WHERE s.id = ?5 AND s.status = 'active'))",
            params![self.user_id, self.consent_id, user_epoch, consent_epoch, self.session_id],
        )?;
        Ok(found.is_some())
    }
}

/// The family with this id, whatever its state.
pub fn by_id(tx: &mut Tx<'_>, id: &str) -> Result<Option<Family>> {
    tx.one(&format!("SELECT {} FROM families WHERE id = ?1", Family::COLUMNS), params![id])
}

/// The usable refreshable families of a user, newest first: what the person sees as apps that stay signed in.
pub fn of_user(tx: &mut Tx<'_>, user_id: &str, now: i64) -> Result<Vec<Family>> {
    tx.all(
        &format!(
            "SELECT {} FROM families WHERE user_id = ?1 AND state = 'active' AND refreshable = 1 AND idle_until > ?2 \
             AND expires_at > ?2 AND user_epoch = (SELECT u.epoch FROM users u WHERE u.id = families.user_id) \
             AND client_epoch = (SELECT c.epoch FROM clients c WHERE c.id = families.client_id) \
             ORDER BY id DESC LIMIT 200",
            Family::COLUMNS
        ),
        params![user_id, now],
    )
}

/// Revokes a family, then its tokens in a later statement. False if it was not active.
pub fn revoke(tx: &mut Tx<'_>, id: &str, why: &str) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE families SET state = 'revoked', why = ?2 WHERE id = ?1 AND state = 'active'",
        params![id, why],
    )?;
    tx.execute(
        "UPDATE tokens SET status = 'revoked' WHERE family_id = ?1 AND status <> 'revoked'",
        params![id],
    )?;
    Ok(changed == 1)
}

/// Revokes a family at somebody's wish, with an audit event.
pub fn revoke_by(tx: &mut Tx<'_>, env: Env<'_>, family: &Family, actor: Option<&str>) -> Result<bool> {
    if !revoke(tx, &family.id, "user")? {
        return Ok(false);
    }
    env.facts.note(Fact::Revoked);
    let details = serde_json::json!({
        "token_category": "refresh", "client_id": family.client_id, "token_user_id": family.user_id,
    });
    let event = Event { actor, ..Event::info("TOKEN_REVOKED", "Token revoked") };
    event.on("TOKEN", &family.id).with(details).write(tx, env.origin, env.ctx)?;
    Ok(true)
}

/// Revokes a family because a token came back that only a thief or a restored backup can have (`refresh.md`, 9 and 10).
/// The event is written once, by whoever ends the family.
pub fn revoke_for(tx: &mut Tx<'_>, env: Env<'_>, family: &Family, why: &'static str) -> Result<()> {
    let alive: Option<(i64,)> = tx
        .one("SELECT COUNT(*) FROM tokens WHERE family_id = ?1 AND status = 'active'", params![&family.id])?;
    if !revoke(tx, &family.id, why)? {
        return Ok(());
    }
    env.facts.note(Fact::Replayed);
    let action = match why {
        "rollback" => {
            "Refresh token from the future: the database was restored from a backup; token family revoked"
        }
        "code_replay" => "Code reuse detected: token family revoked",
        _ => "Refresh token reuse detected \u{2014} token family revoked",
    };
    let event = Event { severity: Severity::Critical, ..Event::info("SUSPICIOUS_ACTIVITY", action) };
    event
        .on("TOKEN", &family.id)
        .with(serde_json::json!({
            "family_id": family.id, "reused_token_id": family.id, "client_id": family.client_id, "why": why,
            "tokens_revoked": alive.map_or(0, |(count,)| count),
        }))
        .write(tx, env.origin, env.ctx)
}

/// Ends the families that live only as long as a browser session.
pub fn end_with_session(tx: &mut Tx<'_>, session_id: &str) -> Result<()> {
    tx.execute(
        "UPDATE families SET state = 'revoked', why = 'logout' WHERE session_id = ?1 AND state = 'active'",
        params![session_id],
    )?;
    Ok(())
}
