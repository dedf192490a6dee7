//! What a client sends to authenticate itself: HTTP Basic, form parameters or its name alone (RFC 6749 2.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use crate::error::{Code, Error, Result};
use crate::form::Params;
use crate::secret::Secret;

/// Longest `Authorization` header looked at, in bytes.
const MAX_HEADER: usize = 4096;

/// A client's claim to be `client_id`.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Who it says it is.
    pub client_id: String,
    /// The secret, if one was sent; an empty one counts as not sent.
    pub secret: Option<Secret>,
    /// True if the `Authorization` header was used, so that the refusal names its scheme (RFC 6749 5.2).
    pub basic: bool,
}

impl Credentials {
    /// Reads the credentials of a request; `None` if it names no client at all. Two methods at once, or two different
    /// names, are refused.
    pub fn read(authorization: Option<&str>, params: &Params) -> Result<Option<Self>> {
        let (form_id, form_secret) = (params.get("client_id"), params.secret("client_secret"));
        let Some(header) = authorization else {
            return match (form_id, form_secret) {
                (Some(id), secret) => Ok(Some(Self { client_id: id.to_owned(), secret, basic: false })),
                (None, Some(_)) => {
                    Err(Error::refused(Code::InvalidRequest, "client_secret without client_id"))
                }
                (None, None) => Ok(None),
            };
        };
        let (client_id, secret) = basic(header).ok_or_else(|| {
            Error::refused(
                Code::InvalidClient,
                "the Authorization header is not HTTP Basic with percent-encoded client_id and client_secret",
            )
        })?;
        if form_secret.is_some() {
            return Err(Error::refused(
                Code::InvalidRequest,
                "two client authentication methods at once: send either the Authorization header or client_secret",
            ));
        }
        if form_id.is_some_and(|form_id| form_id != client_id) {
            return Err(Error::refused(
                Code::InvalidRequest,
                "client_id differs from the Authorization header",
            ));
        }
        Ok(Some(Self { client_id, secret, basic: true }))
    }
}

/// Decodes `Basic base64(percent-encoded id ":" percent-encoded secret)`, strictly.
fn basic(header: &str) -> Option<(String, Option<Secret>)> {
    if header.len() > MAX_HEADER {
        return None;
    }
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim_matches(' ')).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let (id, secret) = (percent_decoded(id)?, percent_decoded(secret)?);
    (!id.is_empty()).then(|| (id, (!secret.is_empty()).then(|| Secret::new(secret))))
}

/// RFC 6749 2.3.1 has both parts form-encoded; a stray percent sign is taken as it is, since many clients do not encode.
fn percent_decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    (!decoded.chars().any(char::is_control)).then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use form_urlencoded::byte_serialize;
    use proptest::prelude::*;

    use super::*;

    fn header(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    fn read(authorization: Option<&str>, body: &str) -> Result<Option<Credentials>> {
        Credentials::read(authorization, &Params::parse(body.as_bytes()).unwrap())
    }

    fn parts(read: Result<Option<Credentials>>) -> (String, Option<String>, bool) {
        let credentials = read.unwrap().unwrap();
        (
            credentials.client_id,
            credentials.secret.map(|secret| secret.expose().to_owned()),
            credentials.basic,
        )
    }

    fn code(read: Result<Option<Credentials>>) -> Option<Code> {
        read.unwrap_err().code()
    }

    #[test]
    fn d12_basic_form_and_none() {
        let (id, secret) = ("app".to_owned(), Some("s:1".to_owned()));
        assert_eq!(parts(read(Some(&header("app:s:1")), "")), (id.clone(), secret.clone(), true));
        assert_eq!(
            parts(read(Some(&header("app:s:1")), "client_id=app")),
            (id.clone(), secret.clone(), true)
        );
        assert_eq!(parts(read(None, "client_id=app&client_secret=s%3A1")), (id.clone(), secret, false));
        assert_eq!(parts(read(None, "client_id=app")), (id, None, false));
        assert!(read(None, "grant_type=x").unwrap().is_none());
    }

    #[test]
    fn d3_an_empty_secret_counts_as_not_sent() {
        assert_eq!(parts(read(Some(&header("app:")), "")).1, None);
        assert_eq!(parts(read(None, "client_id=app&client_secret=")).1, None);
    }

    #[test]
    fn rfc6749_2_3_one_method_per_request() {
        let basic = header("app:secret");
        assert_eq!(
            code(read(Some(&basic), "client_id=app&client_secret=secret")),
            Some(Code::InvalidRequest)
        );
        assert_eq!(code(read(Some(&basic), "client_secret=secret")), Some(Code::InvalidRequest));
        assert_eq!(code(read(Some(&basic), "client_id=other")), Some(Code::InvalidRequest));
        assert_eq!(code(read(None, "client_secret=secret")), Some(Code::InvalidRequest));
    }

    #[test]
    fn rfc6749_2_3_1_both_parts_are_form_encoded() {
        assert_eq!(parts(read(Some(&header("a%3Ab:x%2By+z%25")), "")).0, "a:b");
        assert_eq!(parts(read(Some(&header("a%3Ab:x%2By+z%25")), "")).1.as_deref(), Some("x+y z%"));
        assert_eq!(
            parts(read(Some(&header("app:100%")), "")).1.as_deref(),
            Some("100%"),
            "not every client encodes"
        );
    }

    #[test]
    fn rfc7617_2_the_scheme_is_case_insensitive_and_all_else_is_strict() {
        let encoded = STANDARD.encode("app:secret");
        assert!(read(Some(&format!("bAsIc  {encoded} ")), "").is_ok());
        let long = header(&format!("app:{}", "x".repeat(MAX_HEADER)));
        for header in [
            "Basic",
            "Basic ",
            "Basic !!!",
            &format!("Basic{encoded}"),
            &format!("Bearer {encoded}"),
            &format!("Basic {}", encoded.trim_end_matches('=')),
            &format!("Basic {encoded}, Basic {encoded}"),
            &header("no colon"),
            &header(":secret"),
            &header("a%00b:secret"),
            &header("app:se\ncret"),
            &header("app:%ff"),
            &format!("Basic {}", STANDARD.encode(b"app:\xff")),
            &long,
        ] {
            assert_eq!(code(read(Some(header), "")), Some(Code::InvalidClient), "{header}");
        }
    }

    #[test]
    fn adv_39_the_secret_does_not_show_in_debug() {
        let shown = format!("{:?}", read(Some(&header("app:hunter2")), "").unwrap());
        assert!(shown.contains("app") && !shown.contains("hunter2"));
    }

    proptest! {
        #[test]
        fn what_a_client_encodes_arrives(id in "\\PC{1,20}", secret in "\\PC{1,20}") {
            let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let header = header(&format!("{}:{}", encode(&id), encode(&secret)));
            prop_assert_eq!(parts(read(Some(&header), "")), (id, Some(secret), true));
        }

        #[test]
        fn any_header_is_read_or_refused(text in "(Basic )?[ -~]{0,60}") {
            if let Ok(Some(credentials)) = read(Some(&text), "") {
                prop_assert!(!credentials.client_id.is_empty());
            }
        }
    }
}
