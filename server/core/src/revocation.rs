//! A client gives a token back (RFC 7009).

use crate::client::Client;
use crate::db::Tx;
use crate::env::Env;
use crate::error::Result;
use crate::family::{self, Presented};
use crate::jwt;
use crate::secret::Secret;
use crate::token::{self, client_subject};

/// Revokes what an authenticated client presents, if it is its own; everything else changes nothing and looks the same
/// (RFC 7009 2.2). A refresh token takes its whole grant along (2.1), an access token only itself.
pub fn revoke(tx: &mut Tx<'_>, env: Env<'_>, client: &Client, text: &Secret) -> Result<()> {
    let actor = client_subject(&client.id);
    if let Some(presented) = Presented::parse(text) {
        let family = family::by_id(tx, &presented.family_id)?.filter(|family| family.client_id == client.id);
        if let Some(family) = family
            && presented.is_of(&family, env.keys)?
        {
            family::revoke_by(tx, env, &family, Some(&actor))?;
        }
        return Ok(());
    }
    let Ok(jti) = jwt::verify_access(text, env.keys, &env.policy.issuer) else { return Ok(()) };
    if let Some(token) = token::by_jti(tx, &jti)?.filter(|token| token.client_id == client.id) {
        token::revoke(tx, env, &token, Some(&actor))?;
    }
    Ok(())
}
