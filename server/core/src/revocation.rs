//! A client gives a token back (RFC 7009).

use crate::client::Client;
use crate::db::Tx;
use crate::env::Env;
use crate::error::Result;
use crate::family::{self, Presented};
use crate::secret::Secret;
use crate::token::{self, client_subject};

/// What a client gives back.
pub enum Given {
    /// A refresh token, genuine or not.
    Refresh(Presented),
    /// The `jti` of a genuine access token.
    Access(String),
}

impl Given {
    /// What this text is. None of ours is nothing to revoke.
    pub fn read(text: &Secret, genuine: impl FnOnce(&Secret) -> Result<String>) -> Option<Self> {
        match Presented::parse(text) {
            Some(presented) => Some(Self::Refresh(presented)),
            None => genuine(text).ok().map(Self::Access),
        }
    }
}

/// Revokes what an authenticated client presents, if it is its own; everything else changes nothing and looks the same
/// (RFC 7009 2.2). A refresh token takes its whole grant along (2.1), an access token only itself.
pub fn revoke(tx: &mut Tx<'_>, env: Env<'_>, client: &Client, given: &Given) -> Result<()> {
    let actor = client_subject(&client.id);
    let jti = match given {
        Given::Access(jti) => jti,
        Given::Refresh(presented) => {
            let family =
                family::by_id(tx, &presented.family_id)?.filter(|family| family.client_id == client.id);
            if let Some(family) = family
                && presented.is_of(&family, env.keys)?
            {
                family::revoke_by(tx, env, &family, Some(&actor))?;
            }
            return Ok(());
        }
    };
    if let Some(token) = token::by_jti(tx, jti)?.filter(|token| token.client_id == client.id) {
        token::revoke(tx, env, &token, Some(&actor))?;
    }
    Ok(())
}
