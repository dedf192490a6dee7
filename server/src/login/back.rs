//! Where a browser goes after login: back to where it came from, never to another origin.

use percent_encoding::percent_decode_str;

/// Longest way back, in bytes; ours carry an interaction id or a user code.
const MAX_BYTES: usize = 1024;

/// The path, if it is safe to send a browser there: one leading slash and nothing, raw or decoded, that a browser
/// could take for another host.
pub fn safe(path: &str) -> Option<&str> {
    let decoded = percent_decode_str(path).decode_utf8().ok()?;
    let twice = percent_decode_str(&decoded).decode_utf8().ok()?;
    let plain = |text: &str| {
        text.starts_with('/')
            && !text.split(['?', '#']).next().unwrap_or_default().contains("//")
            && !text.contains(|c: char| c == '\\' || c.is_control())
    };
    (path.len() <= MAX_BYTES && path.is_ascii() && [path, &decoded, &twice].into_iter().all(plain))
        .then_some(path)
}

/// The interaction that a way back continues, if it is one.
pub fn interaction(path: &str) -> Option<&str> {
    let id = path.strip_prefix("/oauth/authorize?interaction=")?;
    (id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')).then_some(id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ways_back_that_stay_here() {
        for path in ["/", "/device?user_code=ABCD-EFGH", "/account/sessions", "/a?b=https%3A%2F%2Fx.example"]
        {
            assert_eq!(safe(path), Some(path));
        }
    }

    #[test]
    fn adv_05_ways_back_that_lead_away() {
        for path in [
            "",
            "login",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/%09/evil.example",
            "/%2f/evil.example",
            "/%252f/evil.example",
            "/%5cevil.example",
            "/a//evil.example",
            "/\u{7f}x",
            "/\r\nLocation: x",
            "/%0d%0aSet-Cookie:a",
            "https://evil.example",
            "javascript:alert(1)",
            "/\u{ff0f}evil.example",
            "/%ff",
        ] {
            assert_eq!(safe(path), None, "{path:?}");
        }
    }

    proptest! {
        #[test]
        fn a_safe_way_back_resolves_to_our_origin(path in "[/\\\\%a-z0-9?#.:@\t ]{0,16}") {
            if let Some(path) = safe(&path) {
                let here = url::Url::parse("https://id.example").expect("a URL");
                let there = here.join(path).expect("a path resolves");
                prop_assert_eq!(there.origin(), here.origin());
            }
        }
    }
}
