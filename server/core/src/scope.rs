//! Scope: a set of names in the order they were asked for (RFC 6749 3.3).

use std::fmt;

use crate::db::{Column, Value};
use crate::error::{Code, Error, Result};

/// Longest scope parameter, in bytes; the longest useful one seen in the field is below 1,000.
const MAX_BYTES: usize = 2048;

/// Scope names, each once, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(Vec<String>);

impl Scope {
    /// Parses `scope-token *( SP scope-token )`; names that stand twice count once, extra spaces are forgiven.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_BYTES {
            return Err(invalid(format!("scope is longer than {MAX_BYTES} bytes")));
        }
        let mut names: Vec<String> = Vec::new();
        for name in text.split(' ').filter(|name| !name.is_empty()) {
            if !name.bytes().all(is_scope_byte) {
                return Err(invalid("scope has a character that RFC 6749 3.3 does not allow".into()));
            }
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        Ok(Self(names))
    }

    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// True if nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if `name` is in it.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|known| known == name)
    }

    /// True if every name is in `other` too.
    pub fn within(&self, other: &Scope) -> bool {
        self.iter().all(|name| other.has(name))
    }

    /// The names that `keep` accepts.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&str) -> bool) -> Scope {
        Scope(self.0.iter().filter(|name| keep(name)).cloned().collect())
    }
}

fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

fn invalid(description: String) -> Error {
    Error::refused(Code::InvalidScope, description)
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl FromIterator<String> for Scope {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        let mut scope = Scope::default();
        for name in names {
            if !scope.has(&name) {
                scope.0.push(name);
            }
        }
        scope
    }
}

impl Column for Scope {
    fn read(value: Option<Value<'static>>) -> Option<Self> {
        Scope::parse(&String::read(value)?).ok()
    }
}

impl From<&Scope> for Value<'_> {
    fn from(scope: &Scope) -> Self {
        Value::from(scope.to_string())
    }
}
