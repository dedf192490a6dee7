//! What the tests of this crate stand on: a moment, and a database of their own.

use std::sync::Arc;

use tempfile::TempDir;

use crate::context::{Context, ManualClock, SystemRandom};
use crate::db::{Store, Tx};
use crate::error::Result;

/// The moment of [`context`], in Unix seconds.
pub const NOW: i64 = 1_800_000_000;

/// A request at [`NOW`].
pub fn context() -> Context {
    Context::new(&ManualClock::at(NOW * 1000), Arc::new(SystemRandom))
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
    pub fn write<T>(&self, job: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        self.store.write(job)
    }
}
