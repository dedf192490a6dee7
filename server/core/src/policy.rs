//! What the operator decided, as the rules need it.

use std::collections::BTreeMap;

use crate::extra_claims;
use crate::registration;
use crate::resource::Resources;
use crate::user::Role;

/// Lifetimes of one token profile, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Of access tokens.
    pub access: i64,
    /// Idle time of refresh tokens.
    pub refresh: i64,
}

/// Settings that the grants read.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Policy {
    /// The one spelling of the issuer.
    pub issuer: String,
    /// Profile `short`.
    pub short: Lifetimes,
    /// Profile `standard`.
    pub standard: Lifetimes,
    /// Profile `long`.
    pub long: Lifetimes,
    /// Absolute life of a family, in seconds.
    pub refresh_max: i64,
    /// Upper bound of the random addition to standard access tokens, in seconds; 0 adds none.
    pub jitter: i64,
    /// Life of an authorization code, in seconds.
    pub code: i64,
    /// Life of a client credentials token, in seconds.
    pub client_credentials: i64,
    /// Life of an ID token, in seconds.
    pub id_token: i64,
    /// How long a superseded refresh token may be repeated, in seconds (`refresh.md`, W).
    pub retry_window: i64,
    /// False issues no refresh tokens and refuses the grant.
    pub refresh_enabled: bool,
    /// False lets confidential clients keep one refresh token.
    pub rotation: bool,
    /// `aud` when no resource applies; empty means no claim (`COMPAT_NO_AUD`).
    pub default_audience: Vec<String>,
    /// `aud` values that userinfo takes.
    pub userinfo_audience: Vec<String>,
    /// Value of the `<prefix>_domain` claim.
    pub domain: Option<String>,
    /// Prefix of private claims.
    pub claim_prefix: String,
    /// Bounds of `extra_claims`; none switches the parameter off (deviation D17).
    pub extra_claims: Option<extra_claims::Limits>,
    /// `typ` of access tokens.
    pub access_typ: String,
    /// Seconds after which a new signing key takes over by itself; 0 is never.
    pub key_rotation: i64,
    /// PKCE for confidential clients too.
    pub pkce_required: bool,
    /// Consent may be remembered.
    pub consent_remember: bool,
    /// Age at which a remembered consent asks again, in seconds.
    pub consent_max_age: i64,
    /// Known scopes and their words for the consent page.
    pub scopes: BTreeMap<String, String>,
    /// Scopes that only people of these roles may give; the others are for everybody.
    pub scope_roles: BTreeMap<String, Vec<Role>>,
    /// Resources of the deployment that clients which registered themselves may not ask for.
    pub closed_resources: Resources,
    /// Resources of the deployment, in the spelling that goes into `aud` (deviation D28).
    pub resources: Resources,
    /// Private-use redirect schemes without a dot.
    pub redirect_schemes: Vec<String>,
    /// What clients that register themselves may have.
    pub registration: registration::Rules,
    /// Deliberate weaknesses, each off by default.
    pub compat: Compat,
}

/// The switches of `deviations.md`.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the contract")]
pub struct Compat {
    /// Imported confidential clients may refresh and use devices without their secret.
    pub secretless_clients: bool,
    /// Public clients keep one refresh token.
    pub fixed_public_refresh: bool,
    /// Confidential clients may introspect any access token.
    pub introspect_any: bool,
    /// Client credentials may name any resource.
    pub m2m_any_resource: bool,
    /// A typed device code is approved without the confirmation page.
    pub device_one_step: bool,
    /// Consent is remembered for loopback and private-use redirects too.
    pub remember_native_consent: bool,
    /// Hosts that may have http redirect URIs.
    pub http_redirects: Vec<String>,
}

impl Policy {
    /// What is decided when nobody decides anything: the configuration's defaults, with one lifetime for every profile.
    pub fn new(issuer: &str) -> Self {
        let lifetimes = Lifetimes { access: 3600, refresh: 2_592_000 };
        let issuer = issuer.to_owned();
        Self {
            short: lifetimes,
            standard: lifetimes,
            long: lifetimes,
            refresh_max: 7_776_000,
            jitter: 0,
            code: 60,
            client_credentials: 3600,
            id_token: 3600,
            retry_window: 60,
            refresh_enabled: true,
            rotation: true,
            default_audience: vec![issuer.clone()],
            userinfo_audience: vec![issuer.clone()],
            domain: None,
            claim_prefix: "extra".into(),
            extra_claims: None,
            access_typ: "at+jwt".into(),
            key_rotation: 0,
            pkce_required: true,
            consent_remember: true,
            consent_max_age: 31_536_000,
            scopes: BTreeMap::new(),
            scope_roles: BTreeMap::new(),
            closed_resources: Resources::default(),
            resources: Resources::default(),
            redirect_schemes: Vec::new(),
            registration: registration::Rules::default(),
            compat: Compat::default(),
            issuer,
        }
    }

    /// The lifetimes of a profile.
    pub fn profile(&self, profile: crate::client::TokenProfile) -> Lifetimes {
        use crate::client::TokenProfile;
        match profile {
            TokenProfile::Short => self.short,
            TokenProfile::Standard => self.standard,
            TokenProfile::Long => self.long,
        }
    }

    /// Seconds that the longest-lived token of any client lives: as long, a key that has signed one must verify.
    pub fn longest_token(&self) -> i64 {
        let profiles = [self.short, self.standard, self.long].map(|lifetimes| lifetimes.access);
        let access = profiles.into_iter().max().unwrap_or_default() + self.jitter;
        access.max(self.client_credentials).max(self.id_token)
    }

    /// True if a person of this role may give this scope; `None` is a client that asks for itself.
    pub fn may_have(&self, scope: &str, role: Option<Role>) -> bool {
        let roles = self.scope_roles.get(scope);
        roles.is_none_or(|roles| role.is_some_and(|role| roles.contains(&role)))
    }

    /// Words for a scope on a page; unknown scopes are their own words.
    pub fn words<'a>(&'a self, scope: &'a str) -> &'a str {
        self.scopes.get(scope).map_or(scope, String::as_str)
    }
}
