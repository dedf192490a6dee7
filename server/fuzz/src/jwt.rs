//! JSON Web Tokens: access tokens and hints.

use authgate_core::jwt::{hint, verify_access};
use authgate_core::keys::{Algorithm, Keys};
use authgate_core::secret::{Secret, base64url};
use serde_json::Value;

use super::installation::Installation;

/// A header on the first line, claims on the second: they are read as a token that nobody signed, and as one that our
/// key did. Only our own header, issuer and type are accepted, and a hint is never an access token.
pub fn check(data: &[u8]) {
    let Some([header, claims]) = super::lines(data) else { return };
    Installation::with(|here| {
        let (keys, issuer) = (&here.opened.keys, here.policy.issuer.as_str());
        for text in [
            header,
            claims,
            &format!("{header}.{claims}."),
            &format!("{}.{}.", base64url(header.as_bytes()), base64url(claims.as_bytes())),
        ] {
            assert!(verify_access(&Secret::new(text), keys, issuer).is_err(), "nobody signed it");
            assert!(hint(&Secret::new(text), keys, issuer).is_none(), "nobody signed it");
        }
        signed(
            keys,
            issuer,
            &header.replace("$kid", keys.access().kid.as_deref().unwrap_or_default()),
            claims,
        );
    });
}

fn signed(keys: &Keys, issuer: &str, header: &str, claims: &str) {
    let key = keys.access();
    let text = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes()));
    let token = Secret::new(format!("{text}.{}", base64url(&key.sign(text.as_bytes()))));
    let (access, hint) = (verify_access(&token, keys, issuer), hint(&token, keys, issuer));
    if access.is_err() && hint.is_none() {
        return;
    }
    assert!(access.is_err() || hint.is_none(), "one token, one meaning");
    let header: Value = serde_json::from_str(header).expect("JSON");
    let names: Vec<_> = header.as_object().expect("an object").keys().map(String::as_str).collect();
    assert!(names.iter().all(|name| matches!(*name, "alg" | "typ" | "kid")), "{names:?}");
    assert_eq!(header["kid"].as_str(), key.kid.as_deref());
    assert_eq!(header["alg"], Algorithm::Es256.as_str());
    let claims: Value = serde_json::from_str(claims).expect("JSON");
    assert_eq!(claims["iss"], issuer);
    match (access, hint) {
        (Ok(jti), _) => assert!(claims["type"] == "access" && claims["jti"] == jti.as_str()),
        (_, Some(hint)) => {
            assert!(header["typ"] == "JWT" && claims.get("type").is_none_or(Value::is_null));
            assert!(claims["aud"] == hint.aud.as_str() && claims["sub"] == hint.sub.as_str());
        }
        _ => {}
    }
}
