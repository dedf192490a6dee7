//! A JSON object read strictly: no name twice, at any depth (RFC 8725 2.4), every value as it was spelled.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

const TWICE: &str = "a name stands twice";

/// The members of an object, in order.
pub(super) struct Members(pub Vec<(String, Box<RawValue>)>);

impl Members {
    /// From a text that is an object or `null`. Why it is neither never quotes the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let found: Result<Option<Self>, _> = serde_json::from_str(text);
        found.map(|members| members.unwrap_or(Self(Vec::new()))).map_err(|error| {
            format!(
                "one object is expected, with each name once (line {} column {})",
                error.line(),
                error.column()
            )
        })
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let (mut members, mut names) = (Vec::new(), BTreeSet::new());
        while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom(TWICE));
            }
            let _: Unambiguous = serde_json::from_str(value.get()).map_err(A::Error::custom)?;
            members.push((name, value));
        }
        Ok(Members(members))
    }
}

/// Any value in which no object has a name twice, and whose numbers are in range.
struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Walk)
    }
}

struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = Unambiguous;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_str<E>(self, _: &str) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unambiguous, A::Error> {
        while items.next_element::<Unambiguous>()?.is_some() {}
        Ok(Unambiguous)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unambiguous, A::Error> {
        let mut names = BTreeSet::new();
        while let Some((name, _)) = map.next_entry::<String, Unambiguous>()? {
            if !names.insert(name) {
                return Err(A::Error::custom(TWICE));
            }
        }
        Ok(Unambiguous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8725_2_4_what_two_readers_may_read_differently_is_refused() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for text in [
            "",
            "[]",
            "1",
            "\"{}\"",
            "{",
            "{} {}",
            "{}x",
            "{a:1}",
            "{'a':1}",
            r#"{"a":1,}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":[{"b":1,"b":2}]}"#,
            r#"{"a":1e999}"#,
            r#"{"a":01}"#,
            r#"{"a":NaN}"#,
            "{\"a\":\"\n\"}",
            &deep,
        ] {
            let why = Members::parse(text).err().unwrap_or_else(|| panic!("{text} was taken"));
            assert!(why.starts_with("one object is expected"), "{why}");
        }
        assert_eq!(Members::parse(r#" {"a":{"b":[1,{"b":2}]}} "#).unwrap().0.len(), 1);
    }
}
