//! Pages that say what went wrong and what to do about it.

use serde::Serialize;

use super::{Account, Lifetime, View};

/// An error for a person.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorPage {
    /// Who is signed in, if known.
    #[serde(skip)]
    pub account: Option<Account>,
    /// The HTTP status of the answer.
    pub status: u16,
    /// What happened, in a few words; the page's title.
    #[serde(skip)]
    pub title: String,
    /// The error code, for whoever asks support.
    pub code: Option<String>,
    /// What to do about it.
    pub message: String,
    /// The next step.
    pub retry: Option<Link>,
    /// Finds the request in the logs.
    pub request_id: Option<String>,
}

/// A link of ours.
#[derive(Clone, Debug, Serialize)]
pub struct Link {
    /// A path of this server.
    pub path: String,
    /// What it does ("Try again").
    pub text: String,
}

impl ErrorPage {
    /// An error with this status, title and advice, and nothing else.
    pub fn new(status: u16, title: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            account: None,
            status,
            title: title.into(),
            code: None,
            message: message.into(),
            retry: None,
            request_id: None,
        }
    }

    /// 403: a form without a valid CSRF token, or a page that is not for this person.
    pub fn forbidden() -> Self {
        let message = "This page has expired or is not yours to use. Go back, reload the page and try again.";
        Self::new(403, "You cannot do that", message)
    }

    /// 404.
    pub fn not_found() -> Self {
        let message = "Check the address for typing mistakes, or start again from your account.";
        Self::new(404, "Page not found", message)
    }

    /// 405.
    pub fn method_not_allowed() -> Self {
        let message = "This address cannot be opened that way. Go back and use the page's own buttons.";
        Self::new(405, "That does not work here", message)
    }

    /// 429, with the time after which it works again.
    pub fn too_many_requests(retry_after: Lifetime) -> Self {
        let message = format!("To keep accounts safe, attempts are limited. Try again in {retry_after}.");
        Self::new(429, "Too many attempts", message)
    }

    /// 500.
    pub fn internal() -> Self {
        let message = "The problem is ours, not yours. Try again; if it stays, tell your administrator.";
        Self::new(500, "Something went wrong", message)
    }

    /// 503: busy, starting or stopping.
    pub fn unavailable() -> Self {
        let message = "The service is busy or restarting. Nothing was lost: wait a moment, then try again.";
        Self::new(503, "Back in a moment", message)
    }
}

impl View for ErrorPage {
    const TEMPLATE: &'static str = "error";

    fn title(&self) -> String {
        self.title.clone()
    }

    fn navigation(&self) -> Option<&Account> {
        self.account.as_ref()
    }
}
