//! The `claims` parameter (OpenID Connect Core 5.5).

use authgate_core::claims::{ClaimsRequest, names, owner};

/// Only known claims remain, one person at most is named, and what is stored is read back.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(asked) = ClaimsRequest::parse(text) else { return };
    assert!(text.len() <= 4096);
    let known: Vec<_> = names().collect();
    assert!(asked.names().iter().all(|name| known.contains(&name.as_str()) && owner(name).is_some()));
    assert!(asked.sub.iter().chain(&asked.essential_acr).all(|value| value.len() <= 255));
    let stored = ClaimsRequest::of_row(&asked.stored().expect("it can be stored")).expect("it is read back");
    assert_eq!((&stored.userinfo, &stored.id_token), (&asked.userinfo, &asked.id_token));
    assert!(asked.clone().within(&|_| false).names().is_empty());
    assert_eq!(asked.clone().within(&|_| true), asked);
}
