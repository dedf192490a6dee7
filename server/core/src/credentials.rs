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
