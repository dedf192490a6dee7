//! What the tests of this crate stand on: a moment, a policy, and a database of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use tempfile::TempDir;

use crate::audit::Origin;
use crate::context::{Context, ManualClock, SystemRandom};
use crate::db::{Store, Tx};
use crate::error::Result;
use crate::policy::{Compat, Lifetimes, Policy};
use crate::registration::Rules;
use crate::resource::Resources;

/// The moment of [`context`], in Unix seconds.
pub const NOW: i64 = 1_800_000_000;

/// A request at [`NOW`].
pub fn context() -> Context {
    Context::new(&ManualClock::at(NOW * 1000), Arc::new(SystemRandom))
}

/// The defaults of the configuration.
pub fn policy() -> Policy {
    let lifetimes = Lifetimes { access: 3600, refresh: 2_592_000 };
    let issuer = "https://id.example.com".to_owned();
    Policy {
        short: lifetimes,
        standard: lifetimes,
        long: lifetimes,
        refresh_max: 7_776_000,
        jitter: 0,
        code: 60,
        client_credentials: 3600,
        id_token: 3600,
        retry_window: 60,
        refresh_enabled: true,
        rotation: true,
        default_audience: vec![issuer.clone()],
        userinfo_audience: vec![issuer.clone()],
        domain: None,
        claim_prefix: "extra".into(),
        extra_claims: None,
        access_typ: "at+jwt".into(),
        key_rotation: 0,
        pkce_required: true,
        consent_remember: true,
        consent_max_age: 31_536_000,
        scopes: BTreeMap::new(),
        scope_roles: BTreeMap::new(),
        closed_resources: Resources::default(),
        resources: Resources::default(),
        redirect_schemes: Vec::new(),
        registration: Rules::default(),
        compat: Compat::default(),
        issuer,
    }
}

/// A migrated database in a folder that goes with it.
pub struct Database {
    store: Store,
    _folder: TempDir,
}

impl Database {
    /// An empty one.
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = Store::sqlite(&folder.path().join("test.db"), 1).unwrap();
        store.migrate(NOW).unwrap();
        Self { store, _folder: folder }
    }

    /// Runs `job` in a transaction of its own.
    pub fn write<T>(&self, job: impl FnOnce(&mut Tx<'_>, &Origin, &Context) -> Result<T>) -> Result<T> {
        self.store.write(|tx| job(tx, &Origin::default(), &context()))
    }

    /// The events in the audit trail, oldest first.
    pub fn events(&self) -> Vec<String> {
        let events: Vec<(String,)> =
            self.store.read(|tx| tx.all("SELECT event_type FROM audit_logs ORDER BY id", &[])).unwrap();
        events.into_iter().map(|(kind,)| kind).collect()
    }
}
