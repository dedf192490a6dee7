//! Proof Key for Code Exchange (RFC 7636).

use authgate_core::pkce::{Challenge, verify};
use authgate_core::secret::{Secret, sha256};

/// Challenge, method and verifier on a line each. Only S256, only the grammar, only the verifier of the challenge, and
/// never one without the other.
pub fn check(data: &[u8]) {
    let Some([challenge, method, verifier]) = super::lines(data) else { return };
    let (has_challenge, has_method) = (!challenge.is_empty(), !method.is_empty());
    let read = Challenge::parse(has_challenge.then_some(challenge), has_method.then_some(method));
    let grammatical = |text: &str| {
        (43..=128).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    let expected = has_challenge && method == "S256" && grammatical(challenge);
    match &read {
        Ok(Some(read)) => assert!(expected && read.as_str() == challenge),
        Ok(None) => assert!(!has_challenge && !has_method),
        Err(_) => assert!(!expected && (has_challenge || has_method)),
    }
    let secret = Secret::new(verifier);
    let good = grammatical(verifier) && sha256(verifier.as_bytes()) == challenge;
    assert_eq!(verify(Some(challenge), Some(&secret)).is_ok(), good);
    assert!(verify(Some(challenge), None).is_err() && verify(None, Some(&secret)).is_err());
    if grammatical(verifier) {
        verify(Some(&sha256(verifier.as_bytes())), Some(&secret)).expect("its own challenge");
    }
}
