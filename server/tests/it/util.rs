//! A server to test, and clients to test it with.

mod browser;
pub mod collector;
mod flow;
mod form;
mod installation;
pub mod jws;
pub mod process;
mod programs;
mod raw;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use authgate::app::{App, Surroundings, Timeouts};
use authgate::config::Config;
use authgate::serve::Running;
use authgate::{config, open, serve};
use authgate_actors::supervisor::Health;
use authgate_core::audit::Origin;
use authgate_core::client::{self, Client as OAuthClient, ClientSpec, ClientType, Grant};
use authgate_core::context::{Context, ManualClock, SystemRandom};
use authgate_core::scope::Scope;
use authgate_core::secret::Secret;
use authgate_core::user::{self, NewUser, Role};
use tempfile::TempDir;

pub use browser::{Client, Reply, Request};
pub use flow::{CALLBACK, CHALLENGE, Registered, VERIFIER};
pub use form::{Form, ORIGIN, tags};
pub use programs::{DEVICE_GRANT, Device};

/// The moment every test begins at, in unix seconds.
pub const START: i64 = 1_800_000_000;
/// The password of every user.
pub const PASSWORD: &str = "correct horse battery staple";

/// A running server. It ends with the test.
pub struct TestApp {
    /// What its handlers share.
    pub app: Arc<App>,
    /// Its clock, which moves only when told to.
    pub clock: Arc<ManualClock>,
    /// Where it listens.
    pub addr: SocketAddr,
    running: Cell<Option<Running>>,
    folder: TempDir,
}

/// A server about to start.
pub struct Init {
    settings: BTreeMap<String, String>,
    timeouts: Timeouts,
}

impl TestApp {
    /// Default settings.
    pub fn init() -> Init {
        let admin = ("DEFAULT_ADMIN_PASSWORD".to_owned(), PASSWORD.to_owned());
        Init { settings: BTreeMap::from([admin]), timeouts: Timeouts::default() }
    }

    fn run(config: Config, clock: Arc<ManualClock>, timeouts: Timeouts, folder: TempDir) -> Self {
        let surroundings = Surroundings { clock: clock.clone(), random: Arc::new(SystemRandom), timeouts };
        let ctx = Context::new(clock.as_ref(), Arc::new(SystemRandom));
        let opened = open::for_server(&config, &ctx).unwrap();
        let health = Health::new(|actor| panic!("{actor} was given up"));
        let app = Arc::new(App::start(config, opened, surroundings, health).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let running = serve::start(Arc::clone(&app), listener, 1).unwrap();
        let (addr, running) = (running.addr, Cell::new(Some(running)));
        TestApp { app, clock, addr, running, folder }
    }

    /// Stops it, and starts another on the same files: what was in memory is gone.
    pub async fn restarted(self) -> Self {
        self.running().stop().await;
        let Self { app, clock, folder, .. } = self;
        let (config, timeouts) = (app.config.clone(), app.timeouts);
        drop(app);
        Self::run(config, clock, timeouts, folder)
    }

    /// What stops it.
    pub fn running(&self) -> Running {
        self.running.take().expect("it is stopped once")
    }

    /// A client without cookies.
    pub fn client(&self) -> Client {
        Client::new(self.addr)
    }

    /// The moment and the randomness of something the test does itself.
    pub fn context(&self) -> Context {
        self.app.context()
    }

    /// A confidential client of this server and its secret.
    pub async fn confidential_client(&self) -> (OAuthClient, Secret) {
        let spec = ClientSpec {
            name: "Confidential".into(),
            grants: vec![Grant::ClientCredentials],
            scopes: Scope::parse("read write").unwrap(),
            ..ClientSpec::new(ClientType::Confidential)
        };
        let (policy, ctx) = (Arc::clone(&self.app.policy), self.context());
        let made = self
            .app
            .issuer
            .write(move |tx| client::create(tx, spec, "admin", &policy, &Origin::default(), &ctx));
        let (client, secret) = made.await.unwrap();
        (client, secret.expect("it is confidential"))
    }

    /// Sends bytes as they are and returns everything that comes back until the server closes.
    pub async fn raw(&self, bytes: impl Into<Vec<u8>>) -> String {
        String::from_utf8(self.raw_bytes(bytes).await).expect("the answer is text")
    }

    /// The same where the answer need not be text.
    pub async fn raw_bytes(&self, bytes: impl Into<Vec<u8>>) -> Vec<u8> {
        raw::exchange(self.addr, bytes.into()).await
    }

    /// A user with [`PASSWORD`].
    pub async fn create_user(&self, username: &str) {
        let ctx = self.context();
        let new = NewUser {
            username: username.to_owned(),
            email: Some(format!("{username}@example.com")),
            full_name: None,
            role: Role::User,
            password_hash: Some(user::hash_password(&Secret::new(PASSWORD), &ctx).unwrap()),
        };
        self.app.issuer.write(move |tx| user::create(tx, new, &Origin::default(), &ctx)).await.unwrap();
    }
}

impl Init {
    /// Sets an environment variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// How long a peer may take.
    pub fn with_timeouts(mut self, head: Duration, body: Duration) -> Self {
        self.timeouts = Timeouts { head, body, ..self.timeouts };
        self
    }

    /// Changes how long a peer may take.
    pub fn with_patience(mut self, change: impl FnOnce(&mut Timeouts)) -> Self {
        change(&mut self.timeouts);
        self
    }

    /// Starts, with a client that is nobody.
    pub fn start(mut self) -> (TestApp, Client) {
        let folder = tempfile::tempdir().unwrap();
        installation::copy_to(folder.path());
        self.settings.insert("DATA_DIR".to_owned(), folder.path().to_str().unwrap().to_owned());
        let (config, _) = config::load(&|name| self.settings.get(name).cloned()).unwrap();
        let clock = Arc::new(ManualClock::at(START * 1000));
        let app = TestApp::run(config, clock, self.timeouts, folder);
        let anon = app.client();
        (app, anon)
    }

    /// Starts, with a client that is nobody and one that is signed in as a new user of this name.
    pub async fn with_user(self, username: &str) -> (TestApp, Client, Client) {
        let (app, anon) = self.start();
        app.create_user(username).await;
        let signed_in = app.client();
        let form = [("username", username), ("password", PASSWORD)];
        let reply = signed_in.post("/login").form(&form).send().await;
        assert!(signed_in.has_cookie("oauth_session"), "{} {}", reply.status, reply.text());
        (app, anon, signed_in)
    }
}
