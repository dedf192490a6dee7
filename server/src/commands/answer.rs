//! What a command answers, for people and for scripts.

use std::process::ExitCode;

pub use authgate::admin::audit::moment as time;
use serde_json::Value;

/// The same answer twice.
pub struct Answer {
    text: String,
    json: Value,
    bad_news: bool,
}

impl Answer {
    /// A sentence for people.
    pub fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, bad_news: false }
    }

    /// The same, where what was found calls for somebody to act: the exit status says so.
    pub fn bad_news(self, bad_news: bool) -> Self {
        Self { bad_news, ..self }
    }

    /// What the program ends with.
    pub fn status(&self) -> ExitCode {
        if self.bad_news { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    /// Nothing left to say.
    pub fn nothing() -> Self {
        Self::new("", Value::Null)
    }

    /// What goes to stdout.
    pub fn print(self, json: bool) -> String {
        let mut text = match (json, &self.json) {
            (true, Value::Null) | (false, _) => self.text,
            (true, json) => format!("{json:#}"),
        };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }
}

/// Rows under `heads`, each column as wide as it needs.
pub fn table<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> = [heads.map(str::to_owned)]
        .into_iter()
        .chain(rows.iter().map(|row| row.each_ref().map(|cell| plain(cell))))
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// `name: value` lines of a JSON object, the `first` ones first; what is empty is left out.
pub fn fields(object: &Value, first: &[&str]) -> String {
    let Some(object) = object.as_object() else { return String::new() };
    let rest = object.keys().map(String::as_str).filter(|name| !first.contains(name));
    let names = first.iter().copied().chain(rest);
    let lines: Vec<_> = names
        .filter_map(|name| Some((name, shown(name, object.get(name)?))))
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 1;
    let line = |(name, text): &(&str, String)| format!("{:width$} {}", format!("{name}:"), plain(text));
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn shown(name: &str, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) if name.ends_with("_at") => number.as_i64().map(time).unwrap_or_default(),
        Value::Array(items) => items.iter().map(|item| shown("", item)).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A name from outside must not steer the terminal.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_need() {
        let row = |one: &str, two: &str| [one.to_owned(), two.to_owned()];
        assert_eq!(
            table(["A", "B"], &[row("long", "x"), row("\u{e9}", "y")]),
            "A     B\nlong  x\n\u{e9}     y"
        );
    }

    #[test]
    fn adv_27_names_do_not_steer_the_terminal() {
        assert_eq!(table(["A"], &[["x\u{1b}[2J\ny".to_owned()]]), "A\nx\u{fffd}[2J\u{fffd}y");
        assert_eq!(fields(&json!({"name": "x\u{1b}y"}), &[]), "name: x\u{fffd}y");
    }

    #[test]
    fn fields_have_an_order_and_leave_out_what_is_empty() {
        let object =
            json!({"id": "7", "none": null, "list": ["a", "b"], "empty": [], "created_at": 0, "on": true});
        assert_eq!(
            fields(&object, &["on", "missing"]),
            "on:         true\ncreated_at: 1970-01-01T00:00:00Z\nid:         7\nlist:       a, b"
        );
    }

    #[test]
    fn json_on_request() {
        let answer = || Answer::new("done", json!({"done": true}));
        assert_eq!(answer().print(false), "done\n");
        assert_eq!(answer().print(true), "{\n  \"done\": true\n}\n");
    }
}
