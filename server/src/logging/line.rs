//! How a line looks. Whatever stands in it, it is one line, and no value can pass for another field (ADV 27).

use std::fmt::{self, Debug, Write as _};

use serde::ser::{SerializeMap as _, Serializer as _};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use super::shown::{self, Shown};

/// Characters of a text that are written: more is the work of somebody who fills disks.
const MAX_TEXT: usize = 2048;

/// Time, level, target and message, the fields of the event, then those of its request.
pub(super) struct Line {
    /// As a JSON object, else as text.
    pub(super) json: bool,
}

impl<S> FormatEvent<S, Shown> for Line
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, Shown>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope().into_iter().flatten() {
            if let Some(kept) = span.extensions().get::<FormattedFields<Shown>>() {
                shown::read(&kept.fields).for_each(|(name, value)| fields.push(name, value.into()));
            }
        }
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let (level, target) = (event.metadata().level(), event.metadata().target());
        if self.json {
            let json = json(&time, *level, target, &fields).map_err(|_| fmt::Error)?;
            return writeln!(writer, "{}", ascii(&json));
        }
        let (on, off) = if writer.has_ansi_escapes() { (colour(*level), "\x1b[0m") } else { ("", "") };
        write!(writer, "{time} {on}{level:>5}{off} {target}:")?;
        if let Some(message) = &fields.message {
            write!(writer, " {}", visible(message))?;
        }
        for (name, value) in &fields.others {
            match value {
                // Debug escapes what cannot be seen, and quotes.
                Value::String(text) => write!(writer, " {name}={text:?}")?,
                other => write!(writer, " {name}={other}")?,
            }
        }
        writeln!(writer)
    }
}

#[derive(Default)]
struct Fields {
    message: Option<String>,
    others: Vec<(&'static str, Value)>,
}

impl Fields {
    /// What the event says itself comes first and counts.
    fn push(&mut self, name: &'static str, value: Value) {
        if self.others.iter().all(|(known, _)| *known != name) {
            self.others.push((name, value));
        }
    }

    fn push_text(&mut self, name: &'static str, text: &str) {
        let text: String = text.chars().take(MAX_TEXT).collect();
        if name == "message" {
            self.message = Some(text);
        } else {
            self.push(name, text.into());
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.push_text(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.push_text(field.name(), &format!("{value:?}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field.name(), value.into());
    }
}

fn json(time: &str, level: Level, target: &str, fields: &Fields) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    let mut json = serde_json::Serializer::new(&mut bytes);
    let mut map = json.serialize_map(None)?;
    map.serialize_entry("timestamp", time)?;
    map.serialize_entry("level", level.as_str())?;
    map.serialize_entry("target", target)?;
    if let Some(message) = &fields.message {
        map.serialize_entry("message", message)?;
    }
    for (name, value) in &fields.others {
        map.serialize_entry(name, value)?;
    }
    map.end()?;
    Ok(String::from_utf8(bytes).expect("JSON is UTF-8"))
}

/// The same JSON in visible ASCII: collectors differ in what ends a line (U+2028, U+0085), terminals in what controls
/// them.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && !c.is_ascii_control() {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

/// The text with everything escaped that is not seen as what it is; quotes stay.
fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\'' | '\\' => visible.push(c),
            c => visible.extend(c.escape_debug()),
        }
    }
    visible
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\nb\r\u{1b}[2J\u{2028}\u{85}\u{202e}\u{7f}\u{1f600}\"c";

    #[test]
    fn adv_27_json_is_visible_ascii_and_loses_nothing() {
        let mut fields = Fields::default();
        fields.push_text("message", HOSTILE);
        fields.push_text("name", HOSTILE);
        let line = ascii(&json("now", Level::INFO, "here", &fields).unwrap());
        assert!(line.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{line}");
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&read["message"], &read["name"]), (&HOSTILE.into(), &HOSTILE.into()));
    }

    #[test]
    fn adv_27_text_shows_what_cannot_be_seen() {
        for text in [visible(HOSTILE), format!("{HOSTILE:?}")] {
            let hidden = |c: char| c.is_control() || "\u{2028}\u{202e}".contains(c);
            assert!(!text.contains(hidden), "{text:?}");
            assert!(text.contains("a\\nb\\r\\u{1b}[2J"), "{text}");
        }
    }

    #[test]
    fn a_text_has_an_end_and_a_field_one_value() {
        let mut fields = Fields::default();
        fields.push_text("name", &"x".repeat(MAX_TEXT + 1));
        fields.push_text("name", "again");
        assert_eq!(fields.others, [("name", "x".repeat(MAX_TEXT).into())]);
    }
}
