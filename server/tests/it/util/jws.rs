//! Signed tokens as a client or an API reads them: with the published keys and nothing of the server's own code.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::Client;

/// A token taken apart.
#[derive(Debug)]
pub struct Jws {
    /// The protected header.
    pub header: Value,
    /// The claims.
    pub claims: Value,
    /// The claims as they stand there: a number may have more digits than a [`Value`] keeps.
    pub text: String,
    signed: String,
    signature: Vec<u8>,
}

impl Jws {
    /// Takes a token apart, without verifying it.
    pub fn read(token: &str) -> Self {
        let [header, claims, signature] = parts(token);
        let json = |text: &str| serde_json::from_slice(&decode(text)).unwrap();
        Self {
            header: json(header),
            claims: json(claims),
            text: String::from_utf8(decode(claims)).unwrap(),
            signed: format!("{header}.{claims}"),
            signature: decode(signature),
        }
    }

    /// Takes a token apart that verifies with the published key its header names.
    pub async fn verified(http: &Client, token: &str) -> Self {
        let jws = Self::read(token);
        let published = http.get("/.well-known/jwks.json").send().await.json();
        let keys = published["keys"].as_array().unwrap();
        let key = keys.iter().find(|key| key["kid"] == jws.header["kid"]);
        let key = key.unwrap_or_else(|| panic!("no key for {} in {published}", jws.header));
        assert_eq!((&key["alg"], &key["use"]), (&jws.header["alg"], &"sig".into()), "{key}");
        assert!(jws.is_signed_by(key), "{}", jws.header);
        jws
    }

    /// True if it is signed with this HS256 key.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        hmac::verify(&key, self.signed.as_bytes(), &self.signature).is_ok()
    }

    fn is_signed_by(&self, jwk: &Value) -> bool {
        let member = |name: &str| decode(jwk[name].as_str().unwrap_or_else(|| panic!("no {name} in {jwk}")));
        let (message, signature) = (self.signed.as_bytes(), &self.signature);
        if jwk["alg"] == "RS256" {
            let key = RsaPublicKeyComponents { n: member("n"), e: member("e") };
            return key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok();
        }
        assert_eq!((&jwk["alg"], &jwk["crv"]), (&"ES256".into(), &"P-256".into()));
        let point = [vec![4], member("x"), member("y")].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
    }
}

/// Header, claims and signature of a compact token.
pub fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<_> = token.split('.').collect();
    parts.try_into().unwrap_or_else(|_| panic!("{token} is no compact token"))
}

/// Base64url without padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The opposite.
pub fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// `at_hash` (OpenID Connect Core 3.1.3.6) of an access token, for algorithms that hash with SHA-256.
pub fn at_hash(access_token: &str) -> String {
    encode(&digest::digest(&digest::SHA256, access_token.as_bytes()).as_ref()[..16])
}
