//! Standard claims about a person (OpenID Connect Core 5.1, 5.4).

use serde_json::{Map, Value};

use crate::user::User;

/// The claims that the scopes `profile` and `email` ask for.
pub fn standard(user: &User, has: &dyn Fn(&str) -> bool) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut put = |name: &str, value: Value| drop(claims.insert(name.into(), value));
    if has("profile") {
        if let Some(name) = &user.full_name {
            put("name", name.as_str().into());
        }
        if let Some(picture) = &user.avatar_url {
            put("picture", picture.as_str().into());
        }
        put("preferred_username", user.username.as_str().into());
        put("updated_at", user.updated_at.into());
    }
    if has("email")
        && let Some(email) = &user.email
    {
        put("email", email.as_str().into());
        put("email_verified", user.email_verified.into());
    }
    claims
}
