//! Signing out at the wish of a client, and telling clients that somebody signed out (OpenID Connect RP-Initiated Logout 1.0,
//! Back-Channel Logout 1.0).

mod notice;

use crate::authorize::MAX_STATE;
use crate::client::{self, Client, ClientStatus};
use crate::db::{Tx, params};
use crate::env::Env;
use crate::error::{Code, Error, Result};
use crate::form::Params;
use crate::jwt::{self, Hint};
use crate::redirect_uri;
use crate::secret::base64url;
use crate::session::Session;

pub use notice::{Notice, claim, delivered, failed, is_due, queue, token};

/// A checked request to sign out.
pub struct LogoutRequest {
    /// The client that asks, where it said so.
    pub client: Option<Client>,
    /// Whom it thinks is signed in; none if its hint is missing or does not hold.
    pub hint: Option<Hint>,
    /// Where the person goes afterwards: registered for the client.
    pub redirect_uri: Option<String>,
    /// Given back there.
    pub state: Option<String>,
}

impl LogoutRequest {
    /// Checks a request (RP-Initiated Logout 2, 3). What cannot be is a page of our own: nobody is sent to an address that
    /// was not registered.
    pub fn read(tx: &mut Tx<'_>, env: Env<'_>, params: &Params) -> Result<Self> {
        let invalid = |words: &'static str| Error::refused(Code::InvalidRequest, words);
        // One that cannot be verified, since its key is gone for example, proves nothing and the person is asked.
        let hint = params.secret("id_token_hint");
        let hint = hint.and_then(|hint| jwt::hint(&hint, env.keys, &env.policy.issuer));
        let named = params.get("client_id");
        if let (Some(hint), Some(named)) = (&hint, named)
            && hint.aud != named
        {
            return Err(invalid("id_token_hint was issued to another client than client_id says"));
        }
        let client_id = named.or(hint.as_ref().map(|hint| hint.aud.as_str()));
        let client = client_id.map(|id| client::by_id(tx, id)).transpose()?.flatten();
        let client = client.filter(|client| client.status == ClientStatus::Active);
        if named.is_some() && client.is_none() {
            return Err(invalid("no application with this client_id is known here"));
        }
        let state = params.get("state").map(str::to_owned);
        if state.as_ref().is_some_and(|state| state.len() > MAX_STATE) {
            return Err(invalid("state parameter exceeds maximum length"));
        }
        let redirect_uri = params.get("post_logout_redirect_uri").map(str::to_owned);
        if let Some(uri) = &redirect_uri {
            let registered =
                client.as_ref().is_some_and(|client| client.post_logout_redirect_uris.0.contains(uri));
            if !registered {
                return Err(invalid(
                    "post_logout_redirect_uri is not registered for the application that asks; it must be named by \
                     client_id or id_token_hint",
                ));
            }
        }
        Ok(Self { client, hint, redirect_uri, state })
    }

    /// True if the client knows who is signed in, and in which session: then nobody has to be asked.
    pub fn is_about(&self, tx: &mut Tx<'_>, session: &Session) -> Result<bool> {
        let hint = self.hint.as_ref().filter(|hint| self.client.is_some() && hint.sub == session.user_id);
        let Some(hint) = hint else { return Ok(false) };
        // A device's ID token names no session, so it ends none.
        Ok(hint.sid.is_some() && hint.sid == sid_of(tx, &session.id, &hint.aud)?)
    }

    /// Where to go afterwards, with the state.
    pub fn destination(&self) -> Option<String> {
        let uri = self.redirect_uri.as_ref()?;
        let Some(state) = &self.state else { return Some(uri.clone()) };
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("state", state).finish();
        Some(redirect_uri::with_query(uri, &query))
    }
}

/// The name of a session at a client (OpenID Connect Back-Channel Logout 2.1): random, made at the first code.
pub fn sid(tx: &mut Tx<'_>, env: Env<'_>, session_id: &str, client_id: &str) -> Result<String> {
    tx.execute(
        "INSERT INTO session_clients (session_id, client_id, sid, created_at) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (session_id, client_id) DO NOTHING",
        params![session_id, client_id, base64url(&env.ctx.bytes::<16>()), env.now()],
    )?;
    let found = sid_of(tx, session_id, client_id)?;
    found.ok_or_else(|| {
        Error::failed(format_args!("database: session_clients lacks {session_id} {client_id}"))
    })
}

fn sid_of(tx: &mut Tx<'_>, session_id: &str, client_id: &str) -> Result<Option<String>> {
    let found: Option<(String,)> = tx.one(
        "SELECT sid FROM session_clients WHERE session_id = ?1 AND client_id = ?2",
        params![session_id, client_id],
    )?;
    Ok(found.map(|(sid,)| sid))
}
