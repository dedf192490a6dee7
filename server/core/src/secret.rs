//! Secrets have a type of their own: unreadable in `Debug`, compared in constant time, stored hashed.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A password, code, token or client secret as somebody sent it.
#[derive(Clone)]
pub struct Secret(String);

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        same(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl Eq for Secret {}

impl Secret {
    /// Wraps the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that must send or hash it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored instead of the text.
    pub fn sha256(&self) -> String {
        sha256(self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// SHA-256 in unpadded base64url, 43 characters.
pub fn sha256(bytes: &[u8]) -> String {
    base64url(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Unpadded base64url (RFC 4648 5).
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes unpadded base64url; only the canonical form passes (no padding, no stray bits).
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        text.push(char::from_digit(u32::from(byte >> 4), 16).expect("a nibble is a digit"));
        text.push(char::from_digit(u32::from(byte & 15), 16).expect("a nibble is a digit"));
        text
    })
}

/// Compares in time that depends on the length only.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    verify_slices_are_equal(a, b).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_in_debug() {
        assert_eq!(format!("{:?}", Some(Secret::new("hunter2"))), "Some(***)");
    }

    #[test]
    fn adv_13_only_canonical_base64url_decodes() {
        assert_eq!(from_base64url("_-8"), Some(vec![0xff, 0xef]));
        for lax in ["_-8=", "_-9", "/+8", "_-8\n", " _-8"] {
            assert_eq!(from_base64url(lax), None, "{lax:?}");
        }
    }

    #[test]
    fn hex_is_lower_case() {
        assert_eq!(hex(&[0, 10, 255]), "000aff");
    }
}
