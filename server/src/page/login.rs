//! The sign-in page.

use serde::Serialize;

use super::{Lifetime, View};

/// Asks for user name and password; posts `username`, `password`, `redirect`, `remember_me` to `/login`.
#[derive(Clone, Debug, Serialize)]
pub struct Login {
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// Why the person is here ("Your session has expired ...").
    pub notice: Option<String>,
    /// What was typed before; empty at first.
    pub username: String,
    /// The path to go on to: an interaction or a page of ours. Already checked; empty for the account page.
    pub redirect: String,
    /// How long "remember me" lasts; `None` hides the box.
    pub remember_for: Option<Lifetime>,
    /// The application that the person is signing in to.
    pub client_name: Option<String>,
}

impl View for Login {
    const TEMPLATE: &'static str = "login";

    fn title(&self) -> String {
        if self.error.is_some() { "Error: Sign in" } else { "Sign in" }.into()
    }
}
