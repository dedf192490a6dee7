//! What is counted, and becomes one event with a count.

use std::collections::HashMap;

use authgate_core::audit::Entry;
use serde_json::{Value, json};

/// Keys at most: some 10 MB. A fuller window is closed early, so the counts of a key may come in two events.
const MAX_KEYS: usize = 10_000;

/// The counts of this window. Whoever counts adds to them; the actor makes events of them.
#[derive(Default)]
pub(super) struct Counts {
    by_key: HashMap<String, Counted>,
    /// True once the actor knows that this window has begun.
    pub is_known: bool,
    /// True while they can neither be kept nor forgotten: nothing is counted.
    pub is_stuck: bool,
}

struct Counted {
    entry: Entry,
    count: u64,
    is_changed: bool,
}

impl Counts {
    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.by_key.len() >= MAX_KEYS
    }

    /// One more; false if there is no room, because a full window cannot be closed or the actor does not come round to it.
    pub(super) fn add(&mut self, key: String, first: impl FnOnce() -> Entry) -> bool {
        if self.is_stuck || self.by_key.len() >= 2 * MAX_KEYS && !self.by_key.contains_key(&key) {
            return false;
        }
        let counted =
            self.by_key.entry(key).or_insert_with(|| Counted { entry: first(), count: 0, is_changed: false });
        counted.count += 1;
        counted.is_changed = true;
        true
    }

    /// The events whose count has changed since this was last asked.
    pub(super) fn changed(&mut self) -> Vec<Entry> {
        let changed =
            |counted: &mut Counted| std::mem::take(&mut counted.is_changed).then(|| counted.event());
        self.by_key.values_mut().filter_map(changed).collect()
    }

    /// The events of this window.
    pub(super) fn events(&self) -> Vec<Entry> {
        self.by_key.values().map(Counted::event).collect()
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
