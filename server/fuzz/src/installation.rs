//! An installation to try things on; nothing that is tried stays.

use std::cell::RefCell;
use std::sync::Arc;

use authgate::config::{self, Config};
use authgate::open::{self, Opened};
use authgate::policy;
use authgate_core::audit::Origin;
use authgate_core::client::{self, Client, ClientSpec, ClientType, Grant};
use authgate_core::context::{Context, ManualClock, SystemRandom};
use authgate_core::db::{Tx, Writer};
use authgate_core::env::Env;
use authgate_core::error::{Error, Result};
use authgate_core::facts::Facts;
use authgate_core::policy::Policy;
use authgate_core::scope::Scope;
use tempfile::TempDir;

/// The moment of everything, in unix seconds.
pub const NOW: i64 = 1_800_000_000;
/// What the operator has set.
const SETTINGS: [(&str, &str); 5] = [
    ("ENABLE_DYNAMIC_CLIENT_REGISTRATION", "true"),
    ("DYNAMIC_CLIENT_REGISTRATION_MODE", "open"),
    ("EXTRA_CLAIMS_ENABLED", "true"),
    ("ENABLE_RATE_LIMIT", "false"),
    ("DEFAULT_ADMIN_PASSWORD", "correct horse battery staple"),
];

/// A configuration whose data is in `folder`.
pub fn configured(folder: &TempDir) -> Config {
    let env = |name: &str| match name {
        "DATA_DIR" => folder.path().to_str().map(str::to_owned),
        _ => SETTINGS.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
    };
    config::load(&env).expect("the settings are sound").0
}

/// A request at [`NOW`].
pub fn context() -> Context {
    Context::new(&ManualClock::at(NOW * 1000), Arc::new(SystemRandom))
}

/// Keys, a database and a client.
pub struct Installation {
    /// What the operator decided.
    pub policy: Policy,
    /// Database and keys.
    pub opened: Opened,
    /// A client with the extra claims `a` and `b`.
    pub client: Client,
    writer: Writer,
    origin: Origin,
    facts: Facts,
    ctx: Context,
    _folder: TempDir,
}

thread_local! {
    // Making its keys takes a second: one for all inputs of a thread.
    static HERE: RefCell<Option<Installation>> = const { RefCell::new(None) };
}

impl Installation {
    /// Does something with this thread's installation.
    pub fn with<T>(job: impl FnOnce(&mut Self) -> T) -> T {
        HERE.with_borrow_mut(|here| job(here.get_or_insert_with(Self::new)))
    }

    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (config, ctx) = (configured(&folder), context());
        let opened = open::for_server(&config, &ctx).expect("an empty folder is made an installation");
        let (policy, origin) = (policy::of(&config), Origin::default());
        let made = opened.store.write(|tx| client::create(tx, spec(), "admin", &policy, &origin, &ctx));
        let mut writer = opened.store.writer().expect("a writer");
        writer.begin().expect("a transaction");
        let client = made.expect("a client").0;
        Self { policy, opened, client, writer, origin, facts: Facts::default(), ctx, _folder: folder }
    }

    /// Does something in a transaction and undoes it.
    pub fn tried<T>(&mut self, job: impl FnOnce(&mut Tx<'_>, Env<'_>) -> Result<T>) -> Result<T> {
        let Self { policy, opened, origin, facts, ctx, writer, .. } = self;
        let env =
            Env { policy, keys: &opened.keys, master: &opened.master, recovery: None, origin, ctx, facts };
        let mut answer = None;
        let undone: Result<()> = writer
            .savepoint(|tx| {
                answer = Some(job(tx, env));
                Err(Error::failed("nothing stays"))
            })
            .expect("the transaction goes on");
        assert!(undone.is_err());
        drop(facts.take());
        answer.expect("it neither panicked nor was left out")
    }
}

/// A confidential client that may do everything.
pub fn spec() -> ClientSpec {
    ClientSpec {
        name: "Tried".into(),
        grants: vec![Grant::AuthorizationCode, Grant::Device, Grant::ClientCredentials, Grant::Refresh],
        scopes: Scope::parse("openid profile read write offline_access").expect("a scope"),
        redirect_uris: vec!["https://app.example.com/cb".into()],
        extra_claims: vec!["a".into(), "b".into()],
        ..ClientSpec::new(ClientType::Confidential)
    }
}
