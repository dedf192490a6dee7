//! What this server says about itself.

use super::answer;
use super::operation::{Operation, get};

/// All of them.
pub fn operations() -> Vec<Operation> {
    vec![
        get("/.well-known/openid-configuration", "openidConfiguration", "OpenID provider metadata")
            .says("OpenID Connect Discovery 1.0 4.")
            .answers(200, answer::published("ProviderMetadata", "The metadata.")),
        get(
            "/.well-known/oauth-authorization-server",
            "authorizationServer",
            "Authorization server metadata",
        )
        .says("RFC 8414 3.")
        .answers(200, answer::published("ServerMetadata", "The metadata.")),
        get("/.well-known/jwks.json", "jwks", "The keys of its tokens")
            .says("RFC 7517 5. A key is published an hour before it signs.")
            .answers(200, answer::published("KeySet", "The public keys.")),
    ]
}
