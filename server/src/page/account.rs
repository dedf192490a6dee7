//! What a person sees of their own account: who they are, where they are signed in, what has access.

use serde::Serialize;

use super::{Hidden, Resource, ScopeLine, Time, View};

/// Who is signed in, for the navigation and for "Not you?".
#[derive(Clone, Debug, Serialize)]
pub struct Account {
    /// Full name, or the user name where there is none.
    pub name: String,
    /// The name that was typed at sign-in.
    pub username: String,
}

/// `/account/sessions`, the home page: the person, their browsers, and the applications that can renew access.
#[derive(Clone, Debug, Serialize)]
pub struct Sessions {
    /// Who is signed in.
    pub account: Account,
    /// For every form of this page except signing out.
    pub csrf_token: String,
    /// What the last action did.
    pub flash: Option<Flash>,
    /// E-mail address.
    pub email: String,
    /// `admin` or `user`.
    pub role: String,
    /// When the person signed in here (`auth_time`).
    pub signed_in_at: Time,
    /// Live browser sessions, this one first.
    pub sessions: Vec<BrowserSession>,
    /// Live families of refresh tokens.
    pub apps: Vec<AppAccess>,
}

/// A browser that is signed in.
#[derive(Clone, Debug, Serialize)]
pub struct BrowserSession {
    /// The session's public id.
    pub id: String,
    /// True for the browser that shows the page.
    pub current: bool,
    /// Family and system ("Firefox on Linux").
    pub browser: String,
    /// Where it last came from.
    pub address: String,
    /// When it signed in.
    pub created_at: Time,
    /// When it was last used.
    pub last_seen_at: Time,
}

/// An application that can renew its access by itself.
#[derive(Clone, Debug, Serialize)]
pub struct AppAccess {
    /// The token family's id.
    pub id: String,
    /// The application's name.
    pub client_name: String,
    /// Scope names.
    pub scopes: Vec<String>,
    /// When access was given.
    pub created_at: Time,
    /// When it was last renewed; `None` if never.
    pub last_used_at: Option<Time>,
    /// When it ends.
    pub expires_at: Time,
}

/// `/account/authorizations`: what the person allowed.
#[derive(Clone, Debug, Serialize)]
pub struct Authorizations {
    /// Who is signed in.
    #[serde(skip)]
    pub account: Account,
    /// For every form of this page except signing out.
    pub csrf_token: String,
    /// What the last action did.
    pub flash: Option<Flash>,
    /// Live consents.
    pub authorizations: Vec<Authorization>,
}

/// A consent.
#[derive(Clone, Debug, Serialize)]
pub struct Authorization {
    /// Its id.
    pub id: String,
    /// The application's name.
    pub client_name: String,
    /// What was allowed; `new` is not shown here.
    pub scopes: Vec<ScopeLine>,
    /// What the tokens are good for.
    pub resources: Vec<Resource>,
    /// When it was allowed.
    pub granted_at: Time,
}

/// What the last action did, said once.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", content = "text", rename_all = "snake_case")]
pub enum Flash {
    /// It worked.
    Success(String),
    /// It did not.
    Error(String),
}

/// Asks before signing out (a GET of `/logout` from elsewhere).
#[derive(Clone, Debug, Serialize)]
pub struct SignOut {
    /// Who is signed in.
    pub account: Account,
    /// The application that asked for it, where known.
    pub client_name: Option<String>,
    /// Where the answer goes: a path of ours.
    pub action: String,
    /// What goes along.
    pub fields: Vec<Hidden>,
}

/// Nobody is signed in any more.
#[derive(Clone, Debug, Serialize)]
pub struct SignedOut {}

impl View for Sessions {
    const TEMPLATE: &'static str = "sessions";
    const PLACE: &'static str = "/account/sessions";

    fn title(&self) -> String {
        "Your account".into()
    }

    fn navigation(&self) -> Option<&Account> {
        Some(&self.account)
    }
}

impl View for Authorizations {
    const TEMPLATE: &'static str = "authorizations";
    const PLACE: &'static str = "/account/authorizations";

    fn title(&self) -> String {
        "Authorized apps".into()
    }

    fn navigation(&self) -> Option<&Account> {
        Some(&self.account)
    }
}

impl View for SignedOut {
    const TEMPLATE: &'static str = "signed_out";

    fn title(&self) -> String {
        "Signed out".into()
    }
}

impl View for SignOut {
    const TEMPLATE: &'static str = "sign_out";

    fn title(&self) -> String {
        "Sign out".into()
    }
}
