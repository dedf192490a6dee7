//! What a resource server may learn about a token (RFC 7662).

use serde_json::{Value, json};

use crate::client::Client;
use crate::db::Tx;
use crate::env::Env;
use crate::error::{Code, Result};
use crate::family::{self, Presented};
use crate::jwt::Audience;
use crate::secret::Secret;
use crate::token::{self, Token};
use crate::user;

/// What a caller learns.
pub struct Answer {
    /// RFC 7662 2.2.
    pub members: Value,
    /// True if only `COMPAT_INTROSPECT_ANY` let it through.
    pub by_switch: bool,
}

/// The answer to an authenticated caller: the token's members, or exactly `{"active":false}` for everything that is
/// not live or not for the caller's eyes (deviation D21).
pub fn introspect(
    tx: &mut Tx<'_>,
    env: Env<'_>,
    caller: &Client,
    presented: (&Secret, Option<&str>),
) -> Result<Answer> {
    let (text, hint) = presented;
    let inactive = Answer { members: json!({"active": false}), by_switch: false };
    if caller.is_public() {
        return Ok(inactive);
    }
    if let Some(refresh_token) = Presented::parse(text) {
        let known =
            if hint == Some("refresh_token") { refresh(tx, env, caller, &refresh_token)? } else { None };
        return Ok(known.map_or(inactive, |members| Answer { members, by_switch: false }));
    }
    let token = match token::present(tx, env, text) {
        Ok(token) => token,
        Err(error) if error.code() == Some(Code::InvalidToken) => return Ok(inactive),
        Err(error) => return Err(error),
    };
    let by_switch = !may_see(caller, &token);
    if by_switch && !env.policy.compat.introspect_any {
        return Ok(inactive);
    }
    let mut answer = json!({
        "active": true,
        "scope": token.scope.to_string(),
        "client_id": token.client_id,
        "token_type": "Bearer",
        "exp": token.expires_at,
        "iat": token.issued_at,
        "sub": token.subject(),
        "iss": env.policy.issuer,
        "jti": token.jti,
    });
    if let Some(audience) = Audience::of(&token.audience.0) {
        answer["aud"] = json!(audience);
    }
    if let Some(user) = token.user_id.as_deref().map(|id| user::by_id(tx, id)).transpose()?.flatten() {
        answer["username"] = json!(user.username);
    }
    Ok(Answer { members: answer, by_switch })
}

fn may_see(caller: &Client, token: &Token) -> bool {
    token.client_id == caller.id
        || token.audience.0.iter().any(|audience| caller.audiences.0.contains(audience))
}

/// A refresh token is active only to its own client, and then without `token_type`, so that it cannot pass for an
/// access token.
fn refresh(tx: &mut Tx<'_>, env: Env<'_>, caller: &Client, presented: &Presented) -> Result<Option<Value>> {
    let family = family::by_id(tx, &presented.family_id)?.filter(|family| family.client_id == caller.id);
    let Some(family) = family else { return Ok(None) };
    let newest = presented.generation == family.generation && presented.is_of(&family, env.keys)?;
    if !newest || !family.holds(tx, caller, env.now())? {
        return Ok(None);
    }
    Ok(Some(json!({
        "active": true,
        "scope": family.scope.to_string(),
        "client_id": family.client_id,
        "exp": family.idle_until.min(family.expires_at),
        "iat": family.created_at,
        "sub": family.user_id,
        "iss": env.policy.issuer,
    })))
}
