//! What clients and resource servers call.

use super::answer::{self, BUSY, FAILED, INVALID_CLIENT, INVALID_REQUEST, INVALID_TOKEN, Refusal};
use super::answer::{TOO_LARGE, TOO_MANY_REQUESTS, TOO_SLOW};
use super::field::{Field, list, one_of, text};
use super::operation::{Operation, get, post};
use super::security::{ACCESS_TOKEN, CLIENT, NONE};

/// Where a client authenticates and is counted.
const CLIENTS: &[Refusal] =
    &[INVALID_REQUEST, INVALID_CLIENT, TOO_SLOW, TOO_LARGE, TOO_MANY_REQUESTS, FAILED, BUSY];
/// Where a token is looked at.
const BEARERS: &[Refusal] = &[INVALID_REQUEST, INVALID_TOKEN, FAILED, BUSY];

/// All of them.
pub fn operations() -> Vec<Operation> {
    vec![
        token(),
        device_code(),
        introspect(),
        revoke(),
        tokeninfo(),
        userinfo(get("/oauth/userinfo", "userinfo", WHO)),
        userinfo(post("/oauth/userinfo", "userinfoByPost", WHO)),
    ]
}

fn token() -> Operation {
    let grants = [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:device_code",
    ];
    post("/oauth/token", "token", "Get tokens")
        .says(
            "RFC 6749 3.2. Which parameters are needed depends on `grant_type`. A device that polls is told \
             `authorization_pending`, `slow_down`, `access_denied` or `expired_token` (RFC 8628 3.5).",
        )
        .secured(&[CLIENT, NONE])
        .form(with_client([
            one_of("grant_type", &grants, "What is exchanged.").required(),
            text("code", "The authorization code (RFC 6749 4.1.3)."),
            text("redirect_uri", "As in the authorization request; may be left out if PKCE was used."),
            text("code_verifier", "What the code challenge was made from (RFC 7636 4.5)."),
            text("device_code", "As `/oauth/device/code` answered (RFC 8628 3.4)."),
            text("refresh_token", "The newest refresh token of the grant (RFC 6749 6)."),
            text("scope", "At most what was granted; all of it if left out. Names with spaces between."),
            list("resource", "For which resources, of those that were granted (RFC 8707 2.2)."),
            text(
                "extra_claims",
                "A JSON object of claims that the operator lets this client add to its token.",
            ),
        ]))
        .answers(200, answer::limited(answer::json("TokenResponse", "The tokens.")))
        .refuses(CLIENTS)
}

fn device_code() -> Operation {
    post("/oauth/device/code", "deviceCode", "Start a device flow")
        .says("RFC 8628 3.1. The person opens `verification_uri` and types `user_code`; the device polls `/oauth/token`.")
        .secured(&[CLIENT, NONE])
        .form(with_client([
            text("scope", "Names with spaces between; all that the client is registered for if left out."),
            list("resource", "For which resources (RFC 8707)."),
        ]))
        .json("DeviceRequest")
        .answers(200, answer::limited(answer::json("DeviceResponse", "The codes.")))
        .refuses(CLIENTS)
}

fn introspect() -> Operation {
    post("/oauth/introspect", "introspect", "Ask about a token")
        .says(
            "RFC 7662. A confidential client sees its own tokens, and access tokens whose `aud` is among its audiences. \
             Of anything else it learns that it is not active.",
        )
        .secured(&[CLIENT, NONE])
        .form(with_client([
            text("token", "The token.").required(),
            text("token_type_hint", "`refresh_token` for a refresh token of the client's own."),
        ]))
        .answers(200, answer::limited(answer::json("Introspection", "What the client may know.")))
        .refuses(CLIENTS)
}

fn revoke() -> Operation {
    let done = answer::with(answer::nothing("The token is revoked, or was not this client's."), "NoStore");
    post("/oauth/revoke", "revoke", "Revoke a token")
        .says("RFC 7009. A refresh token ends its whole grant.")
        .secured(&[CLIENT, NONE])
        .form(with_client([
            text("token", "The token, of either kind.").required(),
            text("token_type_hint", "Not needed."),
        ]))
        .answers(200, answer::limited(done))
        .refuses(CLIENTS)
}

/// `client_secret_post`, or a public client's name (RFC 6749 2.3.1).
fn with_client(fields: impl IntoIterator<Item = Field>) -> impl Iterator<Item = Field> {
    let client = [
        text("client_id", "Who asks, unless HTTP Basic says it."),
        text("client_secret", "The client's secret, unless HTTP Basic has it or the client is public."),
    ];
    fields.into_iter().chain(client)
}

fn tokeninfo() -> Operation {
    get("/oauth/tokeninfo", "tokeninfo", "Read the token at hand")
        .secured(&[ACCESS_TOKEN])
        .answers(200, answer::json("TokenInfo", "What its bearer may know."))
        .refuses(BEARERS)
}

const WHO: &str = "Who the token speaks for";

/// GET and POST differ in nothing (OpenID Connect Core 5.3.1).
fn userinfo(operation: Operation) -> Operation {
    operation
        .says("OpenID Connect Core 5.3. The claims that the token's scope allows; the token must be for this server.")
        .secured(&[ACCESS_TOKEN])
        .answers(200, answer::json("UserInfo", "The person."))
        .refuses(BEARERS)
}
