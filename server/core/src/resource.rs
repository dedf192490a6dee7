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
    if authority.contains('@') || path_only.split('/').any(dots) {
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
