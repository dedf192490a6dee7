//! A code becomes tokens, once (RFC 6749 4.1.3, RFC 7636 4.6).

use super::issue::{Issued, NewGrant};
use super::{GrantRequest, TokenRequest, invalid_grant};
use crate::audit::Event;
use crate::client::{Client, Grant};
use crate::code::{self, AuthorizationCode};
use crate::db::Tx;
use crate::env::Env;
use crate::error::{Code, Error, Result};
use crate::family::{self, Grounds};
use crate::pkce;
use crate::secret::Secret;

const INVALID: &str = "Authorization code is invalid or expired";
pub(super) const USED: &str = "The code has already been used";
/// Seconds in which a used code that comes again is a blind repeat of a client whose answer was lost.
pub(super) const REPEAT: i64 = 10;

/// Redeems a code for an authenticated client.
pub fn exchange(tx: &mut Tx<'_>, env: Env<'_>, client: &Client, request: &TokenRequest) -> Result<Issued> {
    let GrantRequest::AuthorizationCode { code, redirect_uri, code_verifier } = &request.grant else {
        return Err(Error::failed("a request of another grant reached the code grant"));
    };
    client.require(Grant::AuthorizationCode, "Authorization code flow is not enabled for this client")?;
    let code = code::find(tx, code)?
        .filter(|code| code.client_id == client.id)
        .ok_or_else(|| invalid_grant(INVALID))?;
    let exceeds = "Requested resource exceeds the audience granted at /authorize";
    let checked = check_request(&code, redirect_uri.as_deref(), code_verifier.as_ref())
        .and_then(|()| code.resources.0.narrowed_by(&request.resources, exceeds));
    let resources = as_if_fresh(checked, code.used_at)?;
    if let Some(used_at) = code.used_at {
        return Err(replayed(tx, env, (used_at, code.family_id.as_deref()))?);
    }
    if code.expires_at <= env.now() {
        return Err(invalid_grant("Authorization code has expired"));
    }
    let grounds = Grounds {
        user_id: &code.user_id,
        consent_id: &code.consent_id,
        session_id: code.session_id.as_deref(),
    };
    if code.client_epoch != client.epoch || !grounds.hold(tx, code.user_epoch, code.consent_epoch)? {
        return Err(invalid_grant(INVALID));
    }
    let new = NewGrant {
        grant: Grant::AuthorizationCode,
        user_id: &code.user_id,
        consent_id: &code.consent_id,
        session_id: code.session_id.as_deref(),
        sid: code.sid.as_deref(),
        scope: &code.scope.filter(|name| client.scopes.has(name)),
        resources: &code.resources.0,
        claims: &code.claims,
        nonce: code.nonce.as_deref(),
        auth_time: code.auth_time,
        acr: &code.acr,
        amr: &code.amr.0,
        user_epoch: code.user_epoch,
        consent_epoch: code.consent_epoch,
    };
    let family = new.family(env, client, env.ctx.id().to_string());
    if !code::redeem(tx, &code.id, (&family.id, family.expires_at), env.now())? {
        return Err(invalid_grant(USED));
    }
    Event::info("AUTHORIZATION_CODE_EXCHANGED", "Authorization code exchanged for token")
        .by(&code.user_id)
        .on("AUTHORIZATION", &code.consent_id)
        .called(&client.name)
        .with(serde_json::json!({"client_id": client.id, "scopes": code.scope.to_string(), "family_id": family.id}))
        .write(tx, env.origin, env.ctx)?;
    new.store(tx, env, client, (family, &resources))
}

/// What a used code must pass as well, so that a stranger's guess revokes nothing.
fn check_request(
    code: &AuthorizationCode,
    redirect_uri: Option<&str>,
    verifier: Option<&Secret>,
) -> Result<()> {
    match redirect_uri {
        Some(uri) if uri != code.redirect_uri => return Err(invalid_grant("Redirect URI does not match")),
        None if code.code_challenge.is_none() => {
            return Err(Error::refused(
                Code::InvalidRequest,
                "redirect_uri is required, since PKCE was not used",
            ));
        }
        _ => {}
    }
    pkce::verify(code.code_challenge.as_deref(), verifier)
}

/// A used code or device code is checked like a fresh one, but a failed check says no more than that it does not hold.
pub(super) fn as_if_fresh<T>(checked: Result<T>, used_at: Option<i64>) -> Result<T> {
    match checked {
        Err(Error::Refused(_)) if used_at.is_some() => Err(invalid_grant(USED)),
        checked => checked,
    }
}

/// A code or device code that comes again after its redemption (`refresh.md`, last paragraph).
pub(super) fn replayed(tx: &mut Tx<'_>, env: Env<'_>, redeemed: (i64, Option<&str>)) -> Result<Error> {
    let (used_at, family_id) = redeemed;
    if env.now() <= used_at + REPEAT {
        return Ok(invalid_grant(USED));
    }
    if let Some(family) = family_id.map(|id| family::by_id(tx, id)).transpose()?.flatten() {
        family::revoke_for(tx, env, &family, "code_replay")?;
    }
    Ok(Error::refused_and_kept(Code::InvalidGrant, USED))
}
