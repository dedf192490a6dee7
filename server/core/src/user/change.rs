//! What an administrator changes about a user.

use serde_json::Value as JsonValue;

use super::{Role, User, another_admin, check_email, check_full_name, invalid, key};
use crate::audit::{Event, Origin};
use crate::claims;
use crate::context::Context;
use crate::db::{Json, Tx, params};
use crate::error::Result;
use crate::session;

/// What is to change; what is `None` stays, and an empty text clears.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Another address counts as unverified until somebody vouches for it.
    pub email: Option<String>,
    /// Somebody vouches for the address.
    pub email_verified: Option<bool>,
    /// Their name.
    pub full_name: Option<String>,
    /// What they may do here.
    pub role: Option<Role>,
    /// Standard claims without a column: a value replaces, null removes (OpenID Connect Core 5.1).
    pub claims: Option<JsonValue>,
}

/// Changes a user. Another role raises the epoch: whatever was issued to what they were before is dead.
pub fn update(tx: &mut Tx<'_>, user: &User, changes: Changes, origin: &Origin, ctx: &Context) -> Result<()> {
    let given = |text: Option<String>, now: &Option<String>| match text {
        Some(text) => Some(text).filter(|text| !text.is_empty()),
        None => now.clone(),
    };
    let email = given(changes.email, &user.email);
    let full_name = given(changes.full_name, &user.full_name);
    email.as_deref().map_or(Ok(()), check_email)?;
    full_name.as_deref().map_or(Ok(()), check_full_name)?;
    let email_key = email.as_deref().map(key);
    let taken: Option<(String,)> =
        tx.one("SELECT id FROM users WHERE email_key = ?1 AND id <> ?2", params![&email_key, &user.id])?;
    if taken.is_some() {
        return Err(invalid("email already in use by another user"));
    }
    let same_address = email_key == user.email_key;
    let email_verified = changes.email_verified.unwrap_or(user.email_verified && same_address);
    if email_verified && email.is_none() {
        return Err(invalid("there is no e-mail address that could be verified"));
    }
    let claims = changes.claims.map(|changes| claims::merge(&user.claims.0, &changes)).transpose()?;
    let role = changes.role.unwrap_or(user.role);
    if role != user.role {
        another_admin(tx, user)?;
    }
    tx.execute(
        "UPDATE users SET email = ?2, email_key = ?3, email_verified = ?4, full_name = ?5, role = ?6, claims = ?7, \
         epoch = epoch + ?8, updated_at = ?9 WHERE id = ?1",
        params![
            &user.id,
            &email,
            &email_key,
            email_verified,
            &full_name,
            role,
            &claims.map_or_else(|| user.claims.clone(), Json),
            i64::from(role != user.role),
            ctx.now(),
        ],
    )?;
    if role != user.role {
        session::end_all(tx, &user.id, ctx)?;
        Event::warning("USER_ROLE_CHANGED", "User role changed by admin")
            .on("USER", &user.id)
            .called(&user.username)
            .with(serde_json::json!({"old_role": user.role, "new_role": role}))
            .write(tx, origin, ctx)?;
    }
    Event::info("USER_UPDATED", "User profile updated by admin")
        .on("USER", &user.id)
        .called(&user.username)
        .write(tx, origin, ctx)
}
