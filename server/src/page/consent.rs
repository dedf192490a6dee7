//! The consent page: what an application asks for, in words, before it gets it.

use serde::Serialize;

use super::{Account, Lifetime, Time, View};

/// Asks for a decision; posts `action=approve` or `action=deny` to `/oauth/authorize`.
#[derive(Clone, Debug, Serialize)]
pub struct Consent {
    /// Bound to the session and to this form.
    pub csrf_token: String,
    /// The stored request that is decided.
    pub interaction: String,
    /// The hidden fields that the contract names; the server goes by `interaction`.
    pub request: Request,
    /// The application's name, as registered.
    pub client_name: String,
    /// The application's description, as registered.
    pub description: Option<String>,
    /// Where the answer goes: the redirect URI's host in punycode, or its private-use scheme.
    pub redirect_host: String,
    /// When the application registered itself; `None` if an admin created or approved it.
    pub registered_at: Option<Time>,
    /// True if every redirect URI is on this device, so that any program on it could be the one asking.
    pub loopback_only: bool,
    /// Who decides.
    pub account: Account,
    /// Where "Not you?" leads after the next sign-in: this interaction.
    pub sign_out_redirect: String,
    /// What is asked for.
    pub scopes: Vec<ScopeLine>,
    /// What is asked for by name through the `claims` parameter.
    pub claims: Vec<Claim>,
    /// What the tokens will be good for (RFC 8707); empty means this server alone.
    pub resources: Vec<Resource>,
    /// How long an access token lasts.
    pub token_lifetime: Lifetime,
    /// How long the application may renew it.
    pub renewal: Renewal,
}

/// The authorization request's own parameters (contract 1.11).
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the parameters' names in RFC 6749 4.1.1, RFC 7636 4.3, RFC 8707 2")]
pub struct Request {
    pub client_id: String,
    pub redirect_uri: String,
    pub scope: String,
    pub state: Option<String>,
    pub nonce: Option<String>,
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<String>,
    pub resource: Vec<String>,
}

/// A scope that is asked for.
#[derive(Clone, Debug, Serialize)]
pub struct ScopeLine {
    /// Its name on the wire.
    pub name: String,
    /// What it means to the person ("Access your e-mail address").
    pub words: String,
    /// True if an earlier consent lacks it.
    pub new: bool,
}

/// A claim that is asked for by name (OpenID Connect Core 5.5).
#[derive(Clone, Debug, Serialize)]
pub struct Claim {
    /// Its name on the wire.
    pub name: String,
    /// True if an earlier consent lacks it.
    pub new: bool,
}

/// A service that the tokens will be good for.
#[derive(Clone, Debug, Serialize)]
pub struct Resource {
    /// Its name, where the configuration has one.
    pub name: Option<String>,
    /// Its identifier.
    pub uri: String,
}

/// How long an application may get new access tokens by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Renewal {
    /// It gets no refresh token.
    Never,
    /// Its refresh token ends with the browser session.
    UntilSignOut,
    /// `offline_access`: until the person takes the access away.
    UntilRevoked,
}

impl View for Consent {
    const TEMPLATE: &'static str = "consent";

    fn title(&self) -> String {
        "Authorize access".into()
    }
}
