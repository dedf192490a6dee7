//! Refresh tokens, taken apart.

use authgate_core::family::Presented;
use authgate_core::secret::{Secret, base64url, from_base64url};

/// One text a token: what is taken apart is the whole, canonical text.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(presented) = Presented::parse(&Secret::new(text)) else { return };
    let encoded = text.strip_prefix("agr_").expect("its prefix");
    let bytes = from_base64url(encoded).expect("base64url");
    assert_eq!(base64url(&bytes), encoded);
    assert_eq!((bytes.len(), bytes[0]), (58, 1));
    assert!(presented.generation > 0);
    assert_eq!(presented.generation.to_be_bytes(), bytes[18..26]);
    let family = presented.family_id.replace('-', "");
    assert_eq!(family, authgate_core::secret::hex(&bytes[2..18]));
}
