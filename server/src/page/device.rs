//! The device flow's pages (RFC 8628 3.3): enter the code, compare and decide, done.

use serde::Serialize;

use super::{Account, Resource, ScopeLine, Time, View};

/// Asks for the code on the device; posts `user_code` to `/device/verify`.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceEntry {
    /// Who is signed in.
    #[serde(skip)]
    pub account: Account,
    /// Bound to the session and to this form.
    pub csrf_token: String,
    /// Why the last code was refused.
    pub error: Option<String>,
    /// What was typed before; empty at first.
    pub user_code: String,
}

/// Shows who asks for what, and asks for a decision; posts `confirmed=true` and `action` to `/device/verify`.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceConfirm {
    /// Who decides.
    pub account: Account,
    /// Bound to the session and to this form.
    pub csrf_token: String,
    /// The code as the device shows it, `XXXX-XXXX`.
    pub user_code: String,
    /// The application's name, as registered.
    pub client_name: String,
    /// The application's identifier.
    pub client_id: String,
    /// What is asked for.
    pub scopes: Vec<ScopeLine>,
    /// What the tokens will be good for (RFC 8707).
    pub resources: Vec<Resource>,
    /// The address that asked for the code.
    pub asked_from: String,
    /// When it asked.
    pub asked_at: Time,
    /// Where "Not you?" leads after the next sign-in: this confirmation.
    pub sign_out_redirect: String,
}

/// Says what was decided.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceDone {
    /// Who decided.
    #[serde(skip)]
    pub account: Account,
    /// The application's name, as registered.
    pub client_name: String,
    /// True if the device has access now; false if it was denied.
    pub approved: bool,
}

impl View for DeviceEntry {
    const TEMPLATE: &'static str = "device_entry";
    const PLACE: &'static str = "/device";

    fn title(&self) -> String {
        if self.error.is_some() { "Error: Connect a device" } else { "Connect a device" }.into()
    }

    fn navigation(&self) -> Option<&Account> {
        Some(&self.account)
    }
}

impl View for DeviceConfirm {
    const TEMPLATE: &'static str = "device_confirm";

    fn title(&self) -> String {
        "Confirm device".into()
    }
}

impl View for DeviceDone {
    const TEMPLATE: &'static str = "device_done";
    const PLACE: &'static str = "/device";

    fn title(&self) -> String {
        if self.approved { "Device connected" } else { "Device denied" }.into()
    }

    fn navigation(&self) -> Option<&Account> {
        Some(&self.account)
    }
}
