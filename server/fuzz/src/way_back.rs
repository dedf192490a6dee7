//! Where a browser goes after login.

use authgate::login::back::{interaction, safe};
use url::Url;

/// A way back stays on this server, for readers that decode once, twice or not at all.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(id) = interaction(text) {
        assert!(id.len() == 36 && safe(text) == Some(text));
    }
    let Some(path) = safe(text) else { return };
    assert_eq!(path, text);
    let here = Url::parse("https://id.example").expect("a URL");
    let mut read = path.to_owned();
    for _ in 0..3 {
        let there = here.join(&read).expect("a path resolves");
        assert_eq!(there.origin(), here.origin(), "{read:?}");
        assert!(!read.contains(['\r', '\n']));
        read = percent_encoding::percent_decode_str(&read).decode_utf8_lossy().into_owned();
    }
}
