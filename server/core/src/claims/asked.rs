//! The `claims` parameter (OpenID Connect Core 5.5).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::owner;
use crate::error::{Code, Error, Result};

/// Longest `claims` parameter, in bytes: every standard claim asked for twice with `essential` is below 2,000.
const MAX_BYTES: usize = 4096;
/// Longest `sub` or `acr` value, in bytes (OpenID Connect Core 2: a subject has at most 255).
const MAX_VALUE: usize = 255;

/// What a client asks for by name, as far as this server knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsRequest {
    /// Standard claims wanted from userinfo.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub userinfo: Vec<String>,
    /// Standard claims wanted in the ID token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub id_token: Vec<String>,
    /// The only person who may answer (5.5.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Authentication contexts of which one must be met (5.5.1.1); empty if it is a wish or nothing was said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub essential_acr: Vec<String>,
}

impl ClaimsRequest {
    /// Reads the parameter. Claims that this server does not know are ignored, as are members that it does not (5.5, 5.5.1).
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_BYTES {
            return Err(Error::refused(
                Code::InvalidRequest,
                format!("claims is longer than {MAX_BYTES} bytes"),
            ));
        }
        let document: Value = serde_json::from_str(text).map_err(|_| invalid("claims is not JSON"))?;
        let Value::Object(document) = document else { return Err(invalid("claims is not a JSON object")) };
        let mut asked = Self::default();
        for (target, members) in &document {
            let names = match target.as_str() {
                "userinfo" => &mut asked.userinfo,
                "id_token" => &mut asked.id_token,
                _ => continue,
            };
            let Value::Object(members) = members else {
                return Err(invalid("userinfo and id_token in claims are JSON objects"));
            };
            for (name, wanted) in members {
                check(wanted)?;
                if owner(name).is_some() {
                    names.push(name.clone());
                }
            }
            if let Some(sub) = members.get("sub").map(values).transpose()?.flatten() {
                asked.only(sub)?;
            }
            if let ("id_token", Some(acr)) = (target.as_str(), members.get("acr"))
                && acr.get("essential") == Some(&Value::Bool(true))
            {
                asked.essential_acr = values(acr)?.unwrap_or_default();
            }
        }
        Ok(asked)
    }

    fn only(&mut self, subs: Vec<String>) -> Result<()> {
        let [sub] = <[String; 1]>::try_from(subs).map_err(|_| invalid("sub in claims has one value"))?;
        if self.sub.as_ref().is_some_and(|known| *known != sub) {
            return Err(invalid("claims asks for two different people"));
        }
        self.sub = Some(sub);
        Ok(())
    }

    /// Leaves out, silently, what the client could not ask for by a scope (`sessions-and-consent.md`).
    #[must_use]
    pub fn within(mut self, registered: &dyn Fn(&str) -> bool) -> Self {
        for names in [&mut self.userinfo, &mut self.id_token] {
            names.retain(|name| owner(name).is_some_and(registered));
        }
        self
    }

    /// Every claim, each once, in order.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.userinfo.iter().chain(&self.id_token).cloned().collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// As it is kept with a code and its grant.
    pub fn stored(&self) -> Result<String> {
        let kept = Self { sub: None, essential_acr: Vec::new(), ..self.clone() };
        Ok(serde_json::to_string(&kept)?)
    }

    /// From a row.
    pub fn of_row(text: &str) -> Result<Self> {
        Ok(serde_json::from_str(text)?)
    }
}

/// `null`, or an object whose `essential` is a boolean and whose `values` is an array (5.5.1).
fn check(wanted: &Value) -> Result<()> {
    let sound = |members: &Map<String, Value>| {
        members.get("essential").is_none_or(Value::is_boolean)
            && members.get("values").is_none_or(Value::is_array)
    };
    match wanted {
        Value::Null => Ok(()),
        Value::Object(members) if sound(members) => Ok(()),
        _ => Err(invalid(
            "a claim in claims is null, or an object whose essential is true or false and whose values is an array",
        )),
    }
}

/// What `value` or `values` ask for; `None` if neither is there.
fn values(wanted: &Value) -> Result<Option<Vec<String>>> {
    let listed = match (wanted.get("value"), wanted.get("values")) {
        (Some(one), _) => vec![one],
        (None, Some(Value::Array(many))) => many.iter().collect(),
        _ => return Ok(None),
    };
    let text = |value: &Value| value.as_str().filter(|text| text.len() <= MAX_VALUE).map(str::to_owned);
    let texts: Option<Vec<_>> = listed.into_iter().map(text).collect();
    texts.map(Some).ok_or_else(|| invalid("sub and acr in claims have short texts as values"))
}

fn invalid(description: &'static str) -> Error {
    Error::refused(Code::InvalidRequest, description)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parse(document: &Value) -> Result<ClaimsRequest> {
        ClaimsRequest::parse(&document.to_string())
    }

    #[test]
    fn openid_core_5_5_claims_are_asked_for_by_name_and_place() {
        let asked = parse(&json!({
            "userinfo": {"email": null, "email_verified": {"essential": true}, "picture": {"value": "x"}},
            "id_token": {"email": {"essential": false}, "auth_time": {"essential": true}},
        }));
        let asked = asked.unwrap();
        assert_eq!(asked.userinfo, ["email", "email_verified", "picture"]);
        assert_eq!(asked.id_token, ["email"]);
        assert_eq!(asked.names(), ["email", "email_verified", "picture"]);
    }

    #[test]
    fn openid_core_5_5_what_is_not_understood_is_ignored() {
        let asked = parse(&json!({
            "userinfo": {"http://example.info/claims/groups": null, "name#de": null, "iss": null},
            "id_token": {"email": {"purpose": "x", "essential": true}, "aud": {"value": "me"}, "exp": {"value": 1}},
            "verified_claims": 7,
        }));
        assert_eq!(asked.unwrap().names(), ["email"]);
        assert_eq!(parse(&json!({})).unwrap(), ClaimsRequest::default());
    }

    #[test]
    fn openid_core_5_5_1_sub_names_one_person() {
        let sub = |value: Value| parse(&json!({"id_token": {"sub": value}})).map(|asked| asked.sub);
        assert_eq!(sub(json!({"value": "u1"})).unwrap().as_deref(), Some("u1"));
        assert_eq!(sub(json!({"values": ["u1"]})).unwrap().as_deref(), Some("u1"));
        assert_eq!(sub(json!({"essential": true})).unwrap(), None);
        for wrong in [json!({"values": ["a", "b"]}), json!({"values": []}), json!({"value": 1})] {
            assert_eq!(sub(wrong).unwrap_err().code(), Some(Code::InvalidRequest));
        }
        let both = |other: &str| {
            parse(&json!({"id_token": {"sub": {"value": "u1"}}, "userinfo": {"sub": {"value": other}}}))
        };
        assert!(both("u1").is_ok() && both("u2").is_err());
    }

    #[test]
    fn openid_core_5_5_1_1_only_an_essential_acr_binds() {
        let acr = |value: Value| parse(&json!({"id_token": {"acr": value}})).unwrap().essential_acr;
        assert_eq!(acr(json!({"essential": true, "values": ["a", "b"]})), ["a", "b"]);
        assert_eq!(acr(json!({"essential": true, "value": "a"})), ["a"]);
        assert!(acr(json!({"values": ["a"]})).is_empty() && acr(json!({"essential": true})).is_empty());
    }

    #[test]
    fn adv_15_what_is_no_request_is_refused() {
        let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
        let long = format!(r#"{{"userinfo":{{"{}":null}}}}"#, "x".repeat(MAX_BYTES));
        for text in [
            "",
            "x",
            "[]",
            "null",
            "\"{}\"",
            "{} {}",
            r#"{"userinfo":[]}"#,
            r#"{"id_token":"email"}"#,
            r#"{"userinfo":{"email":true}}"#,
            r#"{"userinfo":{"email":{"essential":"yes"}}}"#,
            r#"{"userinfo":{"email":{"values":"x"}}}"#,
            &deep,
            &long,
        ] {
            let error = ClaimsRequest::parse(text).expect_err(text);
            assert_eq!(error.code(), Some(Code::InvalidRequest));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}", name in "[a-z_]{1,20}") {
            let _ = ClaimsRequest::parse(&text);
            let asked = parse(&json!({"userinfo": {name.as_str(): null}})).unwrap();
            prop_assert_eq!(asked.userinfo.len(), usize::from(owner(&name).is_some()));
        }
    }
}
