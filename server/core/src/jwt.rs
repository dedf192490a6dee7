//! JSON Web Tokens: written once, read strictly (RFC 7519, RFC 8725, RFC 9068).

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::error::{Code, Error, Result};
use crate::extra_claims::ExtraClaims;
use crate::keys::{Algorithm, Keys, SigningKey};
use crate::secret::{Secret, base64url, from_base64url};

/// Longest token looked at, in bytes. Ours are below 2,000 but for those with ten resources of 1,024 bytes, 4,096 bytes of
/// extra claims and the longest scope: as base64url these are 23,000.
const MAX_BYTES: usize = 32 * 1024;

/// The claims of an access token (RFC 9068 2.2, with the contract's additions).
#[derive(Clone, Debug, Serialize)]
pub struct AccessClaims {
    /// The issuer.
    pub iss: String,
    /// The user's id, or `client:` and the client's id.
    pub sub: String,
    /// Whom the token is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aud: Option<Audience>,
    /// Unix seconds.
    pub exp: i64,
    /// Unix seconds.
    pub iat: i64,
    /// The token's id, which its row is found by.
    pub jti: String,
    /// The client it was issued to.
    pub client_id: String,
    /// Space separated.
    pub scope: String,
    /// The same as `sub`.
    pub user_id: String,
    /// Always `access`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Private claims, with the configured prefix; one with a name of the above is left out.
    #[serde(flatten, serialize_with = "unreserved")]
    pub private: Map<String, Value>,
    /// What the client adds; none has a name of the above.
    #[serde(flatten)]
    pub extra: ExtraClaims,
}

/// Names that a private claim never has (threats, ADV 37).
const RESERVED: [&str; 10] =
    ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "user_id", "type"];

fn unreserved<S: Serializer>(private: &Map<String, Value>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(private.iter().filter(|(name, _)| !RESERVED.contains(&name.as_str())))
}

/// One value is a string, several are an array (RFC 7519 4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Audience {
    /// From a list; `None` if it is empty.
    pub fn of(values: &[String]) -> Option<Self> {
        match values {
            [] => None,
            [one] => Some(Audience::One(one.clone())),
            many => Some(Audience::Many(many.to_vec())),
        }
    }
}

/// Signs `claims` into a compact JWS.
pub fn sign(key: &SigningKey, typ: &str, claims: &impl Serialize) -> Result<String> {
    let header = Header { alg: key.algorithm.as_str().into(), typ: typ.into(), kid: key.kid.clone() };
    let mut token = base64url(&serde_json::to_vec(&header)?);
    token.push('.');
    token.push_str(&base64url(&serde_json::to_vec(claims)?));
    let signature = key.sign(token.as_bytes());
    token.push('.');
    token.push_str(&base64url(&signature));
    Ok(token)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)] // no `jwk`, `jku`, `x5u`, `crit`, `zip`: we write none of them
struct Header {
    alg: String,
    typ: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
}

/// What is read of an access token before its row is looked up; all else comes from the row.
#[derive(Deserialize)]
struct Presented {
    iss: String,
    jti: String,
    #[serde(rename = "type")]
    kind: String,
}

/// Verifies a presented access token whole: one canonical text, our key by `kid`, that key's algorithm, our issuer,
/// and the type. Returns its `jti`.
pub fn verify_access(token: &Secret, keys: &Keys, issuer: &str) -> Result<String> {
    let (_, claims) = verify(token, keys, &["at+jwt", "JWT"]).ok_or_else(invalid_token)?;
    let claims: Presented = serde_json::from_str(&claims).map_err(|_| invalid_token())?;
    if claims.iss != issuer || claims.kind != "access" {
        return Err(invalid_token());
    }
    Ok(claims.jti)
}

/// What is read of an ID token that comes back as a hint.
#[derive(Clone, Debug, Deserialize)]
pub struct Hint {
    iss: String,
    /// The user.
    pub sub: String,
    /// The client it was issued to.
    pub aud: String,
    /// The session's name at that client.
    pub sid: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// An `id_token_hint`: an ID token that this server issued, however long ago (OpenID Connect Core 3.1.2.1). `JWT_SECRET`
/// signs access tokens only, and resource servers have it too: what it signs is no ID token (RFC 8725 3.12).
pub fn hint(token: &Secret, keys: &Keys, issuer: &str) -> Option<Hint> {
    let (_, claims) = verify(token, keys, &["JWT"]).filter(|(key, _)| key.algorithm != Algorithm::Hs256)?;
    let hint: Hint = serde_json::from_str(&claims).ok()?;
    // Access tokens may be of the type JWT too, but they have a kind.
    (hint.iss == issuer && hint.kind.is_none()).then_some(hint)
}

/// The refusal of a token that does not hold; it never says why (RFC 6750 3.1).
pub fn invalid_token() -> Error {
    Error::refused(Code::InvalidToken, "Token is invalid or expired")
}

fn verify<'k>(token: &Secret, keys: &'k Keys, types: &[&str]) -> Option<(&'k SigningKey, String)> {
    let token = token.expose();
    if token.len() > MAX_BYTES {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    // Checked here, since JSON readers pass over what they do not look at (RFC 8725 3.7).
    let utf8 = |part: &str| String::from_utf8(from_base64url(part)?).ok();
    let (header, claims, signature) = (utf8(header)?, utf8(claims)?, from_base64url(signature)?);
    let header: Header = serde_json::from_str(&header).ok()?;
    let key = keys.by_kid(header.kid.as_deref())?;
    let genuine = header.alg == key.algorithm.as_str()
        && types.contains(&header.typ.as_str())
        && key.verifies(signed.as_bytes(), &signature);
    genuine.then_some((key, claims))
}

/// `at_hash` of an access token (OpenID Connect Core 3.1.3.6); every algorithm here hashes with SHA-256.
pub fn at_hash(access_token: &str) -> String {
    use aws_lc_rs::digest::{SHA256, digest};
    base64url(&digest(&SHA256, access_token.as_bytes()).as_ref()[..16])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::keys::{Algorithm, KeyConfig};
    use crate::master::Master;
    use crate::testing::Database;

    const ISSUER: &str = "https://id.example.com";

    fn keys(config: &KeyConfig) -> Keys {
        let master = Master::from_text(&Secret::new("A".repeat(43))).unwrap();
        let keys = Database::new().write(|tx, _, ctx| {
            Keys::ensure(tx, &master, config, ctx)?;
            Keys::load(tx, &master, config)
        });
        keys.unwrap()
    }

    fn claims() -> AccessClaims {
        AccessClaims {
            iss: ISSUER.into(),
            sub: "user".into(),
            aud: Audience::of(&[ISSUER.into()]),
            exp: 2,
            iat: 1,
            jti: "jti".into(),
            client_id: "client".into(),
            scope: "read".into(),
            user_id: "user".into(),
            kind: "access",
            private: Map::new(),
            extra: ExtraClaims::default(),
        }
    }

    fn payload(token: &str) -> Value {
        serde_json::from_slice(&from_base64url(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
    }

    /// A token with this header and payload, signed as `key` signs.
    fn forged(key: &SigningKey, header: &Value, payload: &Value) -> String {
        let signed = format!(
            "{}.{}",
            base64url(header.to_string().as_bytes()),
            base64url(payload.to_string().as_bytes())
        );
        let signature = base64url(&key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn verified(keys: &Keys, token: &str) -> Result<String> {
        verify_access(&Secret::new(token), keys, ISSUER)
    }

    fn refused(keys: &Keys, token: &str) {
        assert_eq!(verified(keys, token), Err(invalid_token()), "{token}");
    }

    #[test]
    fn rfc9068_2_what_is_signed_is_verified() {
        for algorithm in [Algorithm::Es256, Algorithm::Rs256, Algorithm::Hs256] {
            let jwt_secret = Some(Secret::new("x".repeat(32)));
            let keys =
                keys(&KeyConfig { access_algorithm: Some(algorithm), jwt_secret, ..KeyConfig::default() });
            for typ in ["at+jwt", "JWT"] {
                let token = sign(keys.access(), typ, &claims()).unwrap();
                assert_eq!(verified(&keys, &token).as_deref(), Ok("jti"));
                assert_eq!(
                    payload(&token),
                    json!({
                        "iss": ISSUER, "sub": "user", "aud": ISSUER, "exp": 2, "iat": 1, "jti": "jti",
                        "client_id": "client", "scope": "read", "user_id": "user", "type": "access",
                    })
                );
            }
        }
    }

    #[test]
    fn rfc7519_4_1_3_aud_is_a_string_a_list_or_absent() {
        let keys = keys(&KeyConfig::default());
        let of = |aud: &[String]| {
            payload(
                &sign(keys.access(), "at+jwt", &AccessClaims { aud: Audience::of(aud), ..claims() }).unwrap(),
            )
        };
        assert_eq!(of(&["a".into()])["aud"], json!("a"));
        assert_eq!(of(&["a".into(), "b".into()])["aud"], json!(["a", "b"]));
        assert!(of(&[]).get("aud").is_none());
    }

    #[test]
    fn adv_37_a_private_claim_never_stands_for_a_reserved_one() {
        let keys = keys(&KeyConfig::default());
        let names = RESERVED.map(|name| (name.to_owned(), json!("forged")));
        let private = names.into_iter().chain([("extra_domain".to_owned(), json!("example.com"))]).collect();
        let token = sign(keys.access(), "at+jwt", &AccessClaims { private, ..claims() }).unwrap();
        let bytes = from_base64url(token.split('.').nth(1).unwrap()).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains("forged") && text.contains("\"extra_domain\":\"example.com\""), "{text}");
        let standard = payload(&sign(keys.access(), "at+jwt", &claims()).unwrap());
        let mut names: Vec<_> = standard.as_object().unwrap().keys().map(String::as_str).collect();
        names.retain(|name| !RESERVED.contains(name));
        assert!(names.is_empty(), "every claim of the type is reserved: {names:?}");
    }

    #[test]
    fn adv_09_only_the_key_and_algorithm_of_the_kid() {
        let keys = keys(&KeyConfig::default());
        let (es256, rs256) = (keys.access(), keys.id_token(Some(Algorithm::Rs256)));
        let payload = json!({"iss": ISSUER, "jti": "jti", "type": "access"});
        let good = json!({"alg": "ES256", "typ": "at+jwt", "kid": es256.kid});
        assert!(verified(&keys, &forged(es256, &good, &payload)).is_ok());
        for header in [
            json!({"alg": "none", "typ": "at+jwt", "kid": es256.kid}),
            json!({"alg": "NONE", "typ": "at+jwt"}),
            json!({"alg": "ES384", "typ": "at+jwt", "kid": es256.kid}),
            json!({"alg": "es256", "typ": "at+jwt", "kid": es256.kid}),
            json!({"alg": "HS256", "typ": "at+jwt", "kid": es256.kid}),
            json!({"alg": "HS256", "typ": "at+jwt"}),
            json!({"alg": "RS256", "typ": "at+jwt", "kid": es256.kid}),
            json!({"alg": "ES256", "typ": "at+jwt", "kid": rs256.kid}),
            json!({"alg": "ES256", "typ": "at+jwt", "kid": "unknown"}),
            json!({"alg": "ES256", "typ": "at+jwt", "kid": ""}),
            json!({"alg": "ES256", "typ": "at+jwt", "kid": "1"}),
            json!({"alg": "ES256", "typ": "at+jwt"}),
            json!({"alg": "ES256", "kid": es256.kid}),
            json!({"alg": "ES256", "typ": "at+JWT", "kid": es256.kid}),
            json!({"alg": "ES256", "typ": "dpop+jwt", "kid": es256.kid}),
            json!({"alg": "ES256", "typ": "at+jwt", "kid": es256.kid, "jwk": {"kty": "EC"}}),
            json!({"alg": "ES256", "typ": "at+jwt", "kid": es256.kid, "jku": "https://evil.example"}),
            json!({"alg": "ES256", "typ": "at+jwt", "kid": es256.kid, "x5u": "https://evil.example"}),
            json!({"alg": "ES256", "typ": "at+jwt", "kid": es256.kid, "crit": []}),
            json!({"alg": "ES256", "typ": "at+jwt", "kid": es256.kid, "b64": false}),
            json!({"alg": "ES256", "typ": "at+jwt", "kid": es256.kid, "zip": "DEF"}),
            json!(["ES256"]),
            json!("ES256"),
        ] {
            refused(&keys, &forged(es256, &header, &payload));
            let signed = forged(es256, &header, &payload);
            refused(&keys, &format!("{}.", signed.rsplit_once('.').unwrap().0));
        }
        // The public key as the secret of an HMAC, the oldest confusion of all.
        let public = KeyConfig {
            jwt_secret: Some(Secret::new(keys.jwks())),
            access_algorithm: Some(Algorithm::Hs256),
            ..KeyConfig::default()
        };
        let confused = self::keys(&public);
        for kid in [json!(es256.kid), json!(rs256.kid), json!(null)] {
            refused(
                &keys,
                &forged(confused.access(), &json!({"alg": "HS256", "typ": "at+jwt", "kid": kid}), &payload),
            );
        }
    }

    #[test]
    fn adv_09_only_access_tokens_of_this_issuer() {
        let keys = keys(&KeyConfig::default());
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": keys.access().kid});
        for payload in [
            json!({"iss": "https://id.example.com/", "jti": "jti", "type": "access"}),
            json!({"iss": "https://evil.example", "jti": "jti", "type": "access"}),
            json!({"iss": [ISSUER], "jti": "jti", "type": "access"}),
            json!({"jti": "jti", "type": "access"}),
            json!({"iss": ISSUER, "jti": "jti", "type": "refresh"}),
            json!({"iss": ISSUER, "jti": "jti", "sub": "user", "aud": "client"}),
            json!({"iss": ISSUER, "jti": 7, "type": "access"}),
            json!({"iss": ISSUER, "type": "access"}),
            json!([]),
            json!(null),
        ] {
            refused(&keys, &forged(keys.access(), &header, &payload));
        }
        let twice = r#"{"iss":"https://id.example.com","jti":"a","type":"access","jti":"b"}"#;
        let signed = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(twice.as_bytes()));
        refused(&keys, &format!("{signed}.{}", base64url(&keys.access().sign(signed.as_bytes()))));
    }

    #[test]
    fn rfc8725_3_7_only_utf8_is_read() {
        let keys = keys(&KeyConfig::default());
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": keys.access().kid}).to_string();
        let payload = json!({"iss": ISSUER, "jti": "jti", "type": "access"}).to_string();
        let spellings = |text: &str| -> [Vec<u8>; 3] {
            [
                text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
                [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            ]
        };
        let signed = |header: &[u8], payload: &[u8]| {
            let text = format!("{}.{}", base64url(header), base64url(payload));
            format!("{text}.{}", base64url(&keys.access().sign(text.as_bytes())))
        };
        assert!(verified(&keys, &signed(header.as_bytes(), payload.as_bytes())).is_ok());
        for other in spellings(&header) {
            refused(&keys, &signed(&other, payload.as_bytes()));
        }
        for other in spellings(&payload) {
            refused(&keys, &signed(header.as_bytes(), &other));
        }
        // Latin-1 where nobody reads it.
        let inside = [br#"{"note":""#, &b"\xe9"[..], br#"","#, &payload.as_bytes()[1..]].concat();
        refused(&keys, &signed(header.as_bytes(), &inside));
    }

    #[test]
    fn rfc8725_3_10_a_kid_is_looked_up_and_nothing_else() {
        let keys = keys(&KeyConfig::default());
        let payload = json!({"iss": ISSUER, "jti": "jti", "type": "access"});
        let own = keys.access().kid.clone().unwrap();
        for kid in
            ["../../master.key", "/dev/null", "' OR '1'='1", "https://evil.example/jwks", "\0", "*", "%"]
        {
            for kid in [kid.to_owned(), format!("{own}{kid}"), format!("{kid}{own}")] {
                let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": kid});
                refused(&keys, &forged(keys.access(), &header, &payload));
            }
        }
    }

    /// What one recipient takes no other does, whichever type access tokens have and whatever signs them.
    #[test]
    fn rfc8725_3_12_each_kind_of_token_is_taken_for_itself_only() {
        for algorithm in [Algorithm::Es256, Algorithm::Hs256] {
            let jwt_secret = Some(Secret::new("x".repeat(32)));
            let keys =
                keys(&KeyConfig { access_algorithm: Some(algorithm), jwt_secret, ..KeyConfig::default() });
            let hinted = |token: &str| hint(&Secret::new(token), &keys, ISSUER).is_some();
            for typ in ["at+jwt", "JWT"] {
                let access = sign(keys.access(), typ, &claims()).unwrap();
                assert!(verified(&keys, &access).is_ok() && !hinted(&access), "{typ}");
            }
            let person = json!({"iss": ISSUER, "sub": "user", "aud": "client", "sid": "s", "jti": "jti"});
            let (id, logout) = (keys.id_token(None), "logout+jwt");
            for (typ, is_hint) in [("JWT", true), ("at+jwt", false), (logout, false)] {
                let token = sign(id, typ, &person).unwrap();
                refused(&keys, &token);
                assert_eq!(hinted(&token), is_hint, "{typ}");
            }
            // Resource servers have the key of HS256: they could say that anybody is signed in.
            assert_eq!(hinted(&sign(keys.access(), "JWT", &person).unwrap()), algorithm != Algorithm::Hs256);
        }
    }

    #[test]
    fn adv_13_no_part_and_no_second_spelling_of_a_token() {
        let keys = keys(&KeyConfig::default());
        let token = sign(keys.access(), "at+jwt", &claims()).unwrap();
        for cut in 0..token.len() {
            refused(&keys, &token[..cut]);
        }
        for (at, byte) in token.bytes().enumerate() {
            let mut touched = token.clone().into_bytes();
            touched[at] = if byte == b'A' { b'B' } else { b'A' };
            refused(&keys, &String::from_utf8(touched).unwrap());
        }
        for text in [
            format!("{token}A"),
            format!("{token}="),
            format!("{token}."),
            format!("{token}\n"),
            format!(" {token}"),
            format!(".{token}"),
            token.replacen('.', "..", 1),
            token.replacen('.', "=.", 1),
            format!("Bearer {token}"),
            "A".repeat(MAX_BYTES + 1),
        ] {
            refused(&keys, &text);
        }
    }

    #[test]
    fn openid_core_3_1_3_6_at_hash_is_the_left_half() {
        // The example of OpenID Connect Core, appendix A.3.
        assert_eq!(at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    }

    #[test]
    fn any_text_is_no_token() {
        let keys = keys(&KeyConfig::default());
        proptest!(|(text in "[A-Za-z0-9_.-]{0,60}")| {
            prop_assert_eq!(verified(&keys, &text), Err(invalid_token()));
        });
    }
}
