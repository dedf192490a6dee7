//! What clients and devices do, in a line each.

use authgate_core::audit::Origin;
use authgate_core::client::{self, ClientStatus, ClientType, Grant};
use authgate_core::resource::Resources;
use authgate_core::scope::Scope;
use authgate_core::user::{self, UserStatus};
use serde_json::Value;

use super::flow::Registered;
use super::{Client, Reply, TestApp};

/// The device grant's name.
pub const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

impl Reply {
    /// The JSON of a success.
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }

    /// A text member of the JSON of a success.
    pub fn member(&self, name: &str) -> String {
        let json = self.ok();
        json[name].as_str().unwrap_or_else(|| panic!("no {name} in {json}")).to_owned()
    }

    /// Asserts that it is this OAuth error, which nobody may store (RFC 6749 5.2).
    pub fn is_error(&self, status: u16, code: &str) -> &Self {
        assert_eq!((self.status, self.error().as_str()), (status, code), "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/json; charset=utf-8"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
        self
    }
}

impl Registered {
    /// A code for a request that the person in front of this browser allows.
    pub async fn code(&self, browser: &Client, more: &[(&str, &str)]) -> String {
        let asked = [&[("prompt", "consent")], more].concat();
        browser.allow(&self.asks(&asked)).await.sent("code")
    }

    /// The answer of the token endpoint to such a code.
    pub async fn granted(&self, browser: &Client, more: &[(&str, &str)]) -> Value {
        let code = self.code(browser, more).await;
        self.redeem(browser, &code).await.ok()
    }

    /// A request of an endpoint for clients, with the client's authentication added.
    pub async fn post(&self, http: &Client, path: &str, form: &[(&str, &str)]) -> Reply {
        self.asking(http, path, form).send().await
    }

    /// A device authorization request's answer.
    pub async fn device(&self, http: &Client, more: &[(&str, &str)]) -> Device {
        let json = self.post(http, "/oauth/device/code", more).await.ok();
        let text = |name: &str| json[name].as_str().unwrap_or_else(|| panic!("{json}")).to_owned();
        Device { device_code: text("device_code"), user_code: text("user_code") }
    }

    /// Polls with a device code.
    pub async fn poll(&self, http: &Client, device: &Device) -> Reply {
        self.token(http, &[("grant_type", DEVICE_GRANT), ("device_code", &device.device_code)]).await
    }

    /// The answer to an introspection request.
    pub async fn introspect(&self, http: &Client, form: &[(&str, &str)]) -> Value {
        self.post(http, "/oauth/introspect", form).await.ok()
    }

    /// Gives a token back.
    pub async fn revoke(&self, http: &Client, token: &str) {
        let reply = self.post(http, "/oauth/revoke", &[("token", token)]).await;
        assert_eq!((reply.status, reply.text()), (200, ""));
    }
}

/// A device that waits.
pub struct Device {
    /// For itself.
    pub device_code: String,
    /// For the person.
    pub user_code: String,
}

impl Client {
    /// Follows a device's link and presses `approve` or `deny`.
    pub async fn decide(&self, device: &Device, button: &str) {
        let page = self.open(&format!("/device?user_code={}", device.user_code)).await;
        self.submit(page.form_to("/device/verify").press(button)).await.is_page(200);
    }

    /// The status that an access token gets at an endpoint.
    pub async fn status_with(&self, path: &str, token: &str) -> u16 {
        self.get(path).bearer(token).send().await.status
    }
}

impl TestApp {
    /// A confidential client for client credentials, which may name `resources`.
    pub async fn machine(&self, scopes: &str, resources: &[&str]) -> Registered {
        let resources = Resources::parse(resources.iter().copied()).unwrap();
        let scopes = Scope::parse(scopes).unwrap();
        self.client_of(ClientType::Confidential, |spec| {
            spec.grants = vec![Grant::ClientCredentials];
            spec.redirect_uris = Vec::new();
            spec.resources = resources;
            spec.scopes = scopes;
        })
        .await
    }

    /// Switches a client on or off.
    pub async fn switch_client(&self, id: &str, status: ClientStatus) {
        let (ctx, client) = (self.context(), self.find_client(id).await);
        self.write(move |tx| client::set_status(tx, &client, status, &Origin::default(), &ctx)).await;
    }

    /// Switches a user off.
    pub async fn disable_user(&self, username: &'static str) {
        let ctx = self.context();
        self.write(move |tx| {
            let user = user::by_username(tx, username)?.expect("it is there");
            user::set_status(tx, &user, UserStatus::Disabled, &Origin::default(), &ctx)
        })
        .await;
    }

    /// The id of a user.
    pub async fn user_id(&self, username: &'static str) -> String {
        self.write(move |tx| user::by_username(tx, username)).await.expect("it is there").id
    }

    /// Changes rows behind the server's back.
    pub async fn sql(&self, sql: &'static str) {
        self.write(move |tx| tx.execute(sql, &[])).await;
    }
}
