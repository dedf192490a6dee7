//! What every run starts from: a migrated database with keys, people and clients, made once and copied.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use authgate_core::audit::Origin;
use authgate_core::client::{self, Client, ClientSpec, ClientType, Grant};
use authgate_core::context::{Context, ManualClock};
use authgate_core::credentials::Credentials;
use authgate_core::db::{Store, Tx};
use authgate_core::error::Result;
use authgate_core::form::Params;
use authgate_core::keys::{KeyConfig, Keys};
use authgate_core::master::Master;
use authgate_core::policy::Policy;
use authgate_core::scope::Scope;
use authgate_core::secret::{Secret, base64url};
use authgate_core::user::{self, NewUser, Role, User};
use tempfile::TempDir;

use super::seeded::Seeded;

/// Where the clock of every run begins, in unix seconds.
pub(super) const START: i64 = 1_800_000_000;
const ISSUER: &str = "https://id.example";

/// A client and its secret.
pub(super) struct App {
    pub(super) client: Client,
    secret: Option<Secret>,
}

impl App {
    pub(super) fn credentials(&self) -> Credentials {
        Credentials::read(None, &self.form(&[])).unwrap().unwrap()
    }

    /// A form that the client authenticates.
    pub(super) fn form(&self, pairs: &[(&str, &str)]) -> Params {
        let id = ("client_id", self.client.id.as_str());
        let secret = self.secret.iter().map(|secret| ("client_secret", secret.expose()));
        let pairs = pairs.iter().copied().chain([id]).chain(secret);
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

pub(super) struct Template {
    database: Vec<u8>,
    pub(super) keys: Arc<Keys>,
    pub(super) master: Arc<Master>,
    pub(super) policy: Arc<Policy>,
    /// Confidential, public, and one that may be deleted.
    pub(super) apps: [App; 3],
    pub(super) users: [User; 3],
}

impl Template {
    pub(super) fn new() -> Self {
        let folder = folder();
        let path = folder.path().join("db");
        let store = Store::sqlite(&path, 1).unwrap();
        store.migrate(START).unwrap();
        let master = Master::from_text(&Secret::new(base64url(&[7; 32]))).unwrap();
        let policy = Policy::new(ISSUER);
        let ctx = Context::new(&ManualClock::at(START * 1000), Arc::new(Seeded::new(0)));
        let made = store.write(|tx| {
            // A request's first and last write, so that it can be seen whether it left all it wrote, or nothing.
            tx.execute("CREATE TABLE marks (op TEXT PRIMARY KEY, events BIGINT NOT NULL)", &[])?;
            Keys::ensure(tx, &master, &KeyConfig::default(), &ctx)?;
            let keys = Keys::load(tx, &master, &KeyConfig::default())?;
            let users = ["alice", "bob", "carol"].map(|name| user(tx, name, &ctx).unwrap());
            let kinds = [ClientType::Confidential, ClientType::Public, ClientType::Confidential];
            let apps = kinds.map(|kind| app(tx, kind, &policy, &ctx).unwrap());
            Ok((keys, users, apps))
        });
        let (keys, users, apps) = made.unwrap();
        store.checkpoint().unwrap();
        let database = std::fs::read(&path).unwrap();
        Self {
            database,
            keys: Arc::new(keys),
            master: Arc::new(master),
            policy: Arc::new(policy),
            apps,
            users,
        }
    }

    /// Writes a copy of the database.
    pub(super) fn copy_to(&self, path: &Path) {
        std::fs::write(path, &self.database).unwrap();
    }
}

/// A folder in memory if there is such a thing: no run is about the disk's speed.
pub(super) fn folder() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    TempDir::new_in(memory).or_else(|_| TempDir::new()).unwrap()
}

fn user(tx: &mut Tx<'_>, name: &str, ctx: &Context) -> Result<User> {
    let new = NewUser {
        username: name.into(),
        email: None,
        full_name: None,
        role: Role::User,
        password_hash: Some("none".into()),
    };
    user::create(tx, new, &Origin::default(), ctx)
}

fn app(tx: &mut Tx<'_>, kind: ClientType, policy: &Policy, ctx: &Context) -> Result<App> {
    let mut grants = vec![Grant::AuthorizationCode, Grant::Device, Grant::Refresh];
    if kind == ClientType::Confidential {
        grants.push(Grant::ClientCredentials);
    }
    let spec = ClientSpec {
        name: "App".into(),
        grants,
        scopes: Scope::parse("openid read write offline_access")?,
        redirect_uris: vec!["https://app.example/cb".into()],
        ..ClientSpec::new(kind)
    };
    let (client, secret) = client::create(tx, spec, "admin", policy, &Origin::default(), ctx)?;
    Ok(App { client, secret })
}
