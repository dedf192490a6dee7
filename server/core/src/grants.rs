//! The token endpoint's rules, one file a grant, all of one shape (RFC 6749 3.2).

pub mod authorization_code;
pub mod client_credentials;
pub mod device;
mod issue;
pub mod refresh;

use crate::client::{self, Client, Grant, Proof};
use crate::credentials::Credentials;
use crate::db::Tx;
use crate::env::Env;
use crate::error::{Code, Error, Result};
use crate::extra_claims::ExtraClaims;
use crate::form::Params;
use crate::resource::Resources;
use crate::scope::Scope;
use crate::secret::Secret;

pub use issue::{Issued, TokenResponse};

const SUPPORTED: &str =
    "Supported grant types: device_code, refresh_token, authorization_code, client_credentials";
/// Longest code, device code or refresh token looked at, in bytes; ours are below 100, imported refresh tokens are JWTs.
const MAX_BYTES: usize = 4096;

/// A request to the token endpoint, as far as every grant has it.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// Who asks.
    pub credentials: Credentials,
    /// With what.
    pub grant: GrantRequest,
    /// For what scope; none means all that was granted.
    pub scope: Option<Scope>,
    /// For which resources; none means all that were granted.
    pub resources: Resources,
    /// Claims to add to the access token, as they were sent.
    pub extra_claims: Option<String>,
}

/// What the grants differ in.
#[derive(Clone, Debug)]
pub enum GrantRequest {
    /// RFC 6749 4.1.3.
    AuthorizationCode {
        /// The code.
        code: Secret,
        /// The redirect URI of the authorization request.
        redirect_uri: Option<String>,
        /// RFC 7636 4.5.
        code_verifier: Option<Secret>,
    },
    /// RFC 8628 3.4.
    Device {
        /// The device code.
        device_code: Secret,
    },
    /// RFC 6749 6.
    Refresh {
        /// The refresh token.
        refresh_token: Secret,
    },
    /// RFC 6749 4.4.
    ClientCredentials,
}

impl TokenRequest {
    /// Reads a request. The grant type is looked at first, then what it requires, then who asks.
    pub fn read(authorization: Option<&str>, params: &Params) -> Result<Self> {
        let grant = GrantRequest::read(params)?;
        let Some(credentials) = Credentials::read(authorization, params)? else {
            return Err(match grant {
                GrantRequest::ClientCredentials => Error::refused(
                    Code::InvalidClient,
                    "Client authentication required: use HTTP Basic Auth or provide client_id and client_secret in the request body",
                ),
                _ => Error::refused(Code::InvalidRequest, "client_id is required"),
            });
        };
        Ok(Self {
            credentials,
            grant,
            scope: params.get("scope").map(Scope::parse).transpose()?.filter(|scope| !scope.is_empty()),
            resources: Resources::parse(params.all("resource"))?,
            extra_claims: params.get("extra_claims").map(str::to_owned),
        })
    }
}

impl GrantRequest {
    fn read(params: &Params) -> Result<Self> {
        let required = |name: &str| -> Result<Secret> {
            let secret = params.secret(name);
            let secret = secret.filter(|secret| secret.expose().len() <= MAX_BYTES);
            secret.ok_or_else(|| {
                Error::refused(
                    Code::InvalidRequest,
                    format!("{name} is required, at most {MAX_BYTES} bytes long"),
                )
            })
        };
        match params.get("grant_type").and_then(Grant::parse) {
            Some(Grant::AuthorizationCode) => Ok(Self::AuthorizationCode {
                code: required("code")?,
                redirect_uri: params.get("redirect_uri").map(str::to_owned),
                code_verifier: params.secret("code_verifier"),
            }),
            Some(Grant::Device) => Ok(Self::Device { device_code: required("device_code")? }),
            Some(Grant::Refresh) => Ok(Self::Refresh { refresh_token: required("refresh_token")? }),
            Some(Grant::ClientCredentials) => Ok(Self::ClientCredentials),
            None => Err(Error::refused(Code::UnsupportedGrantType, SUPPORTED)),
        }
    }
}

/// Authenticates the client and runs the grant, in the transaction that everything it decides is written in.
pub fn exchange(tx: &mut Tx<'_>, env: Env<'_>, request: &TokenRequest) -> Result<Issued> {
    let client = authenticate(tx, env, request)?;
    if matches!(request.grant, GrantRequest::Refresh { .. }) && !env.policy.refresh_enabled {
        return Err(Error::refused(
            Code::UnsupportedGrantType,
            "refresh tokens are switched off on this server",
        ));
    }
    let extra = ExtraClaims::read(request.extra_claims.as_deref(), &client, env.policy)?;
    client::note_secretless(tx, env, &client, &request.credentials)?;
    let issued = match &request.grant {
        GrantRequest::AuthorizationCode { .. } => authorization_code::exchange(tx, env, &client, request),
        GrantRequest::Device { .. } => device::exchange(tx, env, &client, request),
        GrantRequest::Refresh { .. } => refresh::exchange(tx, env, &client, request),
        GrantRequest::ClientCredentials => client_credentials::exchange(tx, env, &client, request),
    };
    Ok(issued?.with_extra_claims(extra))
}

/// Authenticates the client of a token request, before anything else is looked at (deviation D3).
fn authenticate(tx: &mut Tx<'_>, env: Env<'_>, request: &TokenRequest) -> Result<Client> {
    let proof = match request.grant {
        GrantRequest::Device { .. } | GrantRequest::Refresh { .. } => Proof::UnlessSecretless,
        _ => Proof::Always,
    };
    client::authenticate(tx, &request.credentials, proof, env.policy, env.now())
}

fn invalid_grant(description: &'static str) -> Error {
    Error::refused(Code::InvalidGrant, description)
}
