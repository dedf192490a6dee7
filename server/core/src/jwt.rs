//! JSON Web Tokens: written once, read strictly (RFC 7519, RFC 8725, RFC 9068).

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::error::{Code, Error, Result};
use crate::keys::{Keys, SigningKey};
use crate::secret::{Secret, base64url, from_base64url};

/// Longest token looked at, in bytes; ours are below 2,000.
const MAX_BYTES: usize = 8192;

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
    let claims: Presented = serde_json::from_slice(&claims).map_err(|_| invalid_token())?;
    if claims.iss != issuer || claims.kind != "access" {
        return Err(invalid_token());
    }
    Ok(claims.jti)
}

/// The refusal of a token that does not hold; it never says why (RFC 6750 3.1).
pub fn invalid_token() -> Error {
    Error::refused(Code::InvalidToken, "Token is invalid or expired")
}

fn verify<'k>(token: &Secret, keys: &'k Keys, types: &[&str]) -> Option<(&'k SigningKey, Vec<u8>)> {
    let token = token.expose();
    if token.len() > MAX_BYTES {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let (header, claims, signature) =
        (from_base64url(header)?, from_base64url(claims)?, from_base64url(signature)?);
    let header: Header = serde_json::from_slice(&header).ok()?;
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
