//! The trail as a file, read in pages while it is written.

use actix_web::web::{Bytes, Data};
use authgate_core::audit::{self, Entry, Filter};
use authgate_core::db::Tx;
use authgate_core::error::{Error, Result};
use futures_util::Stream;
use futures_util::stream::try_unfold;
use serde_json::{Value, json};

use super::query::moment;
use crate::app::App;

/// Events read at a time.
const PAGE: i64 = 500;
/// The columns of the CSV (contract).
const HEADS: [&str; 10] = [
    "Event Time",
    "Event Type",
    "Severity",
    "Actor Username",
    "Actor IP",
    "Resource Type",
    "Resource Name",
    "Action",
    "Success",
    "Error Message",
];

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The contract's columns, for spreadsheets.
    Csv,
    /// Every member, an object a line.
    JsonLines,
}

impl Format {
    /// The end of a file name.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::JsonLines => "jsonl",
        }
    }

    /// The media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv",
            Format::JsonLines => "application/jsonl",
        }
    }
}

/// Writes a trail page by page.
pub struct Writer {
    format: Format,
    is_begun: bool,
    last: Option<String>,
}

impl Writer {
    /// Nothing written yet.
    pub fn new(format: Format) -> Self {
        Self { format, is_begun: false, last: None }
    }

    /// The next page, newest first.
    pub fn page(&self, tx: &mut Tx<'_>, filter: &Filter) -> Result<Vec<Entry>> {
        audit::page(tx, filter, self.last.as_deref(), (PAGE, 0))
    }

    /// The text of a page; `None` at the end.
    pub fn text(&mut self, page: &[Entry]) -> Result<Option<Vec<u8>>> {
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        if let Some(last) = page.last() {
            self.last = Some(last.id.clone());
        } else if !is_first {
            return Ok(None);
        }
        let text = match self.format {
            Format::JsonLines => page
                .iter()
                .fold(String::new(), |lines, entry| lines + &member(entry).to_string() + "\n")
                .into(),
            Format::Csv => csv(is_first, page).map_err(Error::failed)?,
        };
        Ok(Some(text))
    }
}

fn csv(is_first: bool, page: &[Entry]) -> std::result::Result<Vec<u8>, csv::Error> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    if is_first {
        csv.write_record(HEADS)?;
    }
    for entry in page {
        csv.write_record(cells(entry))?;
    }
    csv.into_inner().map_err(|error| error.into_error().into())
}

/// Everything that matches `filter`, newest first.
pub fn stream(app: Data<App>, format: Format, filter: Filter) -> impl Stream<Item = Result<Bytes>> {
    try_unfold(Writer::new(format), move |writer| {
        let (app, filter) = (app.clone(), filter.clone());
        async move {
            let read = app.read(move |tx| {
                let page = writer.page(tx, &filter)?;
                Ok((writer, page))
            });
            let (mut writer, page) = read.await?;
            Ok(writer.text(&page)?.map(|text| (Bytes::from(text), writer)))
        }
    })
}

/// An event as JSON, with the contract's names.
pub fn member(entry: &Entry) -> Value {
    let mut member = serde_json::to_value(entry).expect("texts and numbers always serialise");
    let details = entry.details.as_deref().and_then(|text| serde_json::from_str(text).ok());
    member["details"] = details.unwrap_or_else(|| json!({}));
    member["event_time"] = json!(moment(entry.event_time));
    member["created_at"] = member["event_time"].clone();
    member
}

fn cells(entry: &Entry) -> [String; 10] {
    let text = |text: &Option<String>| text.as_deref().map(harmless).unwrap_or_default();
    [
        moment(entry.event_time),
        entry.event_type.clone(),
        entry.severity.as_str().to_owned(),
        text(&entry.actor_username),
        text(&entry.actor_ip),
        text(&entry.resource_type),
        text(&entry.resource_name),
        entry.action.clone(),
        if entry.success { "Yes" } else { "No" }.to_owned(),
        text(&entry.error_message),
    ]
}

/// A text that no spreadsheet takes for a formula: those begin with one of these characters, also behind blanks, and behind
/// what separates cells elsewhere.
fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 1);
    let mut begins = true;
    for c in text.chars() {
        if begins && matches!(c, '=' | '+' | '-' | '@' | '|' | '%' | '\t' | '\r' | '\n') {
            safe.push('\'');
        }
        begins = matches!(c, ';' | '\t' | '\r' | '\n') || begins && c == ' ';
        safe.push(c);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn adv_27_no_cell_is_a_formula() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t'=1"),
            (" =1", " '=1"),
            ("|calc", "'|calc"),
            ("Shop;=cmd", "Shop;'=cmd"),
            ("Shop; -1", "Shop; '-1"),
        ] {
            assert_eq!(harmless(text), expected, "{text:?}");
        }
        for text in ["alice", "a=b", "", "2026-01-01"] {
            assert_eq!(harmless(text), text);
        }
    }
}
