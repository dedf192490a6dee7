//! Refresh tokens: rotation, reuse detection, safe retry. The numbers are the steps of `refresh.md`.

use super::issue::{Issued, NewToken, require_user};
use super::{GrantRequest, TokenRequest, invalid_grant};
use crate::audit::Event;
use crate::client::{self, Client, Grant};
use crate::db::{Tx, params};
use crate::env::Env;
use crate::error::{Code, Error, Result};
use crate::family::{self, Family, Presented};
use crate::recovery::Recovery;
use crate::resource::Resources;
use crate::scope::Scope;
use crate::token;

const INVALID: &str = "Refresh token is invalid or expired";
/// How often one generation is answered again before its client is told to stop: a loop, not a lost answer.
const MAX_RETRIES: i64 = 100;
/// A lost race is classified again from the new row; the row moves once a request, so a third loss means overload.
const CLASSIFICATIONS: usize = 3;

/// Answers a refresh request of an authenticated client.
pub fn exchange(tx: &mut Tx<'_>, env: Env<'_>, client: &Client, request: &TokenRequest) -> Result<Issued> {
    let GrantRequest::Refresh { refresh_token } = &request.grant else {
        return Err(Error::failed("a request of another grant reached the refresh grant"));
    };
    client.require(Grant::Refresh, "Refresh tokens are not enabled for this client")?;
    let presented = Presented::parse(refresh_token).ok_or_else(|| invalid_grant(INVALID))?;
    for _ in 0..CLASSIFICATIONS {
        let mut family = find(tx, env, client, &presented)?;
        let scope = narrowed_scope(&family, client, request)?;
        let resources = family
            .resources
            .0
            .narrowed_by(&request.resources, "Requested resource exceeds original grant")?;
        if !family.holds(tx, client, env.now())? {
            return Err(invalid_grant(INVALID));
        }
        match classify(env, &family, presented.generation) {
            Turn::Current => {
                if advance(tx, env, client, &mut family)? {
                    return answer(tx, env, client, (&family, scope, &resources));
                }
            }
            Turn::Retry => {
                if family.retries >= MAX_RETRIES {
                    return Err(Error::refused(
                        Code::RateLimitExceeded,
                        "this refresh token was sent too often",
                    ));
                }
                if retry(tx, env, &family)? {
                    return answer(tx, env, client, (&family, scope, &resources));
                }
            }
            Turn::Reuse => return Err(end(tx, env, &family, "reuse")?),
            Turn::Future => return Err(end(tx, env, &family, "rollback")?),
        }
    }
    Err(Error::refused(
        Code::TemporarilyUnavailable,
        "the refresh token is in use by another request, try again",
    ))
}

/// Step 2.
fn find(tx: &mut Tx<'_>, env: Env<'_>, client: &Client, presented: &Presented) -> Result<Family> {
    let family = family::by_id(tx, &presented.family_id)?;
    let Some(family) = family else { return Err(invalid_grant(INVALID)) };
    if !presented.is_of(&family, env.keys)? {
        return Err(invalid_grant(INVALID));
    }
    if family.client_id != client.id {
        let details =
            serde_json::json!({"family_id": family.id, "client_id": client.id, "owner": family.client_id});
        Event::warning("SUSPICIOUS_ACTIVITY", "Refresh token presented by another client")
            .by(&token::client_subject(&client.id))
            .on("TOKEN", &family.id)
            .with(details)
            .write(tx, env.origin, env.ctx)?;
        return Err(Error::refused_and_kept(Code::InvalidGrant, INVALID));
    }
    Ok(family)
}

/// Step 3, and what the client's registration still allows (deviation D7).
fn narrowed_scope(family: &Family, client: &Client, request: &TokenRequest) -> Result<Scope> {
    let asked = request.scope.as_ref().unwrap_or(&family.scope);
    if !asked.within(&family.scope) {
        return Err(Error::refused(Code::InvalidScope, "Requested scope exceeds original grant"));
    }
    let scope = asked.filter(|name| client.scopes.has(name));
    if scope.is_empty() && !asked.is_empty() {
        return Err(Error::refused(Code::InvalidScope, "the client's registration no longer has this scope"));
    }
    Ok(scope)
}

enum Turn {
    Current,
    Retry,
    Reuse,
    Future,
}

fn classify(env: Env<'_>, family: &Family, generation: i64) -> Turn {
    if generation == family.generation {
        return Turn::Current;
    }
    if generation > family.generation {
        return Turn::Future;
    }
    let now = Recovery::retry_time(env.recovery, env.now());
    let window = env.policy.retry_window;
    // Without a window there is no retry, not even in the second of the rotation.
    let repeated = window > 0 && generation == family.generation - 1 && now <= family.rotated_at + window;
    if repeated { Turn::Retry } else { Turn::Reuse }
}

/// True if this client gets a new refresh token each time (deviation D5).
fn rotates(env: Env<'_>, client: &Client) -> bool {
    if client.is_public() {
        return !env.policy.compat.fixed_public_refresh;
    }
    env.policy.rotation || client::is_secretless(client, env.policy)
}

/// Steps 5 and 6: one conditional UPDATE; false if another request was faster.
fn advance(tx: &mut Tx<'_>, env: Env<'_>, client: &Client, family: &mut Family) -> Result<bool> {
    const ROTATE: &str = "UPDATE families SET generation = generation + 1, rotated_at = ?1, retries = 0, last_used_at = ?1, \
         idle_until = ?2 WHERE id = ?3 AND generation = ?4 AND state = 'active' AND idle_until > ?1 AND expires_at > ?1";
    const KEEP: &str = "UPDATE families SET last_used_at = ?1, idle_until = ?2 \
         WHERE id = ?3 AND generation = ?4 AND state = 'active' AND idle_until > ?1 AND expires_at > ?1";
    let idle = env.policy.profile(client.token_profile).refresh;
    let idle_until = family.expires_at.min(env.now() + idle);
    let rotating = rotates(env, client);
    let sql = if rotating { ROTATE } else { KEEP };
    let changed = tx.execute(sql, params![env.now(), idle_until, &family.id, family.generation])?;
    if rotating {
        family.generation += 1;
    } else if client.is_public() && changed == 1 {
        env.note_compat(tx, "COMPAT_FIXED_PUBLIC_REFRESH", &client.id)?;
    }
    Ok(changed == 1)
}

/// Step 7: the child is unused by definition, since using it would have moved the generation.
fn retry(tx: &mut Tx<'_>, env: Env<'_>, family: &Family) -> Result<bool> {
    let earliest = Recovery::retry_time(env.recovery, env.now()) - env.policy.retry_window;
    let changed = tx.execute(
        "UPDATE families SET retries = retries + 1 WHERE id = ?1 AND generation = ?2 AND state = 'active' \
         AND rotated_at >= ?3 AND retries < ?4 AND idle_until > ?5 AND expires_at > ?5",
        params![&family.id, family.generation, earliest, MAX_RETRIES, env.now()],
    )?;
    Ok(changed == 1)
}

/// Step 8: the same refresh token in every answer of a generation, and an access token of this request's own.
fn answer(
    tx: &mut Tx<'_>,
    env: Env<'_>,
    client: &Client,
    of: (&Family, Scope, &Resources),
) -> Result<Issued> {
    let (family, scope, resources) = of;
    let user = require_user(tx, &family.user_id)?;
    let lifetime = token::lifetime(env, client);
    let new = NewToken { client, family: Some(family), user: Some(&user), scope, resources, lifetime };
    let mut issued = new.store(tx, env)?;
    issued.add_refresh_token(family, env.keys)?;
    issued.add_id_token(env, client, (family, &user), None)?;
    Event::info("TOKEN_REFRESHED", "Access token refreshed")
        .by(&user.id)
        .named(&user.username)
        .on("TOKEN", issued.jti())
        .called(&client.name)
        .with(serde_json::json!({"client_id": client.id, "family_id": family.id, "resource": resources}))
        .write(tx, env.origin, env.ctx)?;
    Ok(issued)
}

/// Steps 9 and 10: what was written stays although the request is refused.
fn end(tx: &mut Tx<'_>, env: Env<'_>, family: &Family, why: &'static str) -> Result<Error> {
    family::revoke_for(tx, env, family, why)?;
    Ok(Error::refused_and_kept(Code::InvalidGrant, INVALID))
}
