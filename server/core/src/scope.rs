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

    /// True if what is left of `asked` is worth going on with: something, and `openid` where it was asked for (deviation
    /// D30).
    pub fn is_enough_of(&self, asked: &Scope) -> bool {
        (!self.is_empty() || asked.is_empty()) && (self.has("openid") || !asked.has("openid"))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    #[test]
    fn names_stand_once_in_order() {
        assert_eq!(scope(" write  read write openid ").to_string(), "write read openid");
        assert!(scope("").is_empty() && scope("   ").is_empty());
    }

    #[test]
    fn rfc6749_3_3_illegal_characters_are_refused() {
        for text in ["a\"b", "a\\b", "a\tb", "a\nb", "a\0b", "\u{7f}", "\u{e9}", "a\u{a0}b"] {
            assert_eq!(Scope::parse(text).unwrap_err().code(), Some(Code::InvalidScope), "{text:?}");
        }
    }

    #[test]
    fn adv_15_a_long_scope_is_refused() {
        assert!(Scope::parse(&"a ".repeat(1024)).is_ok());
        assert!(Scope::parse(&"a ".repeat(1025)).is_err());
    }

    #[test]
    fn sets_are_compared_whole_names() {
        assert!(scope("read").within(&scope("write read")) && scope("").within(&scope("")));
        assert!(!scope("rea").within(&scope("read")) && !scope("read write").within(&scope("read")));
        assert_eq!(scope("a b c").filter(|name| name != "b"), scope("a c"));
        assert!(!scope("READ").within(&scope("read")), "scope names are case sensitive");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(text in "[!#-\\[\\]-~ ]{0,80}") {
            let once = scope(&text);
            prop_assert_eq!(scope(&once.to_string()), once.clone());
            let names: Vec<_> = once.iter().collect();
            prop_assert!(names.iter().all(|name| !name.is_empty() && names.iter().filter(|n| n == &name).count() == 1));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            if let Ok(scope) = Scope::parse(&text) {
                prop_assert!(scope.iter().all(|name| name.is_ascii() && text.contains(name)));
            }
        }
    }
}
