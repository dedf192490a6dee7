//! A client asks for itself (RFC 6749 4.4).

use super::TokenRequest;
use super::issue::{Issued, NewToken};
use crate::audit::Event;
use crate::client::{Client, Grant};
use crate::db::Tx;
use crate::env::Env;
use crate::error::{Code, Error, Result};
use crate::token::client_subject;

/// Scopes that need a person.
const OF_PEOPLE: [&str; 2] = ["openid", "offline_access"];

/// Issues an access token, and never a refresh token (RFC 6749 4.4.3).
pub fn exchange(tx: &mut Tx<'_>, env: Env<'_>, client: &Client, request: &TokenRequest) -> Result<Issued> {
    if client.is_public() {
        // RFC 6749 4.4: it MUST only be used by confidential clients; a name alone is no credential.
        return Err(Error::refused(Code::InvalidClient, "Client authentication failed"));
    }
    client.require(Grant::ClientCredentials, "Client credentials flow is not enabled for this client")?;
    let allowed = client.scopes.filter(|name| !OF_PEOPLE.contains(&name) && env.policy.may_have(name, None));
    let scope = match &request.scope {
        None => allowed,
        Some(asked) if asked.within(&allowed) => asked.clone(),
        Some(_) => {
            return Err(Error::refused(
                Code::InvalidScope,
                "Requested scope exceeds client permissions or contains restricted scopes (openid, offline_access are not permitted)",
            ));
        }
    };
    if !request.resources.within(&client.resources.0) {
        if !env.policy.compat.m2m_any_resource {
            return Err(Error::refused(
                Code::InvalidTarget,
                "the client's registration does not allow this resource for client credentials",
            ));
        }
        env.note_compat(tx, "COMPAT_M2M_ANY_RESOURCE", &client.id)?;
    }
    let resources = request.resources.spelled_as(&env.policy.resources).spelled_as(&client.resources.0);
    let scopes = scope.to_string();
    let new = NewToken {
        client,
        family: None,
        user: None,
        scope,
        resources: &resources,
        lifetime: env.policy.client_credentials,
    };
    let issued = new.store(tx, env)?;
    Event::info("CLIENT_CREDENTIALS_TOKEN_ISSUED", "Access token issued via client credentials grant")
        .by(&client_subject(&client.id))
        .on("TOKEN", issued.jti())
        .called(&client.name)
        .with(serde_json::json!({"client_id": client.id, "scopes": scopes, "resource": resources}))
        .write(tx, env.origin, env.ctx)?;
    Ok(issued)
}
