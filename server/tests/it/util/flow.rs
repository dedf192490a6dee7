//! Clients that send people to the server, and what comes back to them.

use std::sync::Arc;

use authgate_core::audit::Origin;
use authgate_core::client::{self, Client as OAuthClient, ClientSpec, ClientType, Grant};
use authgate_core::db::Tx;
use authgate_core::error::Result;
use authgate_core::scope::Scope;
use authgate_core::secret::Secret;
use url::Url;

use super::form::ORIGIN;
use super::{Client, PASSWORD, Reply, Request, TestApp};

/// Where [`TestApp::web_client`] has its answers sent.
pub const CALLBACK: &str = "https://app.example.com/callback";
/// The verifier and its challenge of RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// See [`VERIFIER`].
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A client with its secret.
pub struct Registered {
    /// Its `client_id`.
    pub id: String,
    /// What it authenticates with.
    pub secret: Option<Secret>,
}

impl Registered {
    /// The path and query of its authorization request, with `more` added or changed; an empty value leaves one out.
    pub fn asks(&self, more: &[(&str, &str)]) -> String {
        let usual = [
            ("client_id", self.id.as_str()),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid read"),
            ("state", "s1"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let changed = |name: &str| more.iter().any(|(known, _)| *known == name);
        let pairs = usual.into_iter().filter(|(name, _)| !changed(name)).chain(more.iter().copied());
        let pairs = pairs.filter(|(_, value)| !value.is_empty());
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        format!("/oauth/authorize?{query}")
    }

    /// Redeems a code.
    pub async fn redeem(&self, http: &Client, code: &str) -> Reply {
        self.redemption(http, code).send().await
    }

    /// The request that redeems a code.
    pub fn redemption(&self, http: &Client, code: &str) -> Request {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.asking(http, "/oauth/token", &form)
    }

    /// Uses a refresh token.
    pub async fn refresh(&self, http: &Client, token: &str) -> Reply {
        self.refreshing(http, token).send().await
    }

    /// The request that uses a refresh token.
    pub fn refreshing(&self, http: &Client, token: &str) -> Request {
        self.asking(http, "/oauth/token", &[("grant_type", "refresh_token"), ("refresh_token", token)])
    }

    /// A token request, with the client's authentication added.
    pub async fn token(&self, http: &Client, form: &[(&str, &str)]) -> Reply {
        self.asking(http, "/oauth/token", form).send().await
    }

    /// A request in which the client authenticates.
    pub fn asking(&self, http: &Client, path: &str, form: &[(&str, &str)]) -> Request {
        let request = http.post(path);
        match &self.secret {
            Some(secret) => request.basic(&self.id, secret.expose()).form(form),
            None => request.form(&[form, &[("client_id", self.id.as_str())]].concat()),
        }
    }

    /// Whether an access token is live.
    pub async fn is_live(&self, http: &Client, token: &str) -> bool {
        let secret = self.secret.as_ref().expect("public clients introspect nothing");
        let reply = http.post("/oauth/introspect").basic(&self.id, secret.expose());
        let reply = reply.form(&[("token", token)]).send().await;
        reply.json()["active"].as_bool().unwrap_or_else(|| panic!("{}", reply.text()))
    }
}

fn example_app(kind: ClientType) -> ClientSpec {
    ClientSpec {
        name: "Example App".into(),
        grants: vec![Grant::AuthorizationCode, Grant::Refresh, Grant::Device],
        scopes: Scope::parse("openid profile email read write offline_access").unwrap(),
        redirect_uris: vec![CALLBACK.into()],
        ..ClientSpec::new(kind)
    }
}

impl TestApp {
    /// A confidential client with an https callback.
    pub async fn web_client(&self) -> Registered {
        self.client_of(ClientType::Confidential, |_| ()).await
    }

    /// A client with an https callback, as `change` has it.
    pub async fn client_of(&self, kind: ClientType, change: impl FnOnce(&mut ClientSpec)) -> Registered {
        let mut spec = example_app(kind);
        change(&mut spec);
        let (policy, ctx) = (Arc::clone(&self.app.policy), self.context());
        let made = self.write(move |tx| client::create(tx, spec, "admin", &policy, &Origin::default(), &ctx));
        let (client, secret) = made.await;
        Registered { id: client.id, secret }
    }

    /// The confidential client, with the secret whose bcrypt hash it came with.
    pub async fn imported_client(&self, secret: &str, hash: &'static str) -> Registered {
        let spec = example_app(ClientType::Confidential);
        let (policy, ctx) = (Arc::clone(&self.app.policy), self.context());
        let made = self.write(move |tx| client::import(tx, spec, hash, &policy, &Origin::default(), &ctx));
        Registered { id: made.await.id, secret: Some(Secret::new(secret)) }
    }

    /// Changes a client as an admin does.
    pub async fn change_client(&self, id: &str, change: impl FnOnce(&mut ClientSpec) + Send + 'static) {
        let (policy, ctx, client) =
            (Arc::clone(&self.app.policy), self.context(), self.find_client(id).await);
        let mut spec = ClientSpec::of(&client);
        change(&mut spec);
        self.write(move |tx| client::update(tx, &client, spec, &policy, &Origin::default(), &ctx)).await;
    }

    /// A client's row.
    pub async fn find_client(&self, id: &str) -> OAuthClient {
        let id = id.to_owned();
        self.write(move |tx| client::by_id(tx, &id)).await.expect("it is there")
    }

    /// Does something to the database.
    pub async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> T {
        self.app.issuer.write(job).await.unwrap()
    }

    /// The first column of the first row.
    pub async fn number(&self, sql: &'static str) -> i64 {
        let row: Option<(i64,)> = self.app.read(move |tx| tx.one(sql, &[])).await.unwrap();
        row.expect("there is a row").0
    }

    /// How many audit events of this type there are.
    pub async fn events(&self, kind: &'static str) -> i64 {
        self.app.audit.settle().await.unwrap();
        let sql = format!("SELECT COUNT(*) FROM audit_logs WHERE event_type = '{kind}'");
        let row: Option<(i64,)> = self.app.read(move |tx| tx.one(&sql, &[])).await.unwrap();
        row.expect("a count is a row").0
    }

    /// A browser in which this user has just signed in.
    pub async fn browser_of(&self, username: &str) -> Client {
        let browser = self.client();
        let reply = browser.sign_in(username, PASSWORD).await;
        assert_eq!(reply.status, 303, "{}", reply.text());
        browser
    }
}

impl Client {
    /// Opens a page as a person does.
    pub async fn open(&self, path: &str) -> Reply {
        self.get(path).header("accept", "text/html").send().await
    }

    /// Opens a page and follows redirects of the server's own.
    pub async fn visit(&self, path: &str) -> Reply {
        let mut reply = self.open(path).await;
        for _ in 0..10 {
            match reply.header("location") {
                Some(location) if location.starts_with('/') => reply = self.open(location).await,
                _ => return reply,
            }
        }
        panic!("{path} leads round in circles: {:?}", reply.header("location"));
    }

    /// Follows an answer's redirects of the server's own.
    pub async fn follow(&self, reply: Reply) -> Reply {
        match reply.header("location") {
            Some(location) if location.starts_with('/') => self.visit(location).await,
            _ => reply,
        }
    }

    /// Fills the login form in.
    pub async fn sign_in(&self, username: &str, password: &str) -> Reply {
        let page = self.open("/login?prompt=login").await;
        self.submit(page.form_to("/login").with("username", username).with("password", password)).await
    }

    /// Opens an authorization request and allows it.
    pub async fn allow(&self, path: &str) -> Reply {
        let page = self.visit(path).await;
        self.submit(page.form_to("/oauth/authorize").press("approve")).await
    }

    /// Allows a request and gives the client its tokens.
    pub async fn tokens(&self, client: &Registered, scope: &str) -> (String, String) {
        let reply = self.allow(&client.asks(&[("scope", scope), ("prompt", "consent")])).await;
        let tokens = client.redeem(self, &reply.sent("code")).await.json();
        let text = |name: &str| tokens[name].as_str().unwrap_or_else(|| panic!("{tokens}")).to_owned();
        (text("access_token"), text("refresh_token"))
    }
}

impl Reply {
    /// Where it sends the browser.
    pub fn location(&self) -> Url {
        let location = self.header("location").unwrap_or_else(|| panic!("{} {}", self.status, self.text()));
        Url::parse(ORIGIN).unwrap().join(location).unwrap()
    }

    /// A parameter of where it sends the browser.
    pub fn sent(&self, name: &str) -> String {
        self.param(name).unwrap_or_else(|| panic!("no {name} in {}", self.location()))
    }

    /// The same if it need not be there.
    pub fn param(&self, name: &str) -> Option<String> {
        let location = self.location();
        let mut pairs = location.query_pairs();
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// Asserts that it goes to the callback with a code.
    pub fn is_allowed(&self) -> &Self {
        assert!(self.location().as_str().starts_with(CALLBACK), "{}", self.location());
        self.sent("code");
        self
    }

    /// Asserts that it goes to the callback with this error.
    pub fn is_refused(&self, error: &str) -> &Self {
        assert!(self.location().as_str().starts_with(CALLBACK), "{}", self.location());
        assert_eq!(self.sent("error"), error);
        assert_eq!(self.param("code"), None);
        self
    }

    /// Asserts that it is a page with this status, for a person.
    pub fn is_page(&self, status: u16) -> &Self {
        assert_eq!(
            (self.status, self.header("content-type")),
            (status, Some("text/html; charset=utf-8")),
            "{}",
            self.text()
        );
        assert_eq!(self.header("location"), None);
        self
    }

    /// Asserts that the page says this.
    pub fn says(&self, words: &str) -> &Self {
        assert!(self.text().contains(words), "no {words:?} in {}", self.text());
        self
    }
}
