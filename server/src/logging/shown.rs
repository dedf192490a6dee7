//! Whose lines they are: what every line about a request says of it.

use std::fmt::{self, Debug};

use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

/// The fields of a request's span that stand in its lines. All are names and numbers that we gave.
const NAMES: [&str; 4] = ["request_id", "trace_id", "client_id", "user_id"];

/// Keeps those fields as words `name=value`; [`read`] gives them back.
pub(super) struct Shown;

impl<'writer> FormatFields<'writer> for Shown {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut words = Words(String::new());
        fields.record(&mut words);
        writer.write_str(&words.0)
    }
}

struct Words(String);

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        if NAMES.contains(&field.name()) {
            // What is none of ours is left out, so that each stays one word.
            let value = value.chars().filter(char::is_ascii_graphic);
            self.0.extend([" ", field.name(), "="]);
            self.0.extend(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if NAMES.contains(&field.name()) {
            self.record_str(field, &format!("{value:?}"));
        }
    }
}

/// The fields as they were kept, the latest value of each.
pub(super) fn read(kept: &str) -> impl Iterator<Item = (&'static str, &str)> {
    let words = move |name: &str| {
        let mut words = kept.split_ascii_whitespace().rev().filter_map(|word| word.split_once('='));
        words.find(|(known, _)| *known == name)
    };
    NAMES.into_iter().filter_map(move |name| words(name).map(|(_, value)| (name, value)))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn the_latest_value_of_a_field_counts() {
        let kept = " request_id=a client_id=b client_id=c=d";
        assert_eq!(read(kept).collect::<Vec<_>>(), [("request_id", "a"), ("client_id", "c=d")]);
        assert_eq!(read("").count(), 0);
    }
}
