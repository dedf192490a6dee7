//! The keys that sign and verify now, with the documents that publish them. They change while requests run.

use std::sync::{Arc, PoisonError, RwLock};

use authgate_core::keys::Keys;
use authgate_core::policy::Policy;

use crate::oauth::discovery::Metadata;

/// One state of the keys; a request keeps the one it began with.
pub struct Ring {
    /// Another for each state.
    pub number: u64,
    /// What signs and verifies.
    pub keys: Arc<Keys>,
    /// The published documents, encoded.
    pub metadata: Metadata,
}

/// The newest state.
pub struct Keyring(RwLock<Arc<Ring>>);

impl Keyring {
    /// Begins with these keys.
    pub fn new(policy: &Policy, keys: Keys) -> Self {
        Self(RwLock::new(Arc::new(Ring::new(0, policy, keys))))
    }

    /// The state of this moment.
    pub fn now(&self) -> Arc<Ring> {
        // What panics while it is written to leaves the state before.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Goes on with other keys.
    pub fn replace(&self, policy: &Policy, keys: Keys) {
        let mut newest = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *newest = Arc::new(Ring::new(newest.number + 1, policy, keys));
    }
}

impl Ring {
    fn new(number: u64, policy: &Policy, keys: Keys) -> Self {
        Self { number, metadata: Metadata::new(policy, &keys), keys: Arc::new(keys) }
    }
}
