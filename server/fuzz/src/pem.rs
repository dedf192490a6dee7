//! Private keys from a file.

use authgate_core::keys::{Algorithm, rotation};
use authgate_core::secret::Secret;

use super::installation::Installation;

/// What is imported signs, and nothing private of it is published.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = Installation::with(|here| {
        here.tried(|tx, env| rotation::import(tx, env, &Secret::new(text), None, true))
    });
    let Ok(key) = read else { return };
    assert!(matches!(key.algorithm, Algorithm::Es256 | Algorithm::Rs256) && !key.kid.is_empty());
    let public = key.public_jwk.0.as_object().expect("an object");
    assert!(["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().all(|name| !public.contains_key(*name)));
    assert_eq!(public["kid"], key.kid.as_str());
}
