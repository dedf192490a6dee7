//! Codes that people type.

use authgate_core::device::{display, typed};

/// Eight letters and digits of the alphabet, whatever dress they came in.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (code, shown) = (typed(text), display(text));
    assert_eq!(code.is_some(), shown.is_some());
    let (Some(code), Some(shown)) = (code, shown) else { return };
    assert!(code.len() == 8 && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
    assert_eq!(shown, format!("{}-{}", &code[..4], &code[4..]));
    for again in [&code, &shown, &shown.to_lowercase(), &format!(" {shown} ")] {
        assert_eq!(typed(again).as_ref(), Some(&code));
    }
    let plain: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    assert_eq!(plain.to_ascii_uppercase(), code, "nothing else is left out");
}
