//! The last line of defence: a detail whose name says that it is a secret is not written, whoever put it there.

use serde_json::Value;

/// Ends of names whose text is never written.
const SECRET: [&str; 4] = ["password", "secret", "token", "verifier"];
/// Ends of names whose text is written in part, so that two events can be seen to mean the same.
const PARTLY: [&str; 2] = ["device_code", "token_id"];

const REDACTED: &str = "***REDACTED***";

/// Masks the members of an object, however deep.
pub fn details(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) => *text = masked(name, std::mem::take(text)),
                    Value::Array(_) | Value::Object(_)
                        if SECRET.into_iter().any(|end| ends_in(name, end)) =>
                    {
                        *member = Value::String(REDACTED.to_owned());
                    }
                    other => details(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(details),
        _ => {}
    }
}

fn ends_in(name: &str, end: &str) -> bool {
    name.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
}

fn masked(name: &str, text: String) -> String {
    let ends = |end: &str| ends_in(name, end);
    if name == "user_code" {
        // Half of it tells a person which one is meant (deviation D34).
        return format!("{}-****", text.chars().take(4).collect::<String>());
    }
    if PARTLY.into_iter().any(ends) && text.chars().count() > 12 {
        let head: String = text.chars().take(8).collect();
        let tail: String = text.chars().skip(text.chars().count() - 4).collect();
        return format!("{head}...{tail}");
    }
    // A code that is too short to be shown in part is not shown at all.
    if ends("device_code") || SECRET.into_iter().any(ends) { REDACTED.to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::details;

    #[test]
    fn adv_39_secrets_are_known_by_their_names() {
        let mut value = json!({
            "password": "hunter2", "new_password": "hunter2", "client_secret": "hunter2", "secret": "hunter2",
            "access_token": "hunter2", "refresh_token": "hunter2", "token": "hunter2", "code_verifier": "hunter2",
            "user_code": "BCDF-GHJK", "deep": [{"id_token": "hunter2"}],
            "new_secret": ["hunter2"],
        });
        details(&mut value);
        let text = value.to_string();
        assert!(!text.contains("hunter2") && !text.contains("GHJK"), "{text}");
        assert_eq!(text.matches("***REDACTED***").count(), 10);
        assert!(text.contains(r#""user_code":"BCDF-****""#), "{text}");
    }

    #[test]
    fn long_codes_and_ids_can_be_compared() {
        let mut value = json!({
            "device_code": "0123456789abcdef", "refresh_token_id": "0123456789abcdef", "access_token_id": "short",
        });
        details(&mut value);
        assert_eq!(
            value,
            json!({"device_code": "01234567...cdef", "refresh_token_id": "01234567...cdef", "access_token_id": "short"})
        );
    }

    #[test]
    fn names_that_only_contain_a_word_are_not_masked() {
        let value = json!({
            "token_category": "a", "token_provider": "b", "token_client_id": "c", "token_user_id": "d",
            "token_profile": "e", "tokens_revoked": "f", "password_changed": true, "revoked_token": 5,
            "error_codes": "g", "passwordless": "h",
        });
        let mut masked = value.clone();
        details(&mut masked);
        assert_eq!(masked, value);
    }
}
