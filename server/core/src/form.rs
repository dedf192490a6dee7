//! Parameters of a form body or query: each at most once, valid UTF-8, bounded.

use percent_encoding::percent_decode_str;

use crate::error::{Code, Error, Result};
use crate::secret::Secret;

/// Most parameters in one request; the longest request of the contract has about 25.
const MAX_PARAMETERS: usize = 64;
/// The one parameter that may be repeated (RFC 8707 2).
const REPEATABLE: &str = "resource";

/// Decoded parameters. A parameter without a value counts as not sent (RFC 6749 3.1, 3.2).
#[derive(Clone, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Parses `application/x-www-form-urlencoded` text strictly.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(text).map_err(|_| invalid("the parameters are not UTF-8"))?;
        let mut params: Vec<(String, String)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            if params.len() == MAX_PARAMETERS {
                return Err(invalid("too many parameters"));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if name != REPEATABLE && params.iter().any(|(known, _)| *known == name) {
                // RFC 6749 3.1 and 3.2: parameters MUST NOT be included more than once.
                let shown: String = name.chars().filter(char::is_ascii_graphic).take(40).collect();
                return Err(Error::refused(
                    Code::InvalidRequest,
                    format!("the parameter {shown} is repeated"),
                ));
            }
            params.push((name, value));
        }
        Ok(Self(params))
    }

    /// The value of `name`, if it was sent and is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The value of `name` as a secret.
    pub fn secret(&self, name: &str) -> Option<Secret> {
        self.get(name).map(Secret::new)
    }

    /// Every non-empty value of a repeatable parameter.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(known, value)| known == name && !value.is_empty());
        named.map(|(_, value)| value.as_str())
    }

    /// All pairs, as they were sent.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl FromIterator<(String, String)> for Params {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

fn decode(text: &str) -> Result<String> {
    let bytes = text.as_bytes();
    let stray = bytes.iter().enumerate().any(|(at, byte)| {
        *byte == b'%' && !(bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)))
    });
    if stray {
        return Err(invalid("a parameter has a percent sign that is not followed by two hexadecimal digits"));
    }
    let spaced = text.replace('+', " ");
    let decoded =
        percent_decode_str(&spaced).decode_utf8().map_err(|_| invalid("a parameter is not UTF-8"))?;
    if decoded.contains('\0') {
        return Err(invalid("a parameter contains a NUL character"));
    }
    Ok(decoded.into_owned())
}

fn invalid(description: &'static str) -> Error {
    Error::refused(Code::InvalidRequest, description)
}
