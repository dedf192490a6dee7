//! The authorization endpoint's rules (RFC 6749 4.1.1, RFC 9700 2.1, OpenID Connect Core 3.1.2).

mod destination;
mod question;

pub use destination::{Answer, Destination};
pub use question::{Question, Skip};

use crate::audit::Event;
use crate::claims::ClaimsRequest;
use crate::client::{self, Client, ClientStatus, Grant};
use crate::code::{self, AuthorizationCode};
use crate::consent::Consent;
use crate::db::{Json, Tx};
use crate::env::Env;
use crate::error::{Code, Error, Refusal, Result};
use crate::form::Params;
use crate::interaction::{AuthorizationRequest, Prompt, ResponseMode};
use crate::jwt;
use crate::logout;
use crate::pkce::Challenge;
use crate::redirect_uri::{self, Kind};
use crate::resource::Resources;
use crate::scope::Scope;
use crate::secret::Secret;
use crate::session::{PASSWORD, Session};
use crate::user::User;

/// Longest `state` and `nonce`, in bytes (the contract's).
pub(crate) const MAX_STATE: usize = 1024;
/// Longest text that fills the login form, in bytes.
const MAX_HINT: usize = 256;

/// Why an authorization request was not accepted.
#[derive(Debug)]
pub enum Rejected {
    /// Client or redirect URI do not hold: a page of our own, never a redirect (deviation D1).
    Page(Refusal),
    /// The client hears of it at its checked redirect URI.
    Redirect(Destination, Refusal),
    /// Something broke.
    Failed(Error),
}

impl From<Error> for Rejected {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => Rejected::Page(refusal),
            failed @ Error::Failed(_) => Rejected::Failed(failed),
        }
    }
}

/// Checks an authorization request. The client and its redirect URI come first: what is wrong with them is never
/// redirected. A client that registered itself hears of an error only after a person has logged in and agreed to go
/// there (RFC 9700 4.11.2), so its request is accepted, with the refusal in it.
pub fn validate(
    tx: &mut Tx<'_>,
    env: Env<'_>,
    params: &Params,
) -> Result<(Client, AuthorizationRequest), Rejected> {
    let bounded = |name: &'static str, words: &'static str| match params.get(name) {
        Some(text) if text.len() > MAX_STATE => Err(Error::refused(Code::InvalidRequest, words)),
        text => Ok(text.map(str::to_owned)),
    };
    let state = bounded("state", "state parameter exceeds maximum length")?;
    let nonce = bounded("nonce", "nonce parameter exceeds maximum length")?;
    let client = usable_client(tx, params.get("client_id").unwrap_or_default())?;
    let redirect_uri = params.get("redirect_uri").filter(|uri| client.has_redirect_uri(uri));
    let redirect_uri =
        redirect_uri.ok_or_else(|| Error::refused(Code::InvalidRequest, "invalid redirect_uri"))?;
    let posts = params.get("response_mode") == Some("form_post") && can_be_posted_to(redirect_uri);
    let mode = if posts { ResponseMode::FormPost } else { ResponseMode::Query };
    let destination = Destination { redirect_uri: redirect_uri.to_owned(), state, mode };
    match read(env, &client, params, (&destination, nonce)) {
        Ok(request) => Ok((client, request)),
        Err(Error::Refused(refusal)) if client.self_registered() && params.get("prompt") != Some("none") => {
            let request = AuthorizationRequest { refused: Some(refusal), ..destination.request(&client) };
            Ok((client, request))
        }
        Err(Error::Refused(refusal)) => Err(Rejected::Redirect(destination, refusal)),
        Err(failed @ Error::Failed(_)) => Err(Rejected::Failed(failed)),
    }
}

/// What a request of this client asks for, apart from where its answer goes.
fn read(
    env: Env<'_>,
    client: &Client,
    params: &Params,
    to: (&Destination, Option<String>),
) -> Result<AuthorizationRequest> {
    let (destination, nonce) = to;
    check_kind(params, destination)?;
    let scope = scope_of(client, params)?;
    let code_challenge = challenge(client, params)?;
    let resources = Resources::parse(params.all("resource"))?.spelled_as(&env.policy.resources);
    client.check_resources(&resources, env.policy)?;
    let (prompt, max_age) = freshness(params)?;
    let claims = params.get("claims").map(ClaimsRequest::parse).transpose()?.unwrap_or_default();
    let claims = claims.within(&|scope| client.scopes.has(scope));
    if !claims.essential_acr.is_empty() && !claims.essential_acr.iter().any(|acr| acr == PASSWORD) {
        return Err(Error::refused(
            Code::UnmetAuthenticationRequirements,
            "nobody can log in here as claims insists on; acr_values_supported lists how they can",
        ));
    }
    Ok(AuthorizationRequest {
        scope: scope.to_string(),
        nonce,
        code_challenge,
        resources,
        prompt,
        max_age,
        login_hint: params.get("login_hint").filter(|hint| hint.len() <= MAX_HINT).map(str::to_owned),
        subject: subject(env, client, params, &claims)?,
        claims,
        ..destination.request(client)
    })
}

/// The client of a stored request, if it could still make it. Scopes that it has lost in the meantime are dropped.
pub fn revalidate(tx: &mut Tx<'_>, request: &mut AuthorizationRequest) -> Result<Client> {
    let client = usable_client(tx, &request.client_id)?;
    if !client.has_redirect_uri(&request.redirect_uri) {
        return Err(Error::refused(Code::InvalidRequest, "invalid redirect_uri"));
    }
    if request.refused.is_none() {
        request.scope = client.registered(&Scope::parse(&request.scope)?)?.to_string();
    }
    Ok(client)
}

fn usable_client(tx: &mut Tx<'_>, client_id: &str) -> Result<Client> {
    let client = client::by_id(tx, client_id)?.filter(|client| client.status == ClientStatus::Active);
    let client = client.filter(|client| client.may(Grant::AuthorizationCode));
    client.ok_or_else(|| {
        Error::refused(
            Code::UnauthorizedClient,
            "no application with this client_id may use the authorization code flow here",
        )
    })
}

/// A form can be posted to a web address only.
fn can_be_posted_to(redirect_uri: &str) -> bool {
    redirect_uri::kind(redirect_uri) != Kind::PrivateUse
}

fn check_kind(params: &Params, destination: &Destination) -> Result<()> {
    let refuse = |code, words: &'static str| Err(Error::refused(code, words));
    if params.get("request").is_some() {
        return refuse(Code::RequestNotSupported, "request objects are not supported");
    }
    if params.get("request_uri").is_some() {
        return refuse(Code::RequestUriNotSupported, "request_uri is not supported");
    }
    if params.get("registration").is_some() {
        return refuse(Code::RegistrationNotSupported, "the registration parameter is not supported");
    }
    match params.get("response_type") {
        None => return refuse(Code::InvalidRequest, "response_type is required"),
        Some("code") => {}
        Some(_) => return refuse(Code::UnsupportedResponseType, "response_type must be code"),
    }
    match params.get("response_mode") {
        None | Some("query") => Ok(()),
        Some("form_post") if destination.mode == ResponseMode::FormPost => Ok(()),
        Some("form_post") => {
            refuse(Code::InvalidRequest, "response_mode=form_post needs an http or https redirect_uri")
        }
        Some(_) => refuse(Code::InvalidRequest, "response_mode must be query or form_post"),
    }
}

fn scope_of(client: &Client, params: &Params) -> Result<Scope> {
    let asked = params.get("scope").map(Scope::parse).transpose()?.filter(|asked| !asked.is_empty());
    asked.map_or_else(|| Ok(client.scopes.clone()), |asked| client.registered(&asked))
}

fn challenge(client: &Client, params: &Params) -> Result<Option<String>> {
    let challenge = Challenge::parse(params.get("code_challenge"), params.get("code_challenge_method"))?;
    if challenge.is_none() && (client.is_public() || client.self_registered() || client.pkce_required) {
        return Err(Error::refused(
            Code::InvalidRequest,
            "pkce required: send code_challenge with method S256",
        ));
    }
    Ok(challenge.map(|challenge| challenge.as_str().to_owned()))
}

fn freshness(params: &Params) -> Result<(Vec<Prompt>, Option<i64>)> {
    let invalid = |words: &'static str| Error::refused(Code::InvalidRequest, words);
    let mut prompts = Vec::new();
    for word in params.get("prompt").unwrap_or_default().split(' ').filter(|word| !word.is_empty()) {
        let prompt = match word {
            "none" => Prompt::None,
            "login" => Prompt::Login,
            "consent" => Prompt::Consent,
            "select_account" => Prompt::SelectAccount,
            _ => return Err(invalid("prompt must be none, login, consent or select_account")),
        };
        if !prompts.contains(&prompt) {
            prompts.push(prompt);
        }
    }
    if prompts.contains(&Prompt::None) && prompts.len() > 1 {
        // OpenID Connect Core 3.1.2.1: none with any other value is an error.
        return Err(invalid("prompt=none stands alone"));
    }
    let max_age = params.get("max_age").map(|text| {
        let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let seconds = digits.and_then(|digits| digits.parse::<u32>().ok()).map(i64::from);
        seconds.ok_or_else(|| invalid("max_age must be a whole number of seconds"))
    });
    Ok((prompts, max_age.transpose()?))
}

/// Whom `id_token_hint` (deviation D14) or `claims` names.
fn subject(env: Env<'_>, client: &Client, params: &Params, claims: &ClaimsRequest) -> Result<Option<String>> {
    let invalid = |words: &'static str| Error::refused(Code::InvalidRequest, words);
    let Some(hint) = params.secret("id_token_hint") else { return Ok(claims.sub.clone()) };
    let hint = jwt::hint(&hint, env.keys, &env.policy.issuer).filter(|hint| hint.aud == client.id);
    let subject = hint.ok_or_else(|| invalid("id_token_hint is no ID token of this client"))?.sub;
    if claims.sub.as_ref().is_some_and(|other| *other != subject) {
        return Err(invalid("id_token_hint and claims name different people"));
    }
    Ok(Some(subject))
}

/// Stores a code for a request that was allowed, now or before.
pub fn issue_code(
    tx: &mut Tx<'_>,
    env: Env<'_>,
    request: &AuthorizationRequest,
    by: (&Client, &User, &Session, &Consent),
) -> Result<Secret> {
    let (client, user, session, consent) = by;
    let scope = Scope::parse(&request.scope)?;
    let (id, code) = code::generate(env);
    AuthorizationCode {
        id,
        hash: code.sha256(),
        client_id: client.id.clone(),
        user_id: user.id.clone(),
        consent_id: consent.id.clone(),
        // With offline_access the grant outlives the browser session (deviation D31).
        session_id: (!scope.has("offline_access")).then(|| session.id.clone()),
        sid: Some(logout::sid(tx, env, &session.id, &client.id)?),
        redirect_uri: request.redirect_uri.clone(),
        resources: Json(request.resources.clone()),
        claims: request.claims.stored()?,
        code_challenge: request.code_challenge.clone(),
        nonce: request.nonce.clone(),
        auth_time: session.auth_time,
        acr: session.acr.clone(),
        amr: Json(serde_json::from_str(&session.amr)?),
        user_epoch: user.epoch,
        client_epoch: client.epoch,
        consent_epoch: consent.epoch,
        created_at: env.now(),
        expires_at: env.now() + env.policy.code,
        used_at: None,
        family_id: None,
        keep_until: env.now() + env.policy.code,
        scope,
    }
    .insert(tx)?;
    Event::info("AUTHORIZATION_CODE_GENERATED", "Authorization code generated")
        .by(&user.id)
        .named(&user.username)
        .on("AUTHORIZATION", &consent.id)
        .called(&client.name)
        .with(serde_json::json!({"client_id": client.id, "scopes": request.scope, "resource": request.resources}))
        .write(tx, env.origin, env.ctx)?;
    Ok(code)
}

/// Records that the person said no, and changes nothing else.
pub fn deny(tx: &mut Tx<'_>, env: Env<'_>, request: &AuthorizationRequest, user: &User) -> Result<()> {
    Event::info("AUTHORIZATION_CODE_DENIED", "User denied authorization to application")
        .by(&user.id)
        .named(&user.username)
        .on("CLIENT", &request.client_id)
        .with(serde_json::json!({"client_id": request.client_id, "scopes": request.scope}))
        .write(tx, env.origin, env.ctx)
}
