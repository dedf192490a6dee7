//! What a person is asked, and when they need not be (`sessions-and-consent.md`).

use crate::client::{Client, Grant};
use crate::consent::{self, Consent, ConsentOrigin, Pairs};
use crate::db::Tx;
use crate::error::{Code, Refusal, Result};
use crate::interaction::{AuthorizationRequest, Prompt};
use crate::policy::Policy;
use crate::redirect_uri::{self, Kind};
use crate::scope::Scope;
use crate::secret::sha256;
use crate::user::User;

/// What a consent page is about: the request, who is asked, and what they allowed before.
pub struct Question {
    /// Who asks.
    pub client: Client,
    /// What is asked for.
    pub pairs: Pairs,
    /// Claims that are asked for by name.
    pub claims: Vec<String>,
    /// What stands already, if its epochs hold.
    pub known: Option<Consent>,
}

/// Whether a consent page can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// It can.
    Yes,
    /// The person must be asked.
    Ask,
    /// They allowed all of it, but the redirect goes to where any program of theirs could listen (RFC 8252 8.6).
    AskBecauseOfRedirect,
}

impl Question {
    /// Reads what is known about this request and user.
    ///
    /// Scopes that this person's role may not give are dropped from the request first, like those that the client has not
    /// registered; if that leaves nothing useful, the request is refused.
    pub fn of(
        tx: &mut Tx<'_>,
        policy: &Policy,
        client: Client,
        user: &User,
        request: &mut AuthorizationRequest,
    ) -> Result<Self> {
        let asked = Scope::parse(&request.scope)?;
        let scope = asked.filter(|name| policy.may_have(name, Some(user.role)));
        if request.refused.is_none() && !scope.is_enough_of(&asked) {
            let words = "this person may give none of the requested scopes";
            request.refused =
                Some(Refusal { code: Code::InvalidScope, description: words.into(), commit: false });
        }
        request.scope = scope.to_string();
        let pairs = Pairs::of(&Scope::parse(&request.scope)?, &request.resources);
        let known = consent::active(tx, &user.id, &client.id, ConsentOrigin::Code)?;
        let known = known.filter(|known| known.holds(user, &client));
        Ok(Self { client, pairs, claims: request.claims.names(), known })
    }

    /// Applies the rules of `sessions-and-consent.md`.
    pub fn skip(&self, policy: &Policy, user: &User, request: &AuthorizationRequest, now: i64) -> Skip {
        let kind = redirect_uri::kind(&request.redirect_uri);
        if request.prompts(Prompt::Consent) || request.refused.is_some() {
            return Skip::Ask;
        }
        if self.client.skip_consent && kind == Kind::Https {
            return Skip::Yes;
        }
        let remembered = policy.consent_remember && self.client.remember_consent;
        let covered = |known: &Consent| {
            known.covers((&self.pairs, &self.claims), user, &self.client, policy.consent_max_age, now)
        };
        if !remembered || !self.known.as_ref().is_some_and(covered) {
            return Skip::Ask;
        }
        if kind == Kind::Https || policy.compat.remember_native_consent && kind != Kind::Http {
            return Skip::Yes;
        }
        Skip::AskBecauseOfRedirect
    }

    /// True if this scope was not allowed before, in all the places that are asked for now.
    pub fn is_new(&self, scope: &str) -> bool {
        self.allowed().is_none_or(|known| self.pairs.adds(scope, &known.pairs.0))
    }

    /// True if this claim was not allowed before.
    pub fn is_new_claim(&self, claim: &str) -> bool {
        self.allowed().is_none_or(|known| known.claims.0.iter().all(|allowed| allowed != claim))
    }

    /// What was allowed to the client as it is now.
    fn allowed(&self) -> Option<&Consent> {
        self.known.as_ref().filter(|known| known.client_digest == self.client.digest())
    }

    /// A digest of what the page shows, so that a decision is about just that.
    pub fn digest(&self, request: &AuthorizationRequest) -> String {
        let shown = serde_json::json!([
            self.client.digest(),
            self.client.description,
            self.client.scopes.to_string(),
            // How long access lasts.
            self.client.token_profile,
            self.client.may(Grant::Refresh),
            request.scope,
            request.resources,
            self.claims
        ]);
        sha256(shown.to_string().as_bytes())
    }
}
