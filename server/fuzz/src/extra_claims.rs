//! Claims that a client adds to its access tokens.

use authgate_core::extra_claims::ExtraClaims;
use serde_json::Value;

use super::installation::Installation;

/// What is accepted is an object of the claims that were registered, none of them reserved, each once.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = Installation::with(|here| ExtraClaims::read(Some(text), &here.client, &here.policy));
    let Ok(claims) = read else { return };
    let written = serde_json::to_string(&claims).expect("it is JSON");
    let lenient: Value = serde_json::from_str(text).expect("what is accepted is JSON");
    let again: Value = serde_json::from_str(&written).expect("what is written is JSON");
    assert_eq!(again, if lenient.is_null() { serde_json::json!({}) } else { lenient });
    let members = again.as_object().expect("an object");
    assert!(members.len() <= 2 && members.keys().all(|name| matches!(name.as_str(), "a" | "b")));
}
