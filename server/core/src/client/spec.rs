//! What people say about a client, and what of it cannot be.

use std::slice;

use super::{ApplicationType, Client, ClientType, Grant, TokenProfile};
use crate::error::{Code, Error, Result};
use crate::keys::Algorithm;
use crate::policy::Policy;
use crate::redirect_uri::{self, Kind};
use crate::resource::{self, Resources};
use crate::scope::Scope;

/// Longest client name, in bytes: it stands in a headline.
const MAX_NAME: usize = 200;
/// Longest description, in bytes: it stands in a paragraph.
const MAX_DESCRIPTION: usize = 1000;
/// Most redirect URIs, and most audiences, of a client: every request reads them all.
const MAX_LIST: usize = 50;

/// The fields of a client that people set.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct ClientSpec {
    /// Shown to people.
    pub name: String,
    /// Shown to people.
    pub description: Option<String>,
    /// Whether it can keep a secret.
    pub client_type: ClientType,
    /// Decides about redirect URIs; none means: native if every redirect URI is loopback or private-use.
    pub application_type: Option<ApplicationType>,
    /// What it may do.
    pub grants: Vec<Grant>,
    /// The most it may ask for.
    pub scopes: Scope,
    /// Where answers may go.
    pub redirect_uris: Vec<String>,
    /// Where a browser may go after logout.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it hears that somebody signed out (OpenID Connect Back-Channel Logout 2.2).
    pub backchannel_logout_uri: Option<String>,
    /// It needs `sid` there.
    pub backchannel_logout_session: bool,
    /// Resources its client credentials may name.
    pub resources: Resources,
    /// Audiences it may introspect; none means the default audience.
    pub audiences: Option<Vec<String>>,
    /// Which lifetimes apply.
    pub token_profile: TokenProfile,
    /// S256 although confidential; none means the default.
    pub pkce_required: Option<bool>,
    /// First-party: no consent page.
    pub skip_consent: bool,
    /// Its consent may be remembered.
    pub remember_consent: bool,
    /// It may refresh and use devices without its secret.
    pub secretless: bool,
    /// Userinfo takes its tokens whatever their `aud`.
    pub userinfo_any_audience: bool,
    /// Algorithm of its ID tokens; none for the default.
    pub id_token_alg: Option<Algorithm>,
    /// Profile and e-mail claims go into its ID tokens.
    pub id_token_claims: bool,
    /// Private claim.
    pub project: Option<String>,
    /// Private claim.
    pub service_account: Option<String>,
}

impl ClientSpec {
    /// The stored form of `id_token_alg`.
    pub(super) fn stored_id_token_alg(&self) -> &'static str {
        self.id_token_alg.map_or("", Algorithm::as_str)
    }

    /// What a client has if nothing else is said (contract 4.1).
    pub fn new(client_type: ClientType) -> Self {
        Self {
            name: String::new(),
            description: None,
            client_type,
            application_type: None,
            grants: Vec::new(),
            scopes: ["email", "profile"].map(str::to_owned).into_iter().collect(),
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            backchannel_logout_session: false,
            resources: Resources::default(),
            audiences: None,
            token_profile: TokenProfile::Standard,
            pkce_required: None,
            skip_consent: false,
            remember_consent: true,
            secretless: false,
            userinfo_any_audience: false,
            id_token_alg: None,
            id_token_claims: true,
            project: None,
            service_account: None,
        }
    }

    /// The spec that an existing client would have been made from.
    pub fn of(client: &Client) -> Self {
        Self {
            name: client.name.clone(),
            description: client.description.clone(),
            client_type: client.client_type,
            application_type: Some(client.application_type),
            grants: client.grants.0.clone(),
            scopes: client.scopes.clone(),
            redirect_uris: client.redirect_uris.0.clone(),
            post_logout_redirect_uris: client.post_logout_redirect_uris.0.clone(),
            backchannel_logout_uri: client.backchannel_logout_uri.clone(),
            backchannel_logout_session: client.backchannel_logout_session,
            resources: client.resources.0.clone(),
            audiences: Some(client.audiences.0.clone()),
            token_profile: client.token_profile,
            pkce_required: Some(client.pkce_required),
            skip_consent: client.skip_consent,
            remember_consent: client.remember_consent,
            secretless: client.secretless,
            userinfo_any_audience: client.userinfo_any_audience,
            id_token_alg: Algorithm::parse(&client.id_token_alg),
            id_token_claims: client.id_token_claims,
            project: client.project.clone(),
            service_account: client.service_account.clone(),
        }
    }

    /// Refuses what cannot be, with the contract's messages (4.2).
    pub(super) fn check(&mut self, policy: &Policy) -> Result<ApplicationType> {
        let refuse = |why: String| Err(Error::refused(Code::InvalidRequest, why));
        self.name = self.name.trim().to_owned();
        if self.name.is_empty() || self.name.len() > MAX_NAME || self.name.chars().any(char::is_control) {
            return refuse(format!(
                "client name is required (at most {MAX_NAME} bytes, no control characters)"
            ));
        }
        if self.name.to_lowercase().starts_with("client:") {
            return refuse("a client name never begins with client:, as subjects of this server do".into());
        }
        if self.description.as_deref().is_some_and(|text| text.len() > MAX_DESCRIPTION) {
            return refuse(format!("description is longer than {MAX_DESCRIPTION} bytes"));
        }
        let audience =
            |text: &String| text.len() <= resource::MAX_BYTES && text.bytes().all(|b| b.is_ascii_graphic());
        if self.audiences.iter().flatten().any(|text| !audience(text)) {
            return refuse(format!(
                "an audience has at most {} visible ASCII characters",
                resource::MAX_BYTES
            ));
        }
        if self.redirect_uris.len() > MAX_LIST || self.audiences.iter().flatten().count() > MAX_LIST {
            return refuse(format!("at most {MAX_LIST} redirect URIs and {MAX_LIST} audiences"));
        }
        self.grants.sort_by_key(|grant| grant.as_str());
        self.grants.dedup();
        if self.grants.iter().all(|grant| *grant == Grant::Refresh) {
            return refuse("at least one grant type must be enabled besides refresh_token".into());
        }
        if self.grants.contains(&Grant::ClientCredentials) && self.client_type == ClientType::Public {
            return refuse("client credentials flow requires a confidential client".into());
        }
        if self.grants.contains(&Grant::AuthorizationCode) && self.redirect_uris.is_empty() {
            return refuse(
                "at least one redirect URI is required when Authorization Code Flow is enabled".into(),
            );
        }
        if self.id_token_alg == Some(Algorithm::Hs256) {
            return refuse("id_token algorithm must be RS256 or ES256".into());
        }
        if self.secretless && self.client_type == ClientType::Public {
            return refuse("a public client has no secret that it could go without".into());
        }
        if !self.project.as_deref().is_none_or(is_project) {
            return refuse(
                "project has 1 to 64 letters, digits and signs _.- with a letter or digit at both ends"
                    .into(),
            );
        }
        if !self.service_account.as_deref().is_none_or(is_service_account) {
            return refuse(
                "service_account has 1 to 255 letters, digits and signs _.@- after a letter or digit".into(),
            );
        }
        let native = self.application_type != Some(ApplicationType::Web);
        let kinds = redirect_kinds(&self.redirect_uris, native, policy)
            .map_err(|why| Error::refused(Code::InvalidRequest, why))?;
        if self.post_logout_redirect_uris.len() > MAX_LIST {
            return refuse(format!("at most {MAX_LIST} post-logout redirect URIs"));
        }
        let named = |name: &'static str| {
            move |why: String| Error::refused(Code::InvalidRequest, format!("{name}: {why}"))
        };
        redirect_kinds(&self.post_logout_redirect_uris, native, policy)
            .map_err(named("post_logout_redirect_uri"))?;
        if let Some(uri) = &self.backchannel_logout_uri {
            redirect_kinds(slice::from_ref(uri), false, policy).map_err(named("backchannel_logout_uri"))?;
        } else if self.backchannel_logout_session {
            return refuse("backchannel_logout_session needs a backchannel_logout_uri".into());
        }
        let of_native = |kind: &Kind| matches!(kind, Kind::Loopback | Kind::PrivateUse);
        let native = !kinds.is_empty() && kinds.iter().all(of_native);
        let derived = if native { ApplicationType::Native } else { ApplicationType::Web };
        let decided = self.application_type.unwrap_or(derived);
        if decided == ApplicationType::Web && kinds.contains(&Kind::PrivateUse) {
            return refuse("private-use redirect URI schemes are for native clients".into());
        }
        Ok(decided)
    }
}

/// Where redirect URIs of one client lead; the error says which cannot be registered and why.
pub(crate) fn redirect_kinds(uris: &[String], native: bool, policy: &Policy) -> Result<Vec<Kind>, String> {
    let own_origin = url::Url::parse(&policy.issuer).map(|url| url.origin().ascii_serialization());
    let rules = redirect_uri::Rules {
        own_origin: &own_origin.unwrap_or_default(),
        native,
        schemes: &policy.redirect_schemes,
        http_hosts: &policy.compat.http_redirects,
    };
    uris.iter().map(|uri| redirect_uri::check(uri, rules)).collect()
}

fn is_project(text: &str) -> bool {
    text.len() <= 64 && text.ends_with(is_alphanumeric) && is_name(text, "_.-")
}

fn is_service_account(text: &str) -> bool {
    text.len() <= 255 && is_name(text, "_.@-")
}

fn is_name(text: &str, signs: &str) -> bool {
    text.starts_with(is_alphanumeric) && text.chars().all(|c| is_alphanumeric(c) || signs.contains(c))
}

fn is_alphanumeric(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::policy;

    fn spec(uris: &[&str]) -> ClientSpec {
        ClientSpec {
            name: "N".into(),
            grants: vec![Grant::AuthorizationCode],
            redirect_uris: uris.iter().map(|uri| (*uri).to_owned()).collect(),
            ..ClientSpec::new(ClientType::Confidential)
        }
    }

    fn refusal(mut spec: ClientSpec) -> String {
        let error = spec.check(&policy()).expect_err("it must be refused");
        assert_eq!(error.code(), Some(Code::InvalidRequest));
        error.to_string()
    }

    #[test]
    fn rfc8252_native_follows_from_redirect_uris_unless_somebody_says() {
        let of = |uris: &[&str], said| {
            ClientSpec { application_type: said, ..spec(uris) }.check(&policy()).unwrap()
        };
        assert_eq!(of(&["https://a.example"], None), ApplicationType::Web);
        assert_eq!(of(&["http://localhost/cb"], None), ApplicationType::Native);
        assert_eq!(of(&["com.example.app:/cb", "http://127.0.0.1/cb"], None), ApplicationType::Native);
        assert_eq!(of(&["https://a.example", "http://localhost/cb"], None), ApplicationType::Web);
        assert_eq!(of(&["http://localhost/cb"], Some(ApplicationType::Web)), ApplicationType::Web);
        assert_eq!(of(&["https://a.example"], Some(ApplicationType::Native)), ApplicationType::Native);
    }

    #[test]
    fn private_use_schemes_are_not_for_web_clients() {
        let web =
            ClientSpec { application_type: Some(ApplicationType::Web), ..spec(&["com.example.app:/cb"]) };
        assert!(refusal(web).contains("native clients"));
        assert!(refusal(spec(&["com.example.app:/cb", "https://a.example"])).contains("native clients"));
    }

    #[test]
    fn d27_our_own_origin_is_no_redirect_uri() {
        assert!(refusal(spec(&["https://id.example.com/cb"])).contains("must not point at this server"));
    }

    #[test]
    fn d45_no_name_looks_like_a_subject() {
        for name in ["client:1", "Client:1", " client:1 "] {
            assert!(
                refusal(ClientSpec { name: name.into(), ..spec(&["https://a.example"]) }).contains("client:")
            );
        }
    }

    #[test]
    fn grants_stand_once_and_not_refresh_alone() {
        let mut twice = spec(&["https://a.example"]);
        twice.grants = vec![Grant::Refresh, Grant::AuthorizationCode, Grant::Refresh];
        twice.check(&policy()).unwrap();
        assert_eq!(twice.grants, [Grant::AuthorizationCode, Grant::Refresh]);
        for grants in [vec![], vec![Grant::Refresh]] {
            assert!(refusal(ClientSpec { grants, ..spec(&[]) }).contains("at least one grant type"));
        }
        assert!(refusal(spec(&[])).contains("at least one redirect URI"));
        let public =
            ClientSpec { grants: vec![Grant::ClientCredentials], ..ClientSpec::new(ClientType::Public) };
        assert!(
            refusal(ClientSpec { name: "N".into(), ..public }).contains("requires a confidential client")
        );
    }

    #[test]
    fn contract_4_1_project_and_service_account() {
        for (text, project, account) in [
            ("a", true, true),
            ("a.b-c_1", true, true),
            ("robot@example.com", false, true),
            ("a.", false, true),
            ("", false, false),
            (".a", false, false),
            ("a b", false, false),
            ("\u{e9}", false, false),
            (&"x".repeat(65), false, true),
            (&"x".repeat(256), false, false),
        ] {
            assert_eq!((is_project(text), is_service_account(text)), (project, account), "{text:?}");
        }
    }
}
