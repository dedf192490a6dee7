//! Client credentials: the `Authorization` header and a form beside it.

use authgate_core::credentials::Credentials;
use authgate_core::form::Params;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A header on the first line, a form after it. One method a request, one spelling of Base64, and what is read is what was
/// written.
pub fn check(data: &[u8]) {
    let Some([header, body]) = super::lines(data) else { return };
    let Ok(params) = Params::parse(body.as_bytes()) else { return };
    let header = (!header.is_empty()).then_some(header);
    let Ok(Some(read)) = Credentials::read(header, &params) else { return };
    assert!(!read.client_id.is_empty());
    assert!(!format!("{read:?}").contains("secret: Some(\""), "a secret shows");
    let Some(header) = header else {
        assert_eq!(params.get("client_id"), Some(read.client_id.as_str()));
        assert!(!read.basic);
        return;
    };
    assert!(read.basic && params.get("client_secret").is_none());
    assert!(params.get("client_id").is_none_or(|id| id == read.client_id));
    let (scheme, encoded) = header.split_once(' ').expect("a scheme and its value");
    assert!(scheme.eq_ignore_ascii_case("basic"));
    let encoded = encoded.trim_matches(' ');
    assert_eq!(STANDARD.encode(STANDARD.decode(encoded).expect("Base64")), encoded, "one spelling");
    let part = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let secret = read.secret.as_ref().map_or("", |secret| secret.expose());
    let written = format!("Basic {}", STANDARD.encode(format!("{}:{}", part(&read.client_id), part(secret))));
    // Everything may have grown threefold by being encoded.
    if let Ok(again) = Credentials::read(Some(&written), &Params::default()) {
        let again = again.expect("there is a header");
        assert_eq!((again.client_id, again.secret), (read.client_id, read.secret));
    }
}
