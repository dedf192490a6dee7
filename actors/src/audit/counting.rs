//! What is counted, and becomes one event with a count.

use std::collections::HashMap;

use authgate_core::audit::Entry;
use serde_json::{Value, json};

/// Keys at most: some 10 MB. A fuller window is closed early, so the counts of a key may come in two events.
const MAX_KEYS: usize = 10_000;

/// The counts of this window.
#[derive(Default)]
pub(super) struct Counts(HashMap<String, Counted>);

struct Counted {
    entry: Entry,
    count: u64,
    is_changed: bool,
}

impl Counts {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= MAX_KEYS
    }

    /// One more.
    pub(super) fn add(&mut self, key: String, first: Box<dyn FnOnce() -> Entry + Send>) {
        let counted =
            self.0.entry(key).or_insert_with(|| Counted { entry: first(), count: 0, is_changed: false });
        counted.count += 1;
        counted.is_changed = true;
    }

    /// The events whose count has changed since this was last asked.
    pub(super) fn changed(&mut self) -> Vec<Entry> {
        let changed =
            |counted: &mut Counted| std::mem::take(&mut counted.is_changed).then(|| counted.event());
        self.0.values_mut().filter_map(changed).collect()
    }

    /// The events of this window.
    pub(super) fn events(&self) -> Vec<Entry> {
        self.0.values().map(Counted::event).collect()
    }
}

impl Counted {
    fn event(&self) -> Entry {
        let details = self.entry.details.as_deref().and_then(|details| serde_json::from_str(details).ok());
        let mut details: Value = details.unwrap_or_else(|| json!({}));
        details["count"] = json!(self.count);
        Entry { details: Some(details.to_string()), ..self.entry.clone() }
    }
}
