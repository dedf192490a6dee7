//! What a resource server may learn about a token (RFC 7662).

use serde_json::{Value, json};

use crate::client::Client;
use crate::db::Tx;
use crate::env::Env;
use crate::error::Result;
use crate::family::{self, Presented};
use crate::jwt::Audience;
use crate::policy::Policy;
use crate::token::{Live, Token};

/// What a caller learns.
pub struct Answer {
    /// RFC 7662 2.2.
    pub members: Value,
    /// True if only `COMPAT_INTROSPECT_ANY` let it through.
    pub by_switch: bool,
}

impl Answer {
    /// `{"active":false}`: for everything that is not live or not for the caller's eyes (deviation D21).
    pub fn inactive() -> Self {
        Self { members: json!({"active": false}), by_switch: false }
    }
}

/// The answer to an authenticated caller about a live access token.
pub fn access(policy: &Policy, caller: &Client, live: &Live) -> Answer {
    let token = &live.token;
    let by_switch = !may_see(caller, token);
    if caller.is_public() || by_switch && !policy.compat.introspect_any {
        return Answer::inactive();
    }
    let mut members = json!({
        "active": true,
        "scope": token.scope.to_string(),
        "client_id": token.client_id,
        "token_type": "Bearer",
        "exp": token.expires_at,
        "iat": token.issued_at,
        "sub": token.subject(),
        "iss": policy.issuer,
        "jti": token.jti,
    });
    if let Some(audience) = Audience::of(&token.audience.0) {
        members["aud"] = json!(audience);
    }
    if let Some(username) = &live.username {
        members["username"] = json!(username);
    }
    Answer { members, by_switch }
}

fn may_see(caller: &Client, token: &Token) -> bool {
    token.client_id == caller.id
        || token.audience.0.iter().any(|audience| caller.audiences.0.contains(audience))
}

/// The answer about a refresh token: it is active only to its own client, and then without `token_type`, so that it
/// cannot pass for an access token.
pub fn refresh(tx: &mut Tx<'_>, env: Env<'_>, caller: &Client, presented: &Presented) -> Result<Answer> {
    let family = family::by_id(tx, &presented.family_id)?.filter(|family| family.client_id == caller.id);
    let Some(family) = family.filter(|_| !caller.is_public()) else { return Ok(Answer::inactive()) };
    let newest = presented.generation == family.generation && presented.is_of(&family, env.keys)?;
    if !newest || !family.holds(tx, caller, env.now())? {
        return Ok(Answer::inactive());
    }
    let members = json!({
        "active": true,
        "scope": family.scope.to_string(),
        "client_id": family.client_id,
        "exp": family.idle_until.min(family.expires_at),
        "iat": family.created_at,
        "sub": family.user_id,
        "iss": env.policy.issuer,
    });
    Ok(Answer { members, by_switch: false })
}
