//! What a client says about itself (RFC 7591 2, OpenID Connect Registration 2), as it was sent.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::invalid;
use crate::error::Result;

/// The members that are understood; the others are ignored (RFC 7591 2). `null` counts as not sent.
///
/// Not understood on purpose, so that nothing is fetched: `logo_uri`, `jwks_uri`, `sector_identifier_uri`,
/// `request_uris`, `initiate_login_uri`. A `software_statement` is ignored too (RFC 7591 3.1.1): nobody is trusted to
/// sign one.
#[derive(Default, Deserialize)]
pub struct Metadata {
    pub(super) client_name: Option<String>,
    pub(super) client_uri: Option<String>,
    pub(super) redirect_uris: Option<Vec<String>>,
    pub(super) grant_types: Option<Vec<String>>,
    pub(super) response_types: Option<Vec<String>>,
    pub(super) scope: Option<String>,
    pub(super) token_endpoint_auth_method: Option<String>,
    pub(super) application_type: Option<String>,
    pub(super) subject_type: Option<String>,
    pub(super) id_token_signed_response_alg: Option<String>,
    pub(super) post_logout_redirect_uris: Option<Vec<String>>,
    pub(super) backchannel_logout_uri: Option<String>,
    pub(super) backchannel_logout_session_required: Option<bool>,
    /// Only in an update (RFC 7592 2.2).
    pub(super) client_id: Option<String>,
    /// Only in an update.
    pub(super) client_secret: Option<String>,
    registration_access_token: Option<IgnoredAny>,
    registration_client_uri: Option<IgnoredAny>,
    client_secret_expires_at: Option<IgnoredAny>,
    client_id_issued_at: Option<IgnoredAny>,
}

impl Metadata {
    /// Reads a JSON object in which every understood member stands at most once and is of its type.
    pub fn parse(json: &[u8]) -> Result<Self> {
        // A list would be taken for the members in their order.
        if json.trim_ascii_start().first() != Some(&b'{') {
            return Err(invalid("Invalid request body: it must be a JSON object"));
        }
        serde_json::from_slice(json).map_err(|error| {
            // The parser's own words repeat what was sent.
            invalid(format!(
                "Invalid request body: not JSON, or a member is repeated or of the wrong type (line {}, column {})",
                error.line(),
                error.column()
            ))
        })
    }

    /// The first member that only this server sets (RFC 7592 2.2).
    pub(super) fn read_only(&self) -> Option<&'static str> {
        let members = [
            ("registration_access_token", &self.registration_access_token),
            ("registration_client_uri", &self.registration_client_uri),
            ("client_secret_expires_at", &self.client_secret_expires_at),
            ("client_id_issued_at", &self.client_id_issued_at),
        ];
        members.into_iter().find(|(_, value)| value.is_some()).map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn refused(json: &str) -> String {
        let error = Metadata::parse(json.as_bytes()).err().expect("it must be refused");
        assert_eq!(error.code(), Some(Code::InvalidClientMetadata), "{json}");
        error.to_string()
    }

    #[test]
    fn rfc7591_3_1_only_a_json_object_is_read() {
        for json in
            ["", " ", "[]", "null", "\"x\"", "1", "{", "{} x", "{\"a\":1,}", "\u{feff}{}", "[\"a\",\"b\"]"]
        {
            refused(json);
        }
        assert!(Metadata::parse(b" \n{} ").is_ok());
    }

    #[test]
    fn adv_16_wrong_types_and_repeated_members_are_refused() {
        for json in [
            r#"{"client_name":1}"#,
            r#"{"client_name":["a"]}"#,
            r#"{"client_name":"a","client_name":"b"}"#,
            r#"{"client_name":"a","client_nam\u0065":"b"}"#,
            r#"{"redirect_uris":"https://a.example"}"#,
            r#"{"redirect_uris":[["https://a.example"]]}"#,
            r#"{"redirect_uris":[null]}"#,
            r#"{"redirect_uris":{"0":"https://a.example"}}"#,
            r#"{"grant_types":[1]}"#,
            r#"{"scope":["a"]}"#,
            r#"{"backchannel_logout_session_required":"true"}"#,
            "{\"client_name\":\"\\ud800\"}",
        ] {
            refused(json);
        }
        let hostile = refused(r#"{"redirect_uris":"<script>alert(1)</script>"}"#);
        assert!(!hostile.contains("script"), "{hostile}");
    }

    #[test]
    fn adv_15_deep_json_costs_no_stack() {
        let deep = |name: &str| format!("{{\"{name}\":{}{}}}", "[".repeat(30_000), "]".repeat(30_000));
        assert!(Metadata::parse(deep("unknown").as_bytes()).is_ok());
        refused(&deep("redirect_uris"));
        refused(&deep("client_name"));
    }

    #[test]
    fn rfc7591_2_what_is_not_understood_is_ignored_and_null_counts_as_omitted() {
        let json = br#"{"logo_uri":1,"contacts":{},"client_name#fr":[],"client_name":null,"redirect_uris":null,"client_id_issued_at":null}"#;
        let metadata = Metadata::parse(json).unwrap();
        assert!(metadata.client_name.is_none() && metadata.redirect_uris.is_none());
        assert_eq!(metadata.read_only(), None);
    }
}
