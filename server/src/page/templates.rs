//! Every template by name, embedded in the binary, and what all of them share: strictness and escaping.

use authgate_core::error::{Error, Result};
use handlebars::{Handlebars, handlebars_helper, html_escape};

macro_rules! embedded {
    ($($folder:literal: $($name:literal)+;)+) => {
        &[$($(($name, include_str!(concat!("../../", $folder, $name, ".hbs")))),+),+]
    };
}

/// Name and text of each file below `templates/`.
pub(super) const FILES: &[(&str, &str)] = embedded! {
    "templates/":
        "layout" "login" "consent" "device_entry" "device_confirm" "device_done" "sessions" "authorizations"
        "sign_out" "signed_out" "continue" "error"
        "partial/mark" "partial/time" "partial/alert" "partial/flash" "partial/access" "partial/resources" "partial/person"
        "icon/alert" "icon/info" "icon/check" "icon/cross" "icon/browser" "icon/device" "icon/key" "icon/leave";
};

/// Compiles them all.
pub(super) fn compile() -> Result<Handlebars<'static>> {
    let mut templates = Handlebars::new();
    templates.set_strict_mode(true);
    templates.set_prevent_indent(true);
    templates.register_escape_fn(escape);
    templates.register_helper("initial", Box::new(initial));
    for (name, text) in FILES {
        templates
            .register_template_string(name, text.trim_end())
            .map_err(|error| Error::failed(format_args!("template {name}: {error}")))?;
    }
    Ok(templates)
}

/// HTML-escapes, and shows U+FFFD in place of control characters and of those that turn the direction of the text
/// around: with them a client's name could make a page say something else than it says.
fn escape(text: &str) -> String {
    let turns = |c| matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let hidden = |c: char| turns(c) || (c.is_control() && !matches!(c, '\n' | '\t'));
    if text.contains(hidden) {
        return html_escape(&text.replace(hidden, "\u{fffd}"));
    }
    html_escape(text)
}

// The letter that stands for a name in its tile; a dot if the name has no letter or digit.
handlebars_helper!(initial: |name: str| {
    let letter = name.chars().find(|c| c.is_alphanumeric());
    letter.map_or_else(|| "·".to_owned(), |c| c.to_uppercase().collect())
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adv_28_text_cannot_leave_its_place_or_turn_around() {
        assert_eq!(escape("<b title=\"x\">'&"), "&lt;b title&#x3D;&quot;x&quot;&gt;&#x27;&amp;");
        assert_eq!(escape("a\u{202e}b\u{2066}c\u{200f}d\u{0}e"), "a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}e");
        assert_eq!(escape("café\n日本 👩‍💻"), "café\n日本 👩‍💻");
    }
}
