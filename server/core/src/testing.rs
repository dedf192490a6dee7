//! What the tests of this crate stand on: a moment, a policy, and a database of their own.

use std::sync::Arc;

use tempfile::TempDir;

use crate::audit::Origin;
use crate::context::{Context, ManualClock, SystemRandom};
use crate::db::{Store, Tx};
use crate::error::Result;
use crate::policy::Policy;

/// The moment of [`context`], in Unix seconds.
pub const NOW: i64 = 1_800_000_000;

/// A request at [`NOW`].
pub fn context() -> Context {
    Context::new(&ManualClock::at(NOW * 1000), Arc::new(SystemRandom))
}

/// That of an issuer.
pub fn policy() -> Policy {
    Policy::new("https://id.example.com")
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
