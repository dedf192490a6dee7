//! Standard claims about a person (OpenID Connect Core 5.1, 5.4): who owns them, and what they are.

mod asked;
mod profile;

use serde_json::{Map, Value};

use crate::user::User;

pub use asked::ClaimsRequest;
pub use profile::merge;

/// The claims that each scope asks for.
const SCOPES: [(&str, &[&str]); 4] = [
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

/// Every standard claim.
pub fn names() -> impl Iterator<Item = &'static str> {
    SCOPES.iter().flat_map(|(_, names)| names.iter().copied())
}

/// The scope that asks for this claim; `None` if it is no standard claim.
pub fn owner(claim: &str) -> Option<&'static str> {
    SCOPES.iter().find(|(_, names)| names.contains(&claim)).map(|(scope, _)| *scope)
}

/// The claims that the scopes `profile`, `email`, `address` and `phone` ask for, as far as they are known.
pub fn standard(user: &User, has: &dyn Fn(&str) -> bool) -> Map<String, Value> {
    let asked = SCOPES.iter().filter(|(scope, _)| has(scope)).flat_map(|(_, names)| names.iter());
    asked.filter_map(|name| Some(((*name).to_owned(), value(user, name)?))).collect()
}

/// Adds claims that were asked for by name, if `has` holds for the scope that owns them.
pub fn add(claims: &mut Map<String, Value>, user: &User, names: &[String], has: &dyn Fn(&str) -> bool) {
    for name in names.iter().filter(|name| owner(name).is_some_and(has)) {
        if let Some(value) = value(user, name) {
            claims.insert(name.clone(), value);
        }
    }
}

/// What is known. An unknown claim is left out, never null (OpenID Connect Core 5.3.2).
fn value(user: &User, name: &str) -> Option<Value> {
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    match name {
        "name" => text(&user.full_name),
        "picture" if user.avatar_url.is_some() => text(&user.avatar_url),
        "preferred_username" => Some(user.username.as_str().into()),
        "updated_at" => Some(user.updated_at.into()),
        "email" => text(&user.email),
        "email_verified" => user.email.as_ref().map(|_| user.email_verified.into()),
        other => user.claims.0.get(other).cloned(),
    }
}
