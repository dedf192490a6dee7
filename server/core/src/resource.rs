//! Resource indicators (RFC 8707): compared by a canonical form, shown as they were registered or sent.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::{Code, Error, Result};

/// Longest resource, in bytes.
pub const MAX_BYTES: usize = 1024;
/// Most resources in one request.
pub const MAX_VALUES: usize = 10;

/// One resource: an absolute http or https URI with a host and without a fragment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Resource {
    spelling: String,
    canonical: String,
}

impl Resource {
    /// Parses one value. Scheme and host compare in lower case, without default port and without one trailing slash;
    /// nothing is decoded.
    pub fn parse(text: &str) -> Result<Self> {
        let canonical = canonical(text).ok_or_else(|| {
            Error::refused(
                Code::InvalidTarget,
                "invalid resource indicator: each resource is an absolute http or https URI with a host, \
                 without user, fragment or dot segments, of at most 1024 bytes",
            )
        })?;
        Ok(Self { spelling: text.to_owned(), canonical })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.spelling
    }

    /// True if both name the same resource.
    pub fn same_as(&self, other: &Resource) -> bool {
        self.canonical == other.canonical
    }
}

fn canonical(text: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#' | b'"' | b'<' | b'>');
    if text.len() > MAX_BYTES || !text.bytes().all(plain) {
        return None;
    }
    let (scheme, rest) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let path_only = path.split('?').next().unwrap_or_default();
    let dots =
        |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    if authority.is_empty() || authority.contains('@') || path_only.split('/').any(dots) {
        return None;
    }
    let parsed = Url::parse(text).ok()?;
    if parsed.host_str().is_none_or(str::is_empty) {
        return None;
    }
    let authority = authority.to_ascii_lowercase();
    let authority =
        authority.strip_suffix(default_port).or(authority.strip_suffix(':')).unwrap_or(&authority);
    let path = if path.contains('?') { path } else { path.strip_suffix('/').unwrap_or(path) };
    Some(format!("{scheme}://{authority}{path}"))
}

impl From<Resource> for String {
    fn from(resource: Resource) -> Self {
        resource.spelling
    }
}

impl TryFrom<String> for Resource {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Resource::parse(&text)
    }
}

/// The resources of a request or a grant, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources(Vec<Resource>);

impl FromIterator<Resource> for Resources {
    fn from_iter<I: IntoIterator<Item = Resource>>(iter: I) -> Self {
        let mut resources = Resources::default();
        iter.into_iter().for_each(|resource| resources.insert(resource));
        resources
    }
}

impl Resources {
    /// Parses the values of a repeatable `resource` parameter.
    pub fn parse<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let mut resources = Resources::default();
        for (index, value) in values.into_iter().enumerate() {
            if index == MAX_VALUES {
                return Err(Error::refused(Code::InvalidTarget, "more than 10 resource values"));
            }
            resources.insert(Resource::parse(value)?);
        }
        Ok(resources)
    }

    fn insert(&mut self, resource: Resource) {
        if !self.has(&resource) {
            self.0.push(resource);
        }
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The resources.
    pub fn iter(&self) -> impl Iterator<Item = &Resource> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if `resource` is among them, in any spelling.
    pub fn has(&self, resource: &Resource) -> bool {
        self.0.iter().any(|known| known.same_as(resource))
    }

    /// True if each is in `other`.
    pub fn within(&self, other: &Resources) -> bool {
        self.0.iter().all(|resource| other.has(resource))
    }

    /// These resources in the spellings of `known` where it has them.
    #[must_use]
    pub fn spelled_as(&self, known: &Resources) -> Resources {
        let spell = |own: &Resource| known.iter().find(|other| other.same_as(own)).unwrap_or(own).clone();
        Resources(self.0.iter().map(spell).collect())
    }

    /// What a token request may have of a `granted` set: nothing asked means all, more than granted is refused.
    pub fn narrowed_by(&self, asked: &Resources, description: &'static str) -> Result<Resources> {
        if asked.is_empty() {
            return Ok(self.clone());
        }
        if !asked.within(self) {
            return Err(Error::refused(Code::InvalidTarget, description));
        }
        Ok(asked.spelled_as(self))
    }

    /// The `aud` values: these, or `default` if there are none.
    pub fn audience(&self, default: &[String]) -> Vec<String> {
        if self.is_empty() {
            return default.to_vec();
        }
        self.0.iter().map(|resource| resource.spelling.clone()).collect()
    }

    /// The canonical forms, for comparing whole sets.
    pub fn canonical(&self) -> BTreeSet<&str> {
        self.0.iter().map(|resource| resource.canonical.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resource(text: &str) -> Resource {
        Resource::parse(text).unwrap()
    }

    fn resources(texts: &[&str]) -> Resources {
        Resources::parse(texts.iter().copied()).unwrap()
    }

    #[test]
    fn d28_what_is_the_same_resource() {
        for (one, other) in [
            ("https://api.example.com", "https://api.example.com/"),
            ("https://api.example.com", "HTTPS://API.Example.com:443"),
            ("http://localhost", "http://localhost:80/"),
            ("https://a.example/mcp", "https://a.example/mcp/"),
            ("https://a.example:/x", "https://a.example/x"),
        ] {
            assert!(resource(one).same_as(&resource(other)), "{one} {other}");
        }
    }

    #[test]
    fn d28_what_is_another_resource() {
        for (one, other) in [
            ("https://a.example", "http://a.example"),
            ("https://a.example/x", "https://a.example/X"),
            ("https://a.example/x", "https://a.example/%78"),
            ("https://a.example/x", "https://a.example/x//"),
            ("https://a.example:8443", "https://a.example"),
            ("https://a.example/?a", "https://a.example/?A"),
            ("https://a.example/?x/", "https://a.example/?x"),
            ("https://127.0.0.1", "https://127.1"),
        ] {
            assert!(!resource(one).same_as(&resource(other)), "{one} {other}");
        }
    }

    #[test]
    fn d28_what_is_no_resource() {
        let long = format!("https://a.example/{}", "x".repeat(MAX_BYTES));
        for text in [
            "",
            "api",
            "urn:example:api",
            "ftp://a.example",
            "https:a.example",
            "https://",
            "https:///x",
            "https://joe@a.example",
            "https://@a.example",
            "https://a.example/#x",
            "https://a.example/#",
            "https://a.example/../x",
            "https://a.example/%2E%2e/x",
            "https://a.example/.",
            "https://a.example\\x",
            "https://a.example/ x",
            "https://a.example/\u{e9}",
            "https://a.example/\n",
            &long,
        ] {
            assert_eq!(Resource::parse(text).unwrap_err().code(), Some(Code::InvalidTarget), "{text}");
        }
    }

    #[test]
    fn adv_15_ten_values_at_most() {
        let values: Vec<_> = (0..11).map(|number| format!("https://a.example/{number}")).collect();
        assert_eq!(Resources::parse(values[..10].iter().map(String::as_str)).unwrap().len(), 10);
        assert!(Resources::parse(values.iter().map(String::as_str)).is_err());
        assert!(Resources::parse(std::iter::repeat_n("https://a.example", 11)).is_err());
        assert_eq!(resources(&["https://a.example", "https://A.example/"]).len(), 1);
    }

    #[test]
    fn rfc8707_2_2_a_token_request_never_gets_more_than_was_granted() {
        let granted = resources(&["https://A.example/", "https://b.example"]);
        assert_eq!(granted.narrowed_by(&Resources::default(), "no").unwrap(), granted);
        let narrowed = granted.narrowed_by(&resources(&["https://a.example"]), "no").unwrap();
        assert_eq!(narrowed.audience(&[]), ["https://A.example/"], "spelled as it was granted");
        for asked in [&["https://c.example"][..], &["https://a.example", "https://c.example"]] {
            assert_eq!(
                granted.narrowed_by(&resources(asked), "no").unwrap_err().code(),
                Some(Code::InvalidTarget)
            );
        }
    }

    #[test]
    fn the_default_audience_stands_in_for_no_resource() {
        assert_eq!(Resources::default().audience(&["default".into()]), ["default"]);
        assert_eq!(resources(&["https://a.example"]).audience(&["default".into()]), ["https://a.example"]);
    }

    #[test]
    fn a_stored_value_that_cannot_be_is_an_error() {
        assert!(serde_json::from_str::<Resources>(r#"["ftp://a"]"#).is_err());
        let stored = serde_json::to_string(&resources(&["https://A.example/"])).unwrap();
        assert_eq!(stored, r#"["https://A.example/"]"#);
        assert_eq!(serde_json::from_str::<Resources>(&stored).unwrap(), resources(&["https://A.example/"]));
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_a_resource_of_its_own(text in "[hH]ttps?://[a-zA-Z0-9.-]{1,8}(:[0-9]{1,4})?(/[a-z~%.;@]{0,4}){0,3}") {
            if let Ok(parsed) = Resource::parse(&text) {
                let again = resource(&parsed.canonical);
                prop_assert!(again.same_as(&parsed) || parsed.canonical.ends_with('/'));
                prop_assert_eq!(parsed.as_str(), text);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            if let Ok(parsed) = Resource::parse(&text) {
                let url = Url::parse(&text).unwrap();
                prop_assert!(url.host_str().is_some() && url.fragment().is_none() && url.username().is_empty());
                prop_assert!(parsed.same_as(&parsed));
            }
        }
    }
}
