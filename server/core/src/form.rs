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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &[u8]) -> String {
        let error = Params::parse(text).err().unwrap();
        assert_eq!(error.code(), Some(Code::InvalidRequest));
        error.to_string()
    }

    #[test]
    fn pairs_are_decoded_once() {
        let params = Params::parse(b"a=x+y%2Bz&&b=%2541&c=1=2&%64=4").unwrap();
        assert_eq!(params.get("a"), Some("x y+z"));
        assert_eq!(params.get("b"), Some("%41"));
        assert_eq!((params.get("c"), params.get("d")), (Some("1=2"), Some("4")));
    }

    #[test]
    fn rfc6749_3_2_a_parameter_without_a_value_counts_as_omitted() {
        let params = Params::parse(b"a=&b").unwrap();
        assert_eq!((params.get("a"), params.get("b"), params.pairs().count()), (None, None, 2));
    }

    #[test]
    fn rfc6749_3_2_parameters_must_not_be_included_more_than_once() {
        for text in [&b"a=1&a=1"[..], b"a=1&a=2", b"a=1&%61=2", b"a=&a=1", b"a&a"] {
            assert!(refused(text).contains("the parameter a is repeated"));
        }
        assert!(
            refused(b"\x1b[2J=1&\x1b[2J=1").contains("the parameter [2J is"),
            "no control characters in answers"
        );
    }

    #[test]
    fn rfc8707_2_resource_may_be_repeated() {
        let params = Params::parse(b"resource=a&resource=b&resource=").unwrap();
        assert_eq!(params.all("resource").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for text in
            [&b"a=%"[..], b"a=%1", b"a=%zz", b"a=%+1", b"%=a", b"a=%ff", b"a=\xff", b"a=%00", b"a=%c3%28"]
        {
            refused(text);
        }
    }

    #[test]
    fn adv_15_64_parameters_at_most() {
        let body = |count| (0..count).map(|number| format!("p{number}=1")).collect::<Vec<_>>().join("&");
        assert!(Params::parse(body(64).as_bytes()).is_ok());
        assert!(refused(body(65).as_bytes()).contains("too many"));
    }

    proptest! {
        #[test]
        fn what_a_client_encodes_arrives(pairs in prop::collection::btree_map("[^\\x00]{1,8}", "[^\\x00]{0,12}", 0..8)) {
            let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let params = Params::parse(body.as_bytes()).unwrap();
            let sent: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            prop_assert_eq!(params.pairs().collect::<Vec<_>>(), sent);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(params) = Params::parse(&bytes) {
                prop_assert!(params.pairs().all(|(name, value)| !name.contains('\0') && !value.contains('\0')));
            }
        }
    }
}
