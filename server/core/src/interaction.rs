//! An authorization request while a person decides about it (`sessions-and-consent.md`).

use serde::{Deserialize, Serialize};

use crate::claims::ClaimsRequest;
use crate::db::{Json, Tx, params, row};
use crate::env::Env;
use crate::error::{Refusal, Result};
use crate::resource::Resources;
use crate::secret::sha256;
use crate::session::Session;

/// Seconds in which a request must be decided.
pub const LIFETIME: i64 = 600;

/// A validated authorization request. Its scope is what is left of the one that was sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// The client.
    pub client_id: String,
    /// As it was sent.
    pub redirect_uri: String,
    /// Space separated; registered for the client.
    pub scope: String,
    /// Given back as it was sent.
    pub state: Option<String>,
    /// For the ID token.
    pub nonce: Option<String>,
    /// S256.
    pub code_challenge: Option<String>,
    /// As sent, each once.
    pub resources: Resources,
    /// `prompt` values.
    pub prompt: Vec<Prompt>,
    /// Seconds since the login, at most.
    pub max_age: Option<i64>,
    /// Fills the login form.
    pub login_hint: Option<String>,
    /// The only user who may answer, if `id_token_hint` named one.
    pub subject: Option<String>,
    /// What is asked for by name.
    #[serde(default)]
    pub claims: ClaimsRequest,
    /// How the answer travels.
    #[serde(default)]
    pub response_mode: ResponseMode,
    /// Why the request is not accepted, where a person must log in before the client hears of it. Then the scope is
    /// empty, and nothing can be allowed.
    #[serde(default)]
    pub refused: Option<Refusal>,
}

/// OAuth 2.0 Multiple Response Types 2.1, OAuth 2.0 Form Post Response Mode 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// As the fields of a form that the browser posts to the redirect URI.
    FormPost,
}

/// OpenID Connect Core 3.1.2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// No page at all.
    None,
    /// Log in again.
    Login,
    /// Ask again.
    Consent,
    /// Choose who signs in; here, by logging in again.
    SelectAccount,
}

impl AuthorizationRequest {
    /// True if `prompt` has this value.
    pub fn prompts(&self, prompt: Prompt) -> bool {
        self.prompt.contains(&prompt)
    }

    /// True if the person must log in although they have: choosing an account is done by logging in, and `max_age=0` is
    /// `prompt=login` (OpenID Connect Core 3.1.2.1).
    pub fn wants_login(&self) -> bool {
        self.prompts(Prompt::Login) || self.prompts(Prompt::SelectAccount) || self.max_age == Some(0)
    }

    /// A login before this moment does not count for a request that arrived `now`. Times are whole seconds, so a
    /// `last_login` in this very one is ruled out by name.
    fn auth_after(&self, now: i64, last_login: Option<i64>) -> i64 {
        if self.wants_login() {
            return last_login.map_or(now, |login| now.max(login + 1));
        }
        self.max_age.map_or(0, |max_age| now - max_age)
    }
}

row! {
    /// A request that waits for its decision.
    pub struct Interaction in "interactions" {
        /// UUID version 7; useless without the cookie of its browser.
        id: String,
        /// SHA-256 of the cookie that the browser had.
        browser_hash: String,
        /// The session that saw the page.
        session_id: Option<String>,
        /// The user who saw the page.
        user_id: Option<String>,
        /// The request.
        request: Json<AuthorizationRequest>,
        /// Digest of what the page showed.
        shown: Option<String>,
        /// Only a login from this moment on passes, in unix seconds.
        auth_after: i64,
        /// Unix seconds of the decision.
        used_at: Option<i64>,
        /// Unix seconds.
        created_at: i64,
        /// Unix seconds.
        expires_at: i64,
    }
}

impl Interaction {
    /// True if the session is of whom this request is for, its login recent enough, and of a kind that it insists on.
    pub fn accepts(&self, session: &Session) -> bool {
        let contexts = &self.request.0.claims.essential_acr;
        session.auth_time >= self.auth_after
            && (contexts.is_empty() || contexts.contains(&session.acr))
            && self.request.0.subject.as_ref().is_none_or(|subject| *subject == session.user_id)
    }
}

/// Stores a request for the browser that holds the cookie `browser` and in which somebody logged in at `last_login`;
/// that moment matters only to a request that wants a login.
pub fn store(
    tx: &mut Tx<'_>,
    env: Env<'_>,
    request: AuthorizationRequest,
    browser: &str,
    last_login: Option<i64>,
) -> Result<Interaction> {
    let interaction = Interaction {
        id: env.ctx.id().to_string(),
        browser_hash: sha256(browser.as_bytes()),
        session_id: None,
        user_id: None,
        auth_after: request.auth_after(env.now(), last_login),
        request: Json(request),
        shown: None,
        used_at: None,
        created_at: env.now(),
        expires_at: env.now() + LIFETIME,
    };
    interaction.insert(tx)?;
    Ok(interaction)
}

/// The open interaction of this id and browser.
pub fn open(tx: &mut Tx<'_>, id: &str, browser: &str, now: i64) -> Result<Option<Interaction>> {
    tx.one(
        &format!(
            "SELECT {} FROM interactions WHERE id = ?1 AND browser_hash = ?2 AND used_at IS NULL AND expires_at > ?3",
            Interaction::COLUMNS
        ),
        params![id, sha256(browser.as_bytes()), now],
    )
}

/// Binds an interaction to the session that sees its page, and to what the page shows.
pub fn show(tx: &mut Tx<'_>, id: &str, session: &Session, digest: &str) -> Result<()> {
    tx.execute(
        "UPDATE interactions SET session_id = ?2, user_id = ?3, shown = ?4 WHERE id = ?1 AND used_at IS NULL",
        params![id, &session.id, &session.user_id, digest],
    )
    .map(drop)
}

/// Takes an interaction for its one decision. False if it was decided before, or shown to another session.
pub fn take(tx: &mut Tx<'_>, interaction: &Interaction, session: &Session, now: i64) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE interactions SET used_at = ?2 WHERE id = ?1 AND used_at IS NULL AND expires_at > ?2 \
         AND session_id = ?3 AND user_id = ?4 AND shown IS NOT NULL",
        params![&interaction.id, now, &session.id, &session.user_id],
    )?;
    Ok(changed == 1)
}
