//! What clients say about themselves (RFC 7591).

use authgate_core::client::Grant;
use authgate_core::error::Error;
use authgate_core::redirect_uri::{Kind, kind};
use authgate_core::registration::{Metadata, register};

use super::installation::Installation;

/// What is registered has no privilege and leads nowhere but where it may; what is not is the sender's mistake, never
/// the server's.
pub fn check(data: &[u8]) {
    let Ok(metadata) = Metadata::parse(data) else { return };
    let made = Installation::with(|here| here.tried(|tx, env| register(tx, env, metadata, "192.0.2.1")));
    let client = match made {
        Ok(made) => made.client,
        Err(Error::Refused(refusal)) => {
            let description = refusal.description;
            assert!(!description.is_empty() && !description.contains(char::is_control), "{description}");
            return;
        }
        Err(Error::Failed(cause)) => panic!("{cause}"),
    };
    assert!(client.pkce_required && !client.grants.0.contains(&Grant::ClientCredentials));
    assert!(client.redirect_uris.0.len() <= 10 && client.extra_claims.0.is_empty());
    assert!(client.redirect_uris.0.iter().all(|uri| uri.len() <= 2048 && kind(uri) != Kind::Http));
    assert!(!client.name.is_empty() && !client.name.contains(char::is_control));
}
