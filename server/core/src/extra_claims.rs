//! Claims that a client adds to its access tokens by `extra_claims` (contract 3.8, deviation D17).

mod json;

use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::client::Client;
use crate::error::{Code, Error, Result};
use crate::policy::Policy;
use json::Members;

/// Most bytes of the parameter, whatever is configured: a token with them stays below the 8 KiB of headers that servers take.
pub const MAX_RAW_SIZE: usize = 4096;

/// Claims that only the server says: the contract's, those of the token types we issue, and those by which resource
/// servers decide about keys, delegation, login and people (threats, ADV 37).
const RESERVED: [&str; 33] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "type",
    "scope",
    "user_id",
    "client_id",
    "azp",
    "amr",
    "acr",
    "auth_time",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "sid",
    "cnf",
    "act",
    "may_act",
    "events",
    "sub_id",
    "typ",
    "token_type",
    "active",
    "username",
    "authorization_details",
    "_claim_names",
    "_claim_sources",
    "sub_jwk",
];
/// The server's private claims, reserved bare and with a prefix.
const PRIVATE: [&str; 4] = ["domain", "project", "service_account", "uid"];
/// The prefix of private claims unless another is configured.
const DEFAULT_PREFIX: &str = "extra";

/// Bounds of the parameter; 0 is none but [`MAX_RAW_SIZE`].
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the whole parameter.
    pub raw_size: usize,
    /// Number of claims.
    pub keys: usize,
    /// Bytes of one value's JSON.
    pub value_size: usize,
}

/// Checked claims, each value as the client spelled it, so that a big integer keeps its digits.
#[derive(Clone, Debug, Default)]
pub struct ExtraClaims(Vec<(String, Box<RawValue>)>);

impl ExtraClaims {
    /// Reads what an authenticated client sent. Refuses with `invalid_request` while the feature is off, beyond a
    /// limit, what is no JSON object, and names that are reserved or that the client's registration does not allow.
    pub fn read(raw: Option<&str>, client: &Client, policy: &Policy) -> Result<Self> {
        let Some(raw) = raw else { return Ok(Self::default()) };
        let Some(limits) = policy.extra_claims else {
            return refuse("extra_claims feature is not enabled");
        };
        if raw.len() > MAX_RAW_SIZE || exceeds(raw.len(), limits.raw_size) {
            return refuse("extra_claims exceeds configured size limits: too many bytes");
        }
        let Members(members) = Members::parse(raw).map_err(|why| {
            Error::refused(Code::InvalidRequest, format!("extra_claims: invalid JSON: {why}"))
        })?;
        if exceeds(members.len(), limits.keys) {
            return refuse("extra_claims exceeds configured size limits: too many keys");
        }
        for (name, value) in &members {
            check_name(name, &policy.claim_prefix)?;
            if exceeds(value.get().len(), limits.value_size) {
                return refuse("extra_claims exceeds configured size limits: a value has too many bytes");
            }
            if !client.extra_claims.0.contains(name) {
                return refuse("extra_claims: the client's registration does not allow one of these claims");
            }
        }
        Ok(Self(members))
    }
}

fn exceeds(size: usize, limit: usize) -> bool {
    limit != 0 && size > limit
}

fn refuse<T>(words: &'static str) -> Result<T> {
    Err(Error::refused(Code::InvalidRequest, words))
}

/// Refuses the name of a claim that only the server says.
pub fn check_name(name: &str, prefix: &str) -> Result<()> {
    let private = [prefix, DEFAULT_PREFIX].iter().any(|prefix| {
        name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).is_some_and(is_private)
    });
    if name.is_empty() {
        return refuse("reserved claim key: empty key");
    }
    if private || is_private(name) || RESERVED.contains(&name) {
        return Err(Error::refused(Code::InvalidRequest, format!("reserved claim key: \"{name}\"")));
    }
    Ok(())
}

fn is_private(name: &str) -> bool {
    PRIVATE.contains(&name)
}

impl Serialize for ExtraClaims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::{ClientSpec, ClientType, Grant, create};
    use super::*;
    use crate::testing::{Database, policy};

    const LIMITS: Limits = Limits { raw_size: 64, keys: 2, value_size: 16 };

    fn client(names: &[&str]) -> Client {
        let spec = ClientSpec {
            name: "N".into(),
            grants: vec![Grant::Device],
            extra_claims: names.iter().map(|name| (*name).to_owned()).collect(),
            ..ClientSpec::new(ClientType::Confidential)
        };
        let made = Database::new().write(|tx, origin, ctx| create(tx, spec, "admin", &policy(), origin, ctx));
        made.unwrap().0
    }

    fn read(raw: &str, client: &Client, limits: Limits) -> Result<String> {
        let policy = Policy { extra_claims: Some(limits), ..policy() };
        Ok(serde_json::to_string(&ExtraClaims::read(Some(raw), client, &policy)?).unwrap())
    }

    fn refusal(raw: &str, client: &Client, limits: Limits) -> String {
        read(raw, client, limits).expect_err(raw).to_string()
    }

    #[test]
    fn d17_values_are_kept_as_they_were_spelled() {
        let client = client(&["tenant", "n"]);
        for raw in [
            r#"{"tenant":"t-1"}"#,
            r#"{"n":123456789012345678901234567890,"tenant":{"a":[1.50,null]}}"#,
            "{}",
        ] {
            assert_eq!(read(raw, &client, Limits { value_size: 0, ..LIMITS }).unwrap(), raw);
        }
        assert_eq!(read("null", &client, LIMITS).unwrap(), "{}");
    }

    #[test]
    fn d17_only_registered_names() {
        let refused = refusal(r#"{"tenant":1,"roles":["admin"]}"#, &client(&["tenant"]), LIMITS);
        assert!(refused.contains("registration does not allow"), "{refused}");
        assert!(refusal(r#"{"Tenant":1}"#, &client(&["tenant"]), LIMITS).contains("registration"));
        assert!(refusal(r#"{"tenant":1}"#, &client(&[]), LIMITS).contains("registration"));
    }

    #[test]
    fn adv_37_a_reserved_name_is_refused_even_if_it_was_registered() {
        let mut client = client(&[]);
        let private = PRIVATE.map(|name| (name.to_owned(), format!("extra_{name}"), format!("acme_{name}")));
        let private = private.into_iter().flat_map(|(bare, own, other)| [bare, own, other]);
        for name in RESERVED.map(str::to_owned).into_iter().chain(private) {
            client.extra_claims.0 = vec![name.clone()];
            let policy = Policy { extra_claims: Some(LIMITS), claim_prefix: "acme".into(), ..policy() };
            let raw = format!("{{\"{name}\":1}}");
            let refused = ExtraClaims::read(Some(&raw), &client, &policy).unwrap_err().to_string();
            assert!(refused.ends_with(&format!("reserved claim key: \"{name}\"")), "{refused}");
        }
        client.extra_claims.0 = vec![String::new()];
        assert!(refusal(r#"{"":1}"#, &client, LIMITS).ends_with("reserved claim key: empty key"));
        assert!(refusal(r#"{"s\u0075b":1}"#, &client, LIMITS).contains("reserved"), "escapes are read");
    }

    #[test]
    fn contract_3_8_limits() {
        let client = client(&["a", "b", "c"]);
        let value = |length| format!("{{\"a\":\"{}\"}}", "x".repeat(length));
        assert!(read(&value(14), &client, LIMITS).is_ok());
        assert!(refusal(&value(15), &client, LIMITS).contains("a value has too many bytes"));
        assert!(read(r#"{"a":1,"b":2}"#, &client, LIMITS).is_ok());
        assert!(refusal(r#"{"a":1,"b":2,"c":3}"#, &client, LIMITS).contains("too many keys"));
        assert!(read(&format!("{{}}{}", " ".repeat(62)), &client, LIMITS).is_ok());
        assert!(refusal(&format!("{{}}{}", " ".repeat(63)), &client, LIMITS).contains("too many bytes"));
        let none = Limits { raw_size: 0, keys: 0, value_size: 0 };
        assert!(read(r#"{"a":1,"b":2,"c":3}"#, &client, none).is_ok());
        assert!(read(&value(MAX_RAW_SIZE - 8), &client, none).is_ok());
        assert!(refusal(&value(MAX_RAW_SIZE - 7), &client, none).contains("too many bytes"));
    }

    #[test]
    fn d17_off_means_refused() {
        let read = |raw| ExtraClaims::read(raw, &client(&["a"]), &policy());
        assert!(read(Some("{}")).unwrap_err().to_string().contains("feature is not enabled"));
        assert!(read(None).is_ok());
    }
}
