//! The page between here and an application: hands an answer over by a form, or asks before it leaves.

use serde::Serialize;

use super::{Hidden, View};

/// Leads to an application's redirect URI.
#[derive(Clone, Debug, Serialize)]
pub struct Continue {
    /// Where the button leads: the redirect URI's host in punycode, or its private-use scheme.
    pub host: String,
    /// The whole address.
    pub address: String,
    /// What is posted there (OAuth 2.0 Form Post Response Mode 2); `None` makes the button a link.
    pub fields: Option<Vec<Hidden>>,
    /// The application's name, where the person is asked before they leave.
    pub client_name: Option<String>,
    /// Why the application gets nothing.
    pub refusal: Option<String>,
    /// The path of the script that presses the button.
    pub script: Option<String>,
}

impl View for Continue {
    const TEMPLATE: &'static str = "continue";

    fn title(&self) -> String {
        "Continue to the application".into()
    }
}
