//! What can be said about a client.

use authgate_core::client::{ApplicationType, ClientSpec, ClientStatus, ClientType, Grant, TokenProfile};
use authgate_core::error::Result;
use authgate_core::keys::Algorithm;
use authgate_core::resource::Resources;
use authgate_core::scope::Scope;
use clap::Args;

#[derive(Args)]
#[group(required = true, multiple = true)]
pub struct Fields {
    /// Name that people are shown
    #[arg(long)]
    name: Option<String>,
    /// A sentence about it
    #[arg(long)]
    description: Option<String>,
    /// The most it may ask for, separated by spaces
    #[arg(long)]
    scope: Option<String>,
    /// Grant it may use, by short name or URN; repeatable
    #[arg(long = "grant", value_parser = grant)]
    grants: Vec<Grant>,
    /// Where answers may go; repeatable
    #[arg(long = "redirect-uri")]
    redirect_uris: Vec<String>,
    /// Where a browser may go after signing out; repeatable
    #[arg(long = "post-logout-redirect-uri")]
    post_logout_redirect_uris: Vec<String>,
    /// Where it hears that somebody signed out (back-channel logout); empty for nowhere
    #[arg(long)]
    backchannel_logout_uri: Option<String>,
    /// Whether it needs the session's sid there: true or false
    #[arg(long)]
    backchannel_logout_session: Option<bool>,
    /// Resource that its client credentials may name; repeatable
    #[arg(long = "resource")]
    resources: Vec<String>,
    /// Audience whose tokens it may introspect, besides its own tokens; repeatable
    #[arg(long = "audience")]
    audiences: Vec<String>,
    /// Lifetimes of its tokens: short, standard or long
    #[arg(long, value_parser = token_profile)]
    token_profile: Option<TokenProfile>,
    /// Rules for its redirect URIs: web or native; derived from them if not given
    #[arg(long, value_parser = application_type)]
    application_type: Option<ApplicationType>,
    /// Whether it must use PKCE although it is confidential: true or false
    #[arg(long)]
    pkce_required: Option<bool>,
    /// Whether it is of the first party, so that nobody is asked for consent: true or false
    #[arg(long)]
    skip_consent: Option<bool>,
    /// Whether its consent may be remembered: true or false
    #[arg(long)]
    remember_consent: Option<bool>,
    /// Whether it may refresh and use devices without its secret, which is unsafe: true or false
    #[arg(long)]
    secretless: Option<bool>,
    /// Whether userinfo takes its tokens for other resources too: true or false
    #[arg(long)]
    userinfo_any_audience: Option<bool>,
    /// Algorithm of its ID tokens: RS256 or ES256; empty for the default
    #[arg(long, value_parser = id_token_alg)]
    id_token_alg: Option<IdTokenAlg>,
    /// Whether profile and e-mail claims go into its ID tokens: true or false
    #[arg(long)]
    id_token_claims: Option<bool>,
    /// Value of the private claim <prefix>_project
    #[arg(long)]
    project: Option<String>,
    /// Value of the private claim <prefix>_service_account
    #[arg(long)]
    service_account: Option<String>,
}

impl Fields {
    /// Writes what was given into `spec`; an empty value clears.
    pub fn apply(self, spec: &mut ClientSpec) -> Result<()> {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        if let Some(name) = self.name {
            spec.name = name;
        }
        if let Some(description) = self.description {
            spec.description = given(description);
        }
        if let Some(scope) = self.scope {
            spec.scopes = Scope::parse(&scope)?;
        }
        if !self.grants.is_empty() {
            spec.grants = self.grants;
        }
        if let Some(uris) = list(self.redirect_uris) {
            spec.redirect_uris = uris;
        }
        if let Some(uris) = list(self.post_logout_redirect_uris) {
            spec.post_logout_redirect_uris = uris;
        }
        if let Some(uri) = self.backchannel_logout_uri {
            spec.backchannel_logout_uri = given(uri);
            spec.backchannel_logout_session &= spec.backchannel_logout_uri.is_some();
        }
        spec.backchannel_logout_session =
            self.backchannel_logout_session.unwrap_or(spec.backchannel_logout_session);
        if let Some(resources) = list(self.resources) {
            spec.resources = Resources::parse(resources.iter().map(String::as_str))?;
        }
        spec.audiences = list(self.audiences).or(spec.audiences.take());
        spec.token_profile = self.token_profile.unwrap_or(spec.token_profile);
        spec.application_type = self.application_type.or(spec.application_type);
        spec.pkce_required = self.pkce_required.or(spec.pkce_required);
        spec.skip_consent = self.skip_consent.unwrap_or(spec.skip_consent);
        spec.remember_consent = self.remember_consent.unwrap_or(spec.remember_consent);
        spec.secretless = self.secretless.unwrap_or(spec.secretless);
        spec.userinfo_any_audience = self.userinfo_any_audience.unwrap_or(spec.userinfo_any_audience);
        if let Some(IdTokenAlg(algorithm)) = self.id_token_alg {
            spec.id_token_alg = algorithm;
        }
        spec.id_token_claims = self.id_token_claims.unwrap_or(spec.id_token_claims);
        if let Some(project) = self.project {
            spec.project = given(project);
        }
        if let Some(account) = self.service_account {
            spec.service_account = given(account);
        }
        Ok(())
    }
}

/// `None` if the option was not given, no items if it was given empty.
fn list(values: Vec<String>) -> Option<Vec<String>> {
    let given = !values.is_empty();
    given.then(|| values.into_iter().filter(|value| !value.is_empty()).collect())
}

pub fn client_type(text: &str) -> Result<ClientType, &'static str> {
    ClientType::parse(text).ok_or("must be confidential or public")
}

pub fn status(text: &str) -> Result<ClientStatus, &'static str> {
    ClientStatus::parse(text).ok_or("must be pending, active or inactive")
}

fn grant(text: &str) -> Result<Grant, &'static str> {
    Grant::from_name(text)
        .ok_or("must be authorization_code, device_code, client_credentials or refresh_token, or a URN")
}

fn token_profile(text: &str) -> Result<TokenProfile, &'static str> {
    TokenProfile::parse(text).ok_or("must be short, standard or long")
}

/// Given, and perhaps empty.
#[derive(Clone)]
struct IdTokenAlg(Option<Algorithm>);

fn id_token_alg(text: &str) -> Result<IdTokenAlg, &'static str> {
    match Algorithm::parse(text) {
        None if text.is_empty() => Ok(IdTokenAlg(None)),
        Some(algorithm) if algorithm != Algorithm::Hs256 => Ok(IdTokenAlg(Some(algorithm))),
        _ => Err("must be RS256, ES256 or empty"),
    }
}

fn application_type(text: &str) -> Result<ApplicationType, &'static str> {
    ApplicationType::parse(text).ok_or("must be web or native")
}
