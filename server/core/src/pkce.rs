//! Proof Key for Code Exchange (RFC 7636), method S256 only.

use crate::error::{Code, Error, Result};
use crate::secret::{Secret, same, sha256};

/// A `code_challenge`: 43 to 128 unreserved characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// Reads `code_challenge` and `code_challenge_method`. A challenge needs the method S256 spelled out; the default
    /// method of RFC 7636, `plain`, is refused (deviation D2).
    pub fn parse(challenge: Option<&str>, method: Option<&str>) -> Result<Option<Self>> {
        match (challenge, method) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(invalid("code_challenge_method without code_challenge")),
            (Some(_), None) => Err(invalid("code_challenge_method is required and must be S256")),
            (Some(challenge), Some("S256")) if well_formed(challenge) => Ok(Some(Self(challenge.to_owned()))),
            (Some(_), Some("S256")) => Err(invalid("code_challenge must be 43 to 128 unreserved characters")),
            (Some(_), Some(_)) => Err(invalid("code_challenge_method must be S256")),
        }
    }

    /// The challenge as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn invalid(description: &'static str) -> Error {
    Error::refused(Code::InvalidRequest, description)
}

fn well_formed(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}

/// Checks a `code_verifier` against the challenge stored with the code, if there was one (RFC 7636 4.6). A verifier
/// without a stored challenge is refused too (RFC 9700 4.8.2).
pub fn verify(challenge: Option<&str>, verifier: Option<&Secret>) -> Result<()> {
    let refuse = |why| Err(Error::refused(Code::InvalidGrant, why));
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (None, Some(_)) => {
            refuse("code_verifier was sent, but the code was asked for without a code_challenge")
        }
        (Some(_), None) => refuse("PKCE code_verifier is required"),
        (Some(_), Some(verifier)) if !well_formed(verifier.expose()) => {
            refuse("PKCE code_verifier must be 43 to 128 unreserved characters")
        }
        (Some(challenge), Some(verifier)) => {
            if same(sha256(verifier.expose().as_bytes()).as_bytes(), challenge.as_bytes()) {
                Ok(())
            } else {
                refuse("PKCE code_verifier validation failed")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rfc7636_appendix_b() {
        let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(verify(Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), Some(&verifier)), Ok(()));
    }

    #[test]
    fn adv_06_no_downgrade() {
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        for (challenge, method) in [
            (Some(challenge), None),
            (Some(challenge), Some("plain")),
            (Some(challenge), Some("s256")),
            (Some("short"), Some("S256")),
            (None, Some("S256")),
        ] {
            let refused = Challenge::parse(challenge, method).unwrap_err();
            assert_eq!(refused.code(), Some(Code::InvalidRequest), "{challenge:?} {method:?}");
        }
        let verifier = Secret::new(challenge);
        for (stored, sent) in
            [(Some(challenge), None), (Some(challenge), Some(&verifier)), (None, Some(&verifier))]
        {
            assert_eq!(verify(stored, sent).unwrap_err().code(), Some(Code::InvalidGrant));
        }
    }

    proptest! {
        #[test]
        fn only_the_verifier_itself_answers_its_challenge(verifier in "[A-Za-z0-9._~-]{43,128}", other in "\\PC{0,140}") {
            let challenge = sha256(verifier.as_bytes());
            let parsed = Challenge::parse(Some(&challenge), Some("S256")).unwrap().unwrap();
            prop_assert_eq!(verify(Some(parsed.as_str()), Some(&Secret::new(verifier.as_str()))), Ok(()));
            if other != verifier {
                prop_assert!(verify(Some(parsed.as_str()), Some(&Secret::new(other))).is_err());
            }
        }

        #[test]
        fn a_challenge_is_taken_as_it_is_or_refused(challenge in "\\PC{0,140}") {
            if let Ok(Some(parsed)) = Challenge::parse(Some(&challenge), Some("S256")) {
                prop_assert_eq!(parsed.as_str(), challenge.as_str());
                prop_assert!((43..=128).contains(&challenge.len()));
            }
        }
    }
}
