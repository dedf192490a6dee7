//! What a form sends without showing it.

use std::fmt;

use serde::Serialize;

/// A hidden field.
#[derive(Clone, Serialize)]
pub struct Hidden {
    /// Its name.
    pub name: &'static str,
    /// Its value, which may be a code.
    pub value: String,
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=***", self.name)
    }
}
