//! Claims of a person that have no column of their own: one JSON object, checked on the way in.

use serde_json::{Map, Value};

use crate::error::{Code, Error, Result};

/// Longest text of a claim, in bytes: claims go into tokens, which go into headers.
const MAX_TEXT: usize = 256;

/// Members of an address (OpenID Connect Core 5.1.1).
const ADDRESS: [&str; 6] = ["formatted", "street_address", "locality", "region", "postal_code", "country"];

/// The stored claims with `changes` on top: a value replaces, null removes.
pub fn merge(stored: &Value, changes: &Value) -> Result<Value> {
    let Value::Object(changes) = changes else { return Err(invalid("the claims are not a JSON object")) };
    let mut merged = stored.as_object().cloned().unwrap_or_default();
    for (name, value) in changes {
        if value.is_null() {
            merged.remove(name);
        } else {
            check(name, value)?;
            merged.insert(name.clone(), value.clone());
        }
    }
    Ok(Value::Object(merged))
}

fn check(name: &str, value: &Value) -> Result<()> {
    let sound = match name {
        "given_name" | "family_name" | "middle_name" | "nickname" | "gender" => is_line(value),
        "profile" | "picture" | "website" => is_web_address(value),
        "birthdate" => value.as_str().is_some_and(is_date),
        "zoneinfo" => value.as_str().is_some_and(|text| is_token(text, "/_+-")),
        "locale" => value.as_str().is_some_and(|text| is_token(text, "-_")),
        "phone_number" => value.as_str().is_some_and(is_phone_number),
        "phone_number_verified" => value.is_boolean(),
        "address" => value.as_object().is_some_and(is_address),
        _ => {
            return Err(invalid(
                "the claims are given_name, family_name, middle_name, nickname, gender, profile, picture, website, \
                 birthdate, zoneinfo, locale, phone_number, phone_number_verified and address",
            ));
        }
    };
    if sound { Ok(()) } else { Err(Error::refused(Code::InvalidRequest, words(name))) }
}

fn words(name: &str) -> String {
    let expected = match name {
        "profile" | "picture" | "website" => "an https or http address",
        "birthdate" => "a date such as 1815-12-10, 0000-12-10 or 1815",
        "zoneinfo" => "a time zone such as Europe/London",
        "locale" => "a language tag such as en-GB",
        "phone_number" => "a number such as +44 20 7946 0000",
        "phone_number_verified" => "true or false",
        "address" => "an object with formatted, street_address, locality, region, postal_code or country",
        _ => "a text of one line",
    };
    format!("the claim {name} must be {expected}, at most {MAX_TEXT} bytes")
}

fn is_line(value: &Value) -> bool {
    value.as_str().is_some_and(|text| is_short(text) && !text.chars().any(char::is_control))
}

fn is_short(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TEXT
}

fn is_web_address(value: &Value) -> bool {
    let url = value.as_str().filter(|text| is_short(text)).and_then(|text| url::Url::parse(text).ok());
    url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.username().is_empty())
}

/// `YYYY-MM-DD`, `0000-MM-DD` or `YYYY` (OpenID Connect Core 5.1).
fn is_date(text: &str) -> bool {
    let digits = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    let within = |part: &str, last| part.parse::<u8>().is_ok_and(|number| (1..=last).contains(&number));
    match text.split('-').collect::<Vec<_>>()[..] {
        [year] => digits(year, 4),
        [year, month, day] => {
            digits(year, 4) && digits(month, 2) && digits(day, 2) && within(month, 12) && within(day, 31)
        }
        _ => false,
    }
}

fn is_token(text: &str, more: &str) -> bool {
    is_short(text) && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

/// E.164 with the usual separators, and an extension as RFC 3966 writes it.
fn is_phone_number(text: &str) -> bool {
    let (number, extension) = text.split_once(";ext=").unwrap_or((text, "0"));
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    number.starts_with('+')
        && number[1..].bytes().all(|byte| byte.is_ascii_digit() || b" ().-".contains(&byte))
        && (4..=15).contains(&digits)
        && text.len() <= 40
        && !extension.is_empty()
        && extension.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_address(members: &Map<String, Value>) -> bool {
    let text = |value: &Value| {
        value.as_str().is_some_and(|text| {
            is_short(text) && text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r'))
        })
    };
    !members.is_empty() && members.iter().all(|(name, value)| ADDRESS.contains(&name.as_str()) && text(value))
}

fn invalid(description: &'static str) -> Error {
    Error::refused(Code::InvalidRequest, description)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn openid_core_5_1_claims_have_their_types() {
        let good = json!({
            "given_name": "Ada", "family_name": "Lovelace", "nickname": "A.", "gender": "female",
            "profile": "https://example.com/ada", "picture": "https://example.com/ada.png",
            "website": "http://example.com/", "birthdate": "1815-12-10", "zoneinfo": "Europe/London",
            "locale": "en-GB", "phone_number": "+1 (604) 555-1234;ext=5678", "phone_number_verified": true,
            "address": {"formatted": "1 Road\nTown", "country": "GB"},
        });
        assert_eq!(merge(&json!({}), &good).unwrap(), good);
        for (name, value) in [
            ("given_name", json!(7)),
            ("given_name", json!("a\u{0}")),
            ("given_name", json!("x".repeat(257))),
            ("profile", json!("javascript:alert(1)")),
            ("picture", json!("data:image/svg+xml,x")),
            ("website", json!("https://user@example.com/")),
            ("birthdate", json!("1815-13-10")),
            ("birthdate", json!("10.12.1815")),
            ("zoneinfo", json!("Europe/London; DROP")),
            ("locale", json!("en GB")),
            ("phone_number", json!("020 7946 0000")),
            ("phone_number", json!("+44;ext=x")),
            ("phone_number_verified", json!("true")),
            ("address", json!("1 Road")),
            ("address", json!({"street": "1 Road"})),
            ("address", json!({})),
        ] {
            let error = merge(&json!({}), &json!({name: value})).expect_err(name).to_string();
            assert!(error.contains(&format!("the claim {name} must be")), "{error}");
        }
    }

    #[test]
    fn adv_37_no_other_claim_can_be_stored() {
        for name in
            ["sub", "iss", "aud", "email", "email_verified", "name", "preferred_username", "roles", ""]
        {
            assert!(merge(&json!({}), &json!({name: "x"})).is_err(), "{name}");
        }
        assert!(merge(&json!({}), &json!([])).is_err());
    }

    #[test]
    fn changes_are_merged_and_null_removes() {
        let stored = json!({"nickname": "A.", "locale": "en"});
        let merged = merge(&stored, &json!({"nickname": null, "gender": "female"})).unwrap();
        assert_eq!(merged, json!({"locale": "en", "gender": "female"}));
    }
}
