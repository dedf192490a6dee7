//! Who asks, and how that is shown.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

/// A client with its secret in the header.
pub const CLIENT: &str = "ClientBasic";
/// An access token.
pub const ACCESS_TOKEN: &str = "AccessToken";
/// What the operator hands out for registration.
pub const INITIAL_ACCESS_TOKEN: &str = "InitialAccessToken";
/// What a registered client got for its own registration.
pub const REGISTRATION_TOKEN: &str = "RegistrationAccessToken";
/// What the operator gives to monitoring.
pub const METRICS_TOKEN: &str = "MetricsToken";
/// A person who signed in with this browser.
pub const SESSION: &str = "Session";
/// Nobody in particular, or a client that says so in the form.
pub const NONE: &str = "";

/// Every scheme; `cookie` is the name of the session's.
pub fn schemes(cookie: &str) -> Vec<(&'static str, SecurityScheme)> {
    let http = |scheme, words: &str| {
        SecurityScheme::Http(HttpBuilder::new().scheme(scheme).description(Some(words)).build())
    };
    let session =
        "Set by `POST /login`. Forms of signed-in pages carry a `csrf_token` of their page as well.";
    vec![
        (
            CLIENT,
            http(
                HttpAuthScheme::Basic,
                "`client_id` and `client_secret`, each percent-encoded (RFC 6749 2.3.1). In the form instead: both as \
                 parameters, and a public client its `client_id` alone.",
            ),
        ),
        (ACCESS_TOKEN, http(HttpAuthScheme::Bearer, "An access token of this server (RFC 6750 2.1).")),
        (METRICS_TOKEN, http(HttpAuthScheme::Bearer, "The operator's `METRICS_TOKEN`, if one is set.")),
        (
            INITIAL_ACCESS_TOKEN,
            http(
                HttpAuthScheme::Bearer,
                "The operator's `DYNAMIC_CLIENT_REGISTRATION_TOKEN`, if one is set (RFC 7591 3).",
            ),
        ),
        (
            REGISTRATION_TOKEN,
            http(HttpAuthScheme::Bearer, "`registration_access_token` of the client itself (RFC 7592 3)."),
        ),
        (SESSION, SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(cookie, session)))),
    ]
}
