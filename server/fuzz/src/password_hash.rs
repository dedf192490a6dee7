//! Hashes that come from another server.

use authgate_core::imported::{check_bcrypt, is_bcrypt};
use authgate_core::user::check_password_hash;

/// A hash that is taken costs no more than a login may, and a bcrypt hash is one in both places.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if check_password_hash(text).is_ok() {
        assert!(text.is_ascii() && text.starts_with('$') && text.len() <= 512, "{text}");
    }
    if check_bcrypt(text).is_ok() {
        assert!(is_bcrypt(text) && text.len() == 60);
        let cost: u32 = text[4..6].parse().expect("a cost");
        assert!((4..=14).contains(&cost), "{cost}");
    }
}
