//! The metadata of this server (RFC 8414, OpenID Connect Discovery 1.0): what it does, and nothing else.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use authgate_core::client::Grant;
use authgate_core::keys::Keys;
use authgate_core::policy::Policy;
use authgate_core::{claims, session};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::oauth::logout;
use crate::{reply, seen};

/// The published documents, encoded once: they change only with the configuration and the keys.
pub struct Metadata {
    /// `/.well-known/openid-configuration`.
    pub openid: Bytes,
    /// `/.well-known/oauth-authorization-server`.
    pub oauth: Bytes,
    /// `/.well-known/jwks.json`.
    pub jwks: Bytes,
}

impl Metadata {
    /// Of a server with this policy and these keys.
    pub fn new(policy: &Policy, keys: &Keys) -> Self {
        let mut oauth = authorization_server(policy);
        if policy.refresh_enabled {
            // How long a client whose answer was lost may repeat a refresh; a member of our own.
            oauth.insert("refresh_retry_seconds".into(), policy.retry_window.into());
        }
        if policy.registration.enabled {
            oauth.insert("registration_endpoint".into(), format!("{}/oauth/register", policy.issuer).into());
        }
        let mut openid = oauth.clone();
        openid.extend(openid_provider(policy, keys));
        let encoded = |document: Map<String, Value>| Bytes::from(Value::from(document).to_string());
        Self {
            openid: encoded(openid),
            oauth: encoded(oauth),
            jwks: Bytes::copy_from_slice(keys.jwks().as_bytes()),
        }
    }
}

/// `GET /.well-known/openid-configuration`.
pub async fn openid(app: Data<App>, request: HttpRequest) -> HttpResponse {
    seen::told(&app, &request, reply::published(&app.keyring.now().metadata.openid))
}

/// `GET /.well-known/oauth-authorization-server`.
pub async fn oauth(app: Data<App>) -> HttpResponse {
    reply::published(&app.keyring.now().metadata.oauth)
}

/// What both documents say (RFC 8414 2).
fn authorization_server(policy: &Policy) -> Map<String, Value> {
    let issuer = policy.issuer.as_str();
    let at = |path: &str| format!("{issuer}{path}");
    members(json!({
        "issuer": issuer,
        "authorization_endpoint": at("/oauth/authorize"),
        "token_endpoint": at("/oauth/token"),
        "device_authorization_endpoint": at("/oauth/device/code"),
        "introspection_endpoint": at("/oauth/introspect"),
        "revocation_endpoint": at("/oauth/revoke"),
        "jwks_uri": at("/.well-known/jwks.json"),
        "scopes_supported": scopes(policy),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": grants(policy),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "authorization_response_iss_parameter_supported": true,
        "resource_indicators_supported": true,
        "resource_parameter_supported": true,
        "claims_parameter_supported": true,
        "request_parameter_supported": false,
        // Its default is true.
        "request_uri_parameter_supported": false,
    }))
}

/// What only OpenID Connect Discovery 3 has.
fn openid_provider(policy: &Policy, keys: &Keys) -> Map<String, Value> {
    members(json!({
        "userinfo_endpoint": format!("{}/oauth/userinfo", policy.issuer),
        "end_session_endpoint": format!("{}{}", policy.issuer, logout::PATH),
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "subject_types_supported": ["public"],
        // Access tokens' algorithm is among them: a shipped verifier looks for it here (deviation D36).
        "id_token_signing_alg_values_supported": keys.algorithms(),
        "claims_supported": claims_supported(),
        "claim_types_supported": ["normal"],
        "acr_values_supported": [session::PASSWORD],
        "display_values_supported": ["page"],
        "ui_locales_supported": ["en"],
    }))
}

fn claims_supported() -> Vec<&'static str> {
    let own =
        ["sub", "iss", "aud", "exp", "iat", "jti", "auth_time", "nonce", "at_hash", "acr", "amr", "sid"];
    own.into_iter().chain(claims::names()).collect()
}

fn members(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(members) => members,
        _ => unreachable!("both documents are written as objects"),
    }
}

/// `offline_access` means nothing where there are no refresh tokens.
fn scopes(policy: &Policy) -> Vec<&str> {
    let names = policy.scopes.keys().map(String::as_str);
    names.filter(|name| policy.refresh_enabled || *name != "offline_access").collect()
}

fn grants(policy: &Policy) -> Vec<&'static str> {
    let all = [Grant::AuthorizationCode, Grant::Device, Grant::Refresh, Grant::ClientCredentials];
    let offered = all.into_iter().filter(|grant| policy.refresh_enabled || *grant != Grant::Refresh);
    offered.map(Grant::as_str).collect()
}
