//! What can go wrong: a refusal is for the client, a failure is for the operator.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The error codes this server answers with, by the document that defines each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// RFC 6749 5.2: a parameter is missing, repeated or malformed.
    InvalidRequest,
    /// RFC 6749 5.2: client authentication failed.
    InvalidClient,
    /// RFC 6749 5.2: the code, device code or refresh token does not hold.
    InvalidGrant,
    /// RFC 6749 5.2: this client may not use this grant.
    UnauthorizedClient,
    /// RFC 6749 5.2: no such grant here.
    UnsupportedGrantType,
    /// RFC 6749 4.1.2.1: no such response type here.
    UnsupportedResponseType,
    /// RFC 6749 5.2: the scope is malformed or exceeds what may be had.
    InvalidScope,
    /// RFC 8707 2: the resource is malformed or exceeds what may be had.
    InvalidTarget,
    /// RFC 6749 4.1.2.1 and RFC 8628 3.5: the person said no.
    AccessDenied,
    /// RFC 8628 3.5: the person has not decided yet.
    AuthorizationPending,
    /// RFC 8628 3.5: polling faster than the interval.
    SlowDown,
    /// RFC 8628 3.5: the device code is too old.
    ExpiredToken,
    /// RFC 6750 3.1: the access token does not hold.
    InvalidToken,
    /// OpenID Connect Core 3.1.2.6: a login would be needed.
    LoginRequired,
    /// OpenID Connect Core 3.1.2.6: a consent would be needed.
    ConsentRequired,
    /// OpenID Connect Core 3.1.2.6: some page would be needed.
    InteractionRequired,
    /// OpenID Connect Core 3.1.2.6: request objects are not taken.
    RequestNotSupported,
    /// OpenID Connect Core 3.1.2.6: request objects are not fetched.
    RequestUriNotSupported,
    /// RFC 7591 3.2.2: a redirect URI cannot be registered.
    InvalidRedirectUri,
    /// RFC 7591 3.2.2: another member of the client's metadata cannot be registered.
    InvalidClientMetadata,
    /// OpenID Connect Core 3.1.2.6: a client is not described in its request. The contract's name for dynamic
    /// registration that is switched off, too.
    RegistrationNotSupported,
    /// OpenID Connect Core Unmet Authentication Requirements 1.0: nobody can log in as the request insists on.
    UnmetAuthenticationRequirements,
    /// The contract's name for a caller beyond its limit.
    RateLimitExceeded,
    /// RFC 6749 4.1.2.1: busy; the same request may succeed soon.
    TemporarilyUnavailable,
    /// RFC 6749 4.1.2.1: something broke here.
    ServerError,
}

impl Code {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::InvalidRequest => "invalid_request",
            Code::InvalidClient => "invalid_client",
            Code::InvalidGrant => "invalid_grant",
            Code::UnauthorizedClient => "unauthorized_client",
            Code::UnsupportedGrantType => "unsupported_grant_type",
            Code::UnsupportedResponseType => "unsupported_response_type",
            Code::InvalidScope => "invalid_scope",
            Code::InvalidTarget => "invalid_target",
            Code::AccessDenied => "access_denied",
            Code::AuthorizationPending => "authorization_pending",
            Code::SlowDown => "slow_down",
            Code::ExpiredToken => "expired_token",
            Code::InvalidToken => "invalid_token",
            Code::LoginRequired => "login_required",
            Code::ConsentRequired => "consent_required",
            Code::InteractionRequired => "interaction_required",
            Code::RequestNotSupported => "request_not_supported",
            Code::RequestUriNotSupported => "request_uri_not_supported",
            Code::InvalidRedirectUri => "invalid_redirect_uri",
            Code::InvalidClientMetadata => "invalid_client_metadata",
            Code::RegistrationNotSupported => "registration_not_supported",
            Code::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Code::RateLimitExceeded => "rate_limit_exceeded",
            Code::TemporarilyUnavailable => "temporarily_unavailable",
            Code::ServerError => "server_error",
        }
    }

    /// The HTTP status that goes with it on an API endpoint.
    pub fn status(self) -> u16 {
        match self {
            Code::InvalidClient | Code::InvalidToken => 401,
            Code::RegistrationNotSupported => 403,
            Code::RateLimitExceeded => 429,
            Code::TemporarilyUnavailable => 503,
            Code::ServerError => 500,
            _ => 400,
        }
    }
}

/// A "no" with an RFC code and words for whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The code on the wire.
    pub code: Code,
    /// What was wrong and what would be right; never a secret.
    pub description: Cow<'static, str>,
    /// True if what was written before the refusal must stay (a replay that revoked a family).
    pub commit: bool,
}

/// Every fallible function of this crate answers with one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The request is refused; the text may be shown.
    Refused(Refusal),
    /// Something broke; the cause is logged where it is handled and never sent.
    Failed(String),
}

/// `Result` with this crate's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A refusal that leaves no trace.
    pub fn refused(code: Code, description: impl Into<Cow<'static, str>>) -> Self {
        Error::Refused(Refusal { code, description: description.into(), commit: false })
    }

    /// A refusal whose writes stay.
    pub fn refused_and_kept(code: Code, description: impl Into<Cow<'static, str>>) -> Self {
        Error::Refused(Refusal { code, description: description.into(), commit: true })
    }

    /// What whoever asked is told when the work for them panicked, which is logged where it happens. What of it was not
    /// committed is undone, so it may be repeated.
    pub fn panicked() -> Self {
        Error::refused(Code::TemporarilyUnavailable, "Something went wrong. Please try again.")
    }

    /// A failure with a cause for the operator.
    pub fn failed(cause: impl fmt::Display) -> Self {
        Error::Failed(cause.to_string())
    }

    /// The refusal's code, if it is one.
    pub fn code(&self) -> Option<Code> {
        match self {
            Error::Refused(refusal) => Some(refusal.code),
            Error::Failed(_) => None,
        }
    }

    /// True if what was written before this error stays.
    pub fn keeps_writes(&self) -> bool {
        matches!(self, Error::Refused(refusal) if refusal.commit)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Refused(refusal) => write!(f, "{}: {}", refusal.code.as_str(), refusal.description),
            Error::Failed(cause) => f.write_str(cause),
        }
    }
}

impl std::error::Error for Error {}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Error::failed(format_args!("database: {error}"))
    }
}

impl From<r2d2::Error> for Error {
    fn from(error: r2d2::Error) -> Self {
        Error::failed(format_args!("database pool: {error}"))
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Error::failed(format_args!("JSON: {error}"))
    }
}
