//! A small world: a real database in a folder of its own, a clock that moves when told to, randomness from a seed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use authgate_core::audit::Origin;
use authgate_core::client::{self, Client, ClientSpec, ClientType, Grant};
use authgate_core::context::{Context, ManualClock, SystemRandom};
use authgate_core::db::{Store, Tx, Writer};
use authgate_core::env::Env;
use authgate_core::error::{Code, Error, Result};
use authgate_core::facts::Facts;
use authgate_core::form::Params;
use authgate_core::grants::{self, TokenRequest};
use authgate_core::keys::{KeyConfig, Keys};
use authgate_core::master::Master;
use authgate_core::policy::{Lifetimes, Policy};
use authgate_core::recovery::Recovery;
use authgate_core::scope::Scope;
use authgate_core::secret::{Secret, base64url};
use authgate_core::session::{self, Browser, Lives, Session};
use authgate_core::token::{self, Token};
use authgate_core::user::{self, NewUser, Role, User};
use serde_json::Value;
use tempfile::TempDir;

use crate::seeded::Seeded;

/// Where every world's clock begins, in unix seconds.
pub const START: i64 = 1_800_000_000;
pub const ISSUER: &str = "https://id.example";
/// The contract's defaults, in seconds.
pub const ACCESS: i64 = 3600;
pub const IDLE: i64 = 720 * 3600;
pub const REFRESH_MAX: i64 = 2160 * 3600;
pub const WINDOW: i64 = 60;
pub const LIVES: Lives = Lives { idle: 1800, max_age: 3600, remembered: 30 * 86_400 };

/// One key set for all worlds: making an RSA key is slow.
fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let store = Store::sqlite(&folder.path().join("keys.db"), 1).unwrap();
        store.migrate(START).unwrap();
        let (ctx, config) = (Context::new(&ManualClock::at(0), Arc::new(SystemRandom)), KeyConfig::default());
        let made = store.write(|tx| {
            Keys::ensure(tx, &master(), &config, &ctx)?;
            Keys::load(tx, &master(), &config)
        });
        made.unwrap()
    })
}

fn master() -> Master {
    Master::from_text(&Secret::new(base64url(&[7; 32]))).unwrap()
}

fn policy() -> Policy {
    Policy {
        short: Lifetimes { access: 900, refresh: 86_400 },
        standard: Lifetimes { access: ACCESS, refresh: IDLE },
        long: Lifetimes { access: 86_400, refresh: REFRESH_MAX },
        refresh_max: REFRESH_MAX,
        client_credentials: 1800,
        retry_window: WINDOW,
        ..Policy::new(ISSUER)
    }
}

/// A writer that does not wait for the disk: no test here is about power cuts, and the wait is most of what they cost.
pub fn hasty(store: &Store) -> Writer {
    let writer = store.writer().unwrap();
    writer.sqlite().pragma_update(None, "synchronous", "OFF").unwrap();
    writer
}

pub struct World {
    pub store: Store,
    pub clock: ManualClock,
    pub policy: Policy,
    pub keys: &'static Keys,
    pub master: Master,
    pub recovery: Option<Recovery>,
    pub random: Arc<Seeded>,
    pub origin: Origin,
    pub facts: Facts,
    writer: Mutex<Writer>,
    path: PathBuf,
    folder: TempDir,
}

impl World {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("test.db");
        let store = Store::sqlite(&path, 2).unwrap();
        store.migrate(START).unwrap();
        Self {
            writer: Mutex::new(hasty(&store)),
            store,
            clock: ManualClock::at(START * 1000),
            policy: policy(),
            keys: keys(),
            master: master(),
            recovery: None,
            random: Arc::new(Seeded::new(1)),
            origin: Origin { ip: Some("192.0.2.1".into()), ..Origin::default() },
            facts: Facts::default(),
            path,
            folder,
        }
    }

    pub fn ctx(&self) -> Context {
        Context::new(&self.clock, self.random.clone())
    }

    pub fn now(&self) -> i64 {
        self.ctx().now()
    }

    pub fn env<'a>(&'a self, ctx: &'a Context) -> Env<'a> {
        Env {
            policy: &self.policy,
            keys: self.keys,
            master: &self.master,
            recovery: self.recovery,
            origin: &self.origin,
            ctx,
            facts: &self.facts,
        }
    }

    /// A transaction of its own on the world's one writing connection.
    pub fn write<T>(&self, job: impl FnOnce(&mut Tx<'_>, Env<'_>) -> Result<T>) -> Result<T> {
        let ctx = self.ctx();
        let mut writer = self.writer.lock().unwrap();
        writer.begin()?;
        let answer = writer.savepoint(|tx| job(tx, self.env(&ctx)))?;
        writer.commit()?;
        answer
    }

    /// The same, but the machine dies before the commit.
    pub fn write_and_die<T>(&self, job: impl FnOnce(&mut Tx<'_>, Env<'_>) -> Result<T>) {
        let ctx = self.ctx();
        let mut writer = self.writer.lock().unwrap();
        writer.begin().unwrap();
        drop(writer.savepoint(|tx| job(tx, self.env(&ctx))));
        writer.rollback().unwrap();
    }

    pub fn read<T>(&self, job: impl FnOnce(&mut Tx<'_>, Env<'_>) -> Result<T>) -> Result<T> {
        let ctx = self.ctx();
        self.store.read(|tx| job(tx, self.env(&ctx)))
    }

    /// Changes rows behind the back of the code under test.
    pub fn sql(&self, sql: &str) {
        assert_ne!(self.write(|tx, _| tx.execute(sql, &[])).unwrap(), 0, "{sql} changes nothing");
    }

    /// One number.
    pub fn number(&self, sql: &str) -> i64 {
        let found: Option<(i64,)> = self.read(|tx, _| tx.one(sql, &[])).unwrap();
        found.unwrap().0
    }

    /// Every byte of these tables.
    pub fn dump(&self, tables: &[&str]) -> Vec<String> {
        let database = rusqlite::Connection::open(&self.path).unwrap();
        let mut rows = Vec::new();
        for table in tables {
            let mut query = database.prepare(&format!("SELECT * FROM {table} ORDER BY 1")).unwrap();
            let columns = query.column_count();
            let found = query.query_map([], |row| {
                (0..columns).map(|at| row.get::<_, rusqlite::types::Value>(at)).collect::<Result<Vec<_>, _>>()
            });
            rows.extend(found.unwrap().map(|row| format!("{table} {:?}", row.unwrap())));
        }
        rows
    }

    /// Copies the database as a backup does.
    pub fn backup(&self) -> PathBuf {
        let copy = self.folder.path().join("backup.db");
        let database = rusqlite::Connection::open(&self.path).unwrap();
        database.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
        copy
    }

    /// Goes on with a backup.
    pub fn restore(&mut self, backup: &Path) {
        self.store = Store::sqlite(backup, 2).unwrap();
        self.writer = Mutex::new(hasty(&self.store));
        backup.clone_into(&mut self.path);
    }

    pub fn user(&self, name: &str) -> User {
        let new = NewUser {
            username: name.into(),
            email: Some(format!("{name}@example.com")),
            full_name: None,
            role: Role::User,
            password_hash: None,
        };
        self.write(|tx, env| user::create(tx, new, env.origin, env.ctx)).unwrap()
    }

    pub fn session(&self, user: &User) -> Session {
        let at = (Browser::default(), false, LIVES);
        self.write(|tx, env| session::create(tx, env, user, at)).unwrap().0
    }

    pub fn app(&self, spec: ClientSpec) -> App {
        let made = self.write(|tx, env| client::create(tx, spec, "admin", env.policy, env.origin, env.ctx));
        let (client, secret) = made.unwrap();
        App { client, secret }
    }

    /// A confidential client with every grant.
    pub fn web_app(&self) -> App {
        self.app(web_app())
    }

    /// A public client with every grant that it may have.
    pub fn native_app(&self) -> App {
        self.app(ClientSpec {
            name: "Native".into(),
            client_type: ClientType::Public,
            grants: vec![Grant::AuthorizationCode, Grant::Device, Grant::Refresh],
            redirect_uris: vec!["http://127.0.0.1/cb".into()],
            ..web_app()
        })
    }

    /// A request to the token endpoint, the client authenticated by the form.
    pub fn post(&self, app: &App, pairs: &[(&str, &str)]) -> Result<Tokens> {
        let request = app.request(pairs)?;
        let issued = self.write(|tx, env| grants::exchange(tx, env, &request))?;
        let json = serde_json::to_value(issued.sign(self.keys, &self.policy)?)?;
        Ok(Tokens { json })
    }

    /// The live row of an access token, if it is live.
    pub fn live(&self, tokens: &Tokens) -> Option<Token> {
        match self.read(|tx, env| token::present(tx, env, &tokens.access())) {
            Ok(live) => Some(live.token),
            Err(error) if error.code() == Some(Code::InvalidToken) => None,
            Err(error) => panic!("{error}"),
        }
    }
}

pub fn web_app() -> ClientSpec {
    ClientSpec {
        name: "Web".into(),
        grants: vec![Grant::AuthorizationCode, Grant::Device, Grant::ClientCredentials, Grant::Refresh],
        scopes: Scope::parse("openid profile email read write offline_access").unwrap(),
        redirect_uris: vec!["https://app.example/cb".into()],
        ..ClientSpec::new(ClientType::Confidential)
    }
}

/// A client and its secret.
#[derive(Clone)]
pub struct App {
    pub client: Client,
    pub secret: Option<Secret>,
}

impl App {
    pub fn request(&self, pairs: &[(&str, &str)]) -> Result<TokenRequest> {
        let id = ("client_id", self.client.id.as_str());
        let secret = self.secret.iter().map(|secret| ("client_secret", secret.expose()));
        TokenRequest::read(None, &form(pairs.iter().copied().chain([id]).chain(secret)))
    }
}

pub fn form<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Params {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// An answer of the token endpoint.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub json: Value,
}

impl Tokens {
    pub fn access(&self) -> Secret {
        Secret::new(self.json["access_token"].as_str().unwrap())
    }

    pub fn refresh(&self) -> &str {
        self.json["refresh_token"].as_str().unwrap()
    }

    /// A claim of the access token.
    pub fn claim(&self, name: &str) -> Value {
        claims(self.json["access_token"].as_str().unwrap())[name].clone()
    }

    /// The claims of the ID token.
    pub fn id_token(&self) -> Value {
        claims(self.json["id_token"].as_str().unwrap())
    }
}

fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&authgate_core::secret::from_base64url(part).unwrap()).unwrap()
}

/// The refusal's code; panics on everything that is no refusal.
pub fn refusal<T>(answer: Result<T>) -> Code {
    match answer {
        Err(Error::Refused(refusal)) => refusal.code,
        Err(Error::Failed(cause)) => panic!("failed: {cause}"),
        Ok(_) => panic!("nothing was refused"),
    }
}
