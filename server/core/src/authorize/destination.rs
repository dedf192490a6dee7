//! Where and how an authorization request is answered (RFC 6749 4.1.2, RFC 9207, OAuth 2.0 Form Post Response Mode).

use crate::claims::ClaimsRequest;
use crate::client::Client;
use crate::error::Refusal;
use crate::interaction::{AuthorizationRequest, ResponseMode};
use crate::redirect_uri;
use crate::resource::Resources;
use crate::secret::Secret;

/// A checked redirect URI, with how to answer there and the state to give back.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Registered for the client.
    pub redirect_uri: String,
    /// As it was sent.
    pub state: Option<String>,
    /// How the answer travels.
    pub mode: ResponseMode,
}

impl Destination {
    /// Where a stored request answers to.
    pub fn of(request: &AuthorizationRequest) -> Self {
        Self {
            redirect_uri: request.redirect_uri.clone(),
            state: request.state.clone(),
            mode: request.response_mode,
        }
    }

    /// A request of this client that asks for nothing.
    pub(super) fn request(&self, client: &Client) -> AuthorizationRequest {
        AuthorizationRequest {
            client_id: client.id.clone(),
            redirect_uri: self.redirect_uri.clone(),
            scope: String::new(),
            state: self.state.clone(),
            nonce: None,
            code_challenge: None,
            resources: Resources::default(),
            prompt: Vec::new(),
            max_age: None,
            login_hint: None,
            subject: None,
            claims: ClaimsRequest::default(),
            response_mode: self.mode,
            refused: None,
        }
    }

    /// A code (RFC 6749 4.1.2, RFC 9207 2).
    pub fn code(&self, code: &Secret, issuer: &str) -> Answer {
        self.answer(vec![("code", code.expose().to_owned())], issuer)
    }

    /// An error (RFC 6749 4.1.2.1, RFC 9207 2).
    pub fn error(&self, refusal: &Refusal, issuer: &str) -> Answer {
        let description = refusal.description.clone().into_owned();
        self.answer(
            vec![("error", refusal.code.as_str().to_owned()), ("error_description", description)],
            issuer,
        )
    }

    fn answer(&self, mut params: Vec<(&'static str, String)>, issuer: &str) -> Answer {
        params.extend(self.state.clone().map(|state| ("state", state)));
        params.push(("iss", issuer.to_owned()));
        Answer { redirect_uri: self.redirect_uri.clone(), mode: self.mode, params }
    }
}

/// What the client is told; it may hold a code, so it has no `Debug`.
pub struct Answer {
    /// Registered for the client.
    pub redirect_uri: String,
    /// How it travels.
    pub mode: ResponseMode,
    /// Each parameter once.
    pub params: Vec<(&'static str, String)>,
}

impl Answer {
    /// The redirect URI with the parameters in its query.
    pub fn address(&self) -> String {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.params).finish();
        redirect_uri::with_query(&self.redirect_uri, &query)
    }
}
