//! What the query asks for.

use actix_web::HttpRequest;
use authgate_core::audit::{Filter, Severity};
use authgate_core::error::{Code, Error, Result};
use authgate_core::form::Params;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Format;

/// The parameters of a request to the trail.
pub struct Asked(Params);

impl Asked {
    /// Those of its query, each once.
    pub fn read(request: &HttpRequest) -> Result<Self> {
        Params::parse(request.query_string().as_bytes()).map(Self)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).filter(|text| !text.is_empty())
    }

    /// A whole number from 1; a larger one than `max` counts as `max`.
    pub fn number(&self, name: &str, default: i64, max: i64) -> Result<i64> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let number = text.parse::<i64>().ok().filter(|number| *number >= 1);
        let refused = || refused(format!("{name} must be a whole number of at least 1"));
        number.map(|number| number.min(max)).ok_or_else(refused)
    }

    /// Which events; times are RFC 3339.
    pub fn filter(&self) -> Result<Filter> {
        let text = |name| self.text(name).map(str::to_owned);
        let severity = self
            .text("severity")
            .map(|text| Severity::parse(text).ok_or_else(|| refused(format!("severity {SEVERITIES}"))));
        Ok(Filter {
            search: text("search"),
            event_type: text("event_type"),
            actor_user_id: text("actor_user_id"),
            resource_type: text("resource_type"),
            resource_id: text("resource_id"),
            severity: severity.transpose()?,
            actor_ip: text("actor_ip"),
            success: self.text("success").map(|text| text == "true"),
            start_time: self.time("start_time")?,
            end_time: self.time("end_time")?,
        })
    }

    /// What an export is written as; CSV unless it says.
    pub fn format(&self) -> Result<Format> {
        match self.text("format").unwrap_or("csv") {
            "csv" => Ok(Format::Csv),
            "jsonl" => Ok(Format::JsonLines),
            _ => Err(refused("format must be csv or jsonl".to_owned())),
        }
    }

    fn time(&self, name: &str) -> Result<Option<i64>> {
        let read = |text| parse(text).map_err(|expected| refused(format!("{name} {expected}")));
        self.text(name).map(read).transpose()
    }
}

fn refused(description: String) -> Error {
    Error::refused(Code::InvalidRequest, description)
}

/// What a severity is.
pub const SEVERITIES: &str = "must be INFO, WARNING, ERROR or CRITICAL";

/// Unix seconds of a moment in RFC 3339, or what would be right. A plus sign may have become a space in a query.
pub fn parse(text: &str) -> std::result::Result<i64, &'static str> {
    let moment = OffsetDateTime::parse(&text.replace(' ', "+"), &Rfc3339);
    moment.map(OffsetDateTime::unix_timestamp).map_err(|_| "must be a time such as 2026-01-31T00:00:00Z")
}

/// Unix seconds in RFC 3339.
pub fn moment(seconds: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(seconds).ok();
    moment.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_else(|| seconds.to_string())
}
