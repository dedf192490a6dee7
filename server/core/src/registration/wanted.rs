//! From what a client says about itself to what it is registered as. Members that it may not have are left out, as
//! RFC 7591 2 allows, and the answer says so; members that make no sense are refused.

use super::{Metadata, as_metadata, invalid};
use crate::client::{ApplicationType, Client, ClientSpec, ClientType, Grant, redirect_kinds};
use crate::db::{Tx, params};
use crate::error::{Code, Error, Result};
use crate::keys::Algorithm;
use crate::policy::Policy;
use crate::redirect_uri::{self, Kind};
use crate::scope::Scope;

/// Most redirect URIs and most post-logout redirect URIs (deviation D25); editors that register themselves name four.
const MAX_URIS: usize = 10;
/// Longest `client_uri` in bytes, as for redirect URIs.
const MAX_URI: usize = 2048;
/// Characters of a value that a refusal repeats.
const MAX_SHOWN: usize = 60;
/// A client that gives no name and has no web site is called this.
const UNNAMED: &str = "Unnamed application";

/// What will be stored.
pub(super) struct Wanted {
    pub spec: ClientSpec,
    pub rest: Rest,
}

/// Columns that only registration fills.
pub(super) struct Rest {
    auth_method: &'static str,
    uri: Option<String>,
}

impl Wanted {
    /// Checks everything; `known` is the client in an update.
    pub fn read(metadata: Metadata, policy: &Policy, known: Option<&Client>) -> Result<Self> {
        let auth_method = auth_method(metadata.token_endpoint_auth_method.as_deref(), known)?;
        let client_type = if auth_method == "none" { ClientType::Public } else { ClientType::Confidential };
        if known.is_some_and(|known| known.client_type != client_type) {
            return Err(invalid(
                "token_endpoint_auth_method cannot change between none and a secret: register a new client",
            ));
        }
        if !metadata.subject_type.as_deref().is_none_or(|kind| kind.is_empty() || kind == "public") {
            return Err(invalid("Unsupported subject_type. Supported: public"));
        }
        let grants = grants(metadata.grant_types.as_deref(), policy, known)?;
        check_response_types(metadata.response_types.as_deref(), &grants)?;
        let redirect_uris = list(metadata.redirect_uris, "redirect_uris")?;
        let application_type = application_type(metadata.application_type.as_deref(), &redirect_uris)?;
        check_redirects(&redirect_uris, application_type, policy)?;
        let scopes = scopes(metadata.scope.as_deref(), policy, known)?;
        let name = name(metadata.client_name, &redirect_uris)?;
        let id_token_alg = id_token_alg(metadata.id_token_signed_response_alg.as_deref())?;
        let uri = client_uri(metadata.client_uri)?;
        let native = application_type == ApplicationType::Native;
        let post_logout_redirect_uris =
            list(metadata.post_logout_redirect_uris, "post_logout_redirect_uris")?;
        redirect_kinds(&post_logout_redirect_uris, native, policy)
            .map_err(|why| invalid(format!("post_logout_redirect_uris: {why}")))?;
        let backchannel_logout_uri = backchannel(metadata.backchannel_logout_uri, policy)?;
        let base = match known {
            Some(known) => ClientSpec::of(known),
            None => ClientSpec {
                audiences: Some(Vec::new()),
                pkce_required: Some(true),
                id_token_claims: false,
                ..ClientSpec::new(client_type)
            },
        };
        let application_type = Some(application_type);
        let spec = ClientSpec {
            name,
            application_type,
            grants,
            scopes,
            redirect_uris,
            post_logout_redirect_uris,
            backchannel_logout_session: backchannel_logout_uri.is_some()
                && metadata.backchannel_logout_session_required.unwrap_or(false),
            backchannel_logout_uri,
            id_token_alg,
            ..base
        };
        Ok(Self { spec, rest: Rest { auth_method, uri } })
    }
}

impl Rest {
    /// Writes the columns.
    pub fn store(self, tx: &mut Tx<'_>, client_id: &str) -> Result<()> {
        tx.execute(
            "UPDATE clients SET auth_method = ?2, uri = ?3 WHERE id = ?1",
            params![client_id, self.auth_method, &self.uri],
        )
        .map(drop)
    }
}

/// RFC 7591 2: `client_secret_basic` if nothing is said. An update that says nothing leaves it (RFC 7592 2.2 lets a
/// server ignore an empty value).
fn auth_method(said: Option<&str>, known: Option<&Client>) -> Result<&'static str> {
    const METHODS: [&str; 3] = ["none", "client_secret_basic", "client_secret_post"];
    let said = said.filter(|said| !said.is_empty()).or(known.map(|known| known.auth_method.as_str()));
    let said = said.unwrap_or("client_secret_basic");
    METHODS.into_iter().find(|method| *method == said).ok_or_else(|| {
        let shown = shown(said);
        invalid(format!(
            "Unsupported token_endpoint_auth_method: {shown}. Supported: none, client_secret_basic, client_secret_post"
        ))
    })
}

/// RFC 7591 2: `authorization_code` if nothing is said. A grant that is known here but not for this client is left out.
fn grants(said: Option<&[String]>, policy: &Policy, known: Option<&Client>) -> Result<Vec<Grant>> {
    let named = |name: &String| {
        Grant::from_name(name).ok_or_else(|| {
            let shown = shown(name);
            invalid(format!(
                "Unsupported grant_type: {shown}. Supported: authorization_code, refresh_token, device_code, client_credentials"
            ))
        })
    };
    let asked = match said {
        None | Some([]) => vec![Grant::AuthorizationCode],
        Some(said) => said.iter().map(named).collect::<Result<_>>()?,
    };
    let may = |grant: &Grant| {
        let allowed = policy.registration.mode.allows(*grant) || known.is_some_and(|known| known.may(*grant));
        allowed && (policy.refresh_enabled || *grant != Grant::Refresh)
    };
    let kept: Vec<_> = asked.into_iter().filter(may).collect();
    if kept.iter().all(|grant| *grant == Grant::Refresh) {
        return Err(invalid("none of the grant_types can be registered: name authorization_code"));
    }
    Ok(kept)
}

/// RFC 7591 2.1: `code` goes with `authorization_code` and with nothing else.
fn check_response_types(said: Option<&[String]>, grants: &[Grant]) -> Result<()> {
    let Some(said) = said else { return Ok(()) };
    if let Some(other) = said.iter().find(|kind| *kind != "code") {
        let shown = shown(other);
        return Err(invalid(format!("Unsupported response_type: {shown}. Supported: code")));
    }
    if said.is_empty() == grants.contains(&Grant::AuthorizationCode) {
        return Err(invalid("response_types and grant_types disagree: code goes with authorization_code"));
    }
    Ok(())
}

fn list(uris: Option<Vec<String>>, member: &str) -> Result<Vec<String>> {
    let uris = uris.unwrap_or_default();
    if uris.len() > MAX_URIS {
        return Err(invalid(format!("{member} has more than {MAX_URIS} entries")));
    }
    Ok(uris)
}

/// OpenID Connect Registration 2 has `web` by default; a client that names loopback or private-use addresses is native
/// all the same (deviation D25), since MCP clients do not say.
fn application_type(said: Option<&str>, redirect_uris: &[String]) -> Result<ApplicationType> {
    if let Some(said) = said.filter(|said| !said.is_empty()) {
        return ApplicationType::parse(said)
            .ok_or_else(|| invalid("Unsupported application_type. Supported: web, native"));
    }
    let of_native = |uri: &String| matches!(redirect_uri::kind(uri), Kind::Loopback | Kind::PrivateUse);
    let native = redirect_uris.iter().any(of_native);
    Ok(if native { ApplicationType::Native } else { ApplicationType::Web })
}

fn check_redirects(uris: &[String], application_type: ApplicationType, policy: &Policy) -> Result<()> {
    let refuse = |why: String| Err(Error::refused(Code::InvalidRedirectUri, why));
    let native = application_type == ApplicationType::Native;
    match redirect_kinds(uris, native, policy) {
        Ok(kinds) if !native && kinds.contains(&Kind::Loopback) => {
            refuse("invalid redirect_uri: a loopback address is for application_type native".into())
        }
        Ok(_) => Ok(()),
        Err(why) => refuse(why),
    }
}

/// What may be had of what is asked for (deviation D30); everything if nothing is asked for.
fn scopes(said: Option<&str>, policy: &Policy, known: Option<&Client>) -> Result<Scope> {
    let rules = &policy.registration;
    let usable = |name: &str| policy.refresh_enabled || name != "offline_access";
    let asked = Scope::parse(said.unwrap_or_default()).map_err(as_metadata)?;
    if asked.is_empty() {
        return Ok(rules.scopes.filter(usable));
    }
    let may = |name: &str| rules.scopes.has(name) || known.is_some_and(|known| known.scopes.has(name));
    let kept = asked.filter(|name| may(name) && usable(name));
    if kept.is_empty() || asked.has("openid") && !kept.has("openid") {
        let allowed = rules.scopes.iter().collect::<Vec<_>>().join(", ");
        return Err(invalid(format!("Unsupported scope: nothing useful is left. Allowed: {allowed}")));
    }
    Ok(kept)
}

/// What people will read. Characters that hide, turn or break a line are refused (deviation D45 is checked with the
/// other rules of names).
fn name(said: Option<String>, redirect_uris: &[String]) -> Result<String> {
    let said = said.filter(|said| !said.trim().is_empty());
    if let Some(said) = said {
        if said.chars().any(is_deceptive) {
            return Err(invalid("client_name has control, direction or invisible characters"));
        }
        return Ok(said);
    }
    let web = redirect_uris.iter().find(|uri| redirect_uri::kind(uri) == Kind::Https);
    Ok(web.map_or_else(|| UNNAMED.to_owned(), |uri| redirect_uri::host(uri)))
}

/// Controls, bidirectional marks and overrides, and characters of no width.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn id_token_alg(said: Option<&str>) -> Result<Option<Algorithm>> {
    let Some(said) = said.filter(|said| !said.is_empty()) else { return Ok(None) };
    match Algorithm::parse(said) {
        Some(algorithm) if algorithm != Algorithm::Hs256 => Ok(Some(algorithm)),
        _ => Err(invalid("Unsupported id_token_signed_response_alg. Supported: RS256, ES256")),
    }
}

/// Kept, and never a link on a page.
fn client_uri(said: Option<String>) -> Result<Option<String>> {
    let Some(said) = said.filter(|said| !said.is_empty()) else { return Ok(None) };
    let wrong = || invalid(format!("client_uri must be an http or https URI of at most {MAX_URI} bytes"));
    let plain = said.len() <= MAX_URI && said.bytes().all(|byte| byte.is_ascii_graphic());
    let url = url::Url::parse(&said).ok().filter(|_| plain).ok_or_else(wrong)?;
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong());
    }
    Ok(Some(said))
}

/// The one address that this server will call; in open mode there is none (deviation D25).
fn backchannel(said: Option<String>, policy: &Policy) -> Result<Option<String>> {
    let said = said.filter(|said| !said.is_empty() && policy.registration.mode != super::Mode::Open);
    let Some(said) = said else { return Ok(None) };
    let kinds = redirect_kinds(std::slice::from_ref(&said), false, policy);
    if kinds.as_deref() != Ok(&[Kind::Https]) {
        return Err(invalid(
            "backchannel_logout_uri must be an https URI without user, fragment or dot segments",
        ));
    }
    Ok(Some(said))
}

/// What was sent, as a description may repeat it: these characters and no others (RFC 6749 5.2).
fn shown(text: &str) -> String {
    let allowed = |c: char| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~');
    text.chars().take(MAX_SHOWN).map(|c| if allowed(c) { c } else { '?' }).collect()
}
