//! PKCE, consent, redirects.

use authgate_core::redirect_uri::NEVER;

use super::parse::Parsed;
use super::reader::Reader;
use super::reference::settings;

settings! { "OAuth";
    /// New confidential clients must use PKCE; public and self-registered ones always must.
    PKCE_REQUIRED = "true";
    /// Does not ask again for what a person has granted already.
    CONSENT_REMEMBER = "true";
    /// How long a remembered consent spares the question.
    CONSENT_MAX_AGE = "8760h";
    /// Comma separated private-use schemes without a dot that native clients may redirect to.
    REDIRECT_SCHEMES_ALLOWED = "";
}

/// How grants are asked for.
#[derive(Clone, Debug)]
pub struct OAuth {
    /// True if new confidential clients must use PKCE.
    pub pkce_required: bool,
    /// True if consent may be skipped where it was given before.
    pub consent_remember: bool,
    /// Age in seconds up to which a consent may be skipped.
    pub consent_max_age: i64,
    /// Private-use schemes without a dot that may be registered, in lower case.
    pub redirect_schemes: Vec<String>,
}

pub(super) fn read(reader: &mut Reader<'_>) -> OAuth {
    OAuth {
        pkce_required: reader.safeguard(PKCE_REQUIRED),
        consent_remember: reader.switch(CONSENT_REMEMBER),
        consent_max_age: reader.lifetime(CONSENT_MAX_AGE, 1..=i64::MAX),
        redirect_schemes: reader.optional(REDIRECT_SCHEMES_ALLOWED, schemes).unwrap_or_default(),
    }
}

fn schemes(text: &str) -> Parsed<Vec<String>> {
    let schemes: Vec<_> = super::parse::list(text).iter().map(|scheme| scheme.to_ascii_lowercase()).collect();
    match schemes.iter().find(|scheme| !is_scheme(scheme)) {
        Some(scheme) if NEVER.contains(&scheme.as_str()) => Err(format!("must not list {scheme}")),
        Some(scheme) => {
            Err(format!("must list schemes such as myapp, without colon or slashes, unlike {scheme:?}"))
        }
        None => Ok(schemes),
    }
}

/// RFC 3986 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        && !NEVER.contains(&text)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{config, refused, warnings};

    #[test]
    fn defaults() {
        let oauth = config(&[]).oauth;
        assert!(oauth.pkce_required && oauth.consent_remember && oauth.redirect_schemes.is_empty());
        assert_eq!(oauth.consent_max_age, 365 * 86_400);
    }

    #[test]
    fn pkce_off_warns() {
        assert!(!config(&[("PKCE_REQUIRED", "false")]).oauth.pkce_required);
        assert_eq!(
            warnings(&[("PKCE_REQUIRED", "false")]),
            ["PKCE_REQUIRED=false is weaker than the default (true)"]
        );
    }

    #[test]
    fn d27_private_use_schemes() {
        let oauth = config(&[("REDIRECT_SCHEMES_ALLOWED", "MyApp, cursor")]).oauth;
        assert_eq!(oauth.redirect_schemes, ["myapp", "cursor"]);
        for text in ["javascript", "ok,Data", "https"] {
            assert!(refused(&[("REDIRECT_SCHEMES_ALLOWED", text)]).contains("must not list"), "{text}");
        }
        for text in ["myapp://", "myapp:", "1a", "a b"] {
            assert!(refused(&[("REDIRECT_SCHEMES_ALLOWED", text)]).contains("without colon"), "{text}");
        }
    }

    #[test]
    fn consent_lasts_a_positive_time() {
        assert!(refused(&[("CONSENT_MAX_AGE", "0")]).contains("positive duration"));
    }
}
