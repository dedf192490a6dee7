//! What the unit tests of this crate stand on.

use std::path::Path;
use std::sync::Arc;

use authgate_core::context::{Context, ManualClock, SystemRandom};

use crate::config::Config;
use crate::config::tests::config;

/// A request at a fixed moment.
pub fn context() -> Context {
    Context::new(&ManualClock::at(1_800_000_000_000), Arc::new(SystemRandom))
}

/// A configuration whose data is in `folder`.
pub fn config_in(folder: &Path, pairs: &[(&str, &str)]) -> Config {
    let mut pairs = pairs.to_vec();
    pairs.push(("DATA_DIR", folder.to_str().unwrap()));
    config(&pairs)
}
