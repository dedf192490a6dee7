//! `authgate audit`.

mod export;

use authgate::admin::audit::{SEVERITIES, member, parse_time};
use authgate_core::audit::{self, Filter, Severity, Verdict};
use authgate_core::error::{Code, Error, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::answer::{Answer, table};
use super::installation::Installation;

#[derive(Subcommand)]
pub enum Audit {
    /// Show the newest events
    List(List),
    /// Write all events, newest first, as CSV or JSON lines
    Export(export::Export),
    /// Check that no event was changed, removed or put in later
    Verify(Verify),
}

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    which: Which,
    /// How many
    #[arg(short = 'n', long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
}

#[derive(Args)]
pub struct Verify {
    /// A link that must be there, as an earlier run printed it; may be repeated
    #[arg(long, value_name = "WRITER:SEQUENCE:HASH", value_parser = link)]
    expect: Vec<(String, i64, String)>,
}

/// Which events.
#[derive(Args)]
pub struct Which {
    /// Of this type, such as LOGOUT
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// INFO, WARNING, ERROR or CRITICAL
    #[arg(long, value_parser = severity)]
    severity: Option<Severity>,
    /// Of this user id or client:ID
    #[arg(long)]
    actor: Option<String>,
    /// From this address
    #[arg(long)]
    ip: Option<String>,
    /// About the user, client, token, code or authorization with this id
    #[arg(long)]
    resource: Option<String>,
    /// With this text in action, resource name or user name
    #[arg(long)]
    search: Option<String>,
    /// Only what failed
    #[arg(long)]
    failed: bool,
    /// Not before, such as 2026-01-31T00:00:00Z
    #[arg(long, value_parser = parse_time)]
    since: Option<i64>,
    /// Not after
    #[arg(long, value_parser = parse_time)]
    until: Option<i64>,
}

impl Which {
    fn filter(self) -> Filter {
        Filter {
            search: self.search,
            event_type: self.event_type,
            actor_user_id: self.actor,
            resource_type: None,
            resource_id: self.resource,
            severity: self.severity,
            actor_ip: self.ip,
            success: self.failed.then_some(false),
            start_time: self.since,
            end_time: self.until,
        }
    }
}

impl Audit {
    pub fn run(self, installation: &Installation) -> Result<Answer> {
        match self {
            Audit::List(list) => list.run(installation),
            Audit::Export(export) => export.run(installation),
            Audit::Verify(verify) => verify.run(installation),
        }
    }
}

impl List {
    fn run(self, installation: &Installation) -> Result<Answer> {
        let (filter, limit) = (self.which.filter(), self.limit);
        let entries = installation.read(|tx| audit::page(tx, &filter, None, (limit, 0)))?;
        let json: Vec<Value> = entries.iter().map(member).collect();
        let text = |text: &Value| text.as_str().unwrap_or_default().to_owned();
        let rows: Vec<_> = json
            .iter()
            .map(|entry| {
                let actor = [&entry["actor_username"], &entry["actor_user_id"]].map(text);
                let [name, id] = actor;
                [
                    text(&entry["event_time"]),
                    text(&entry["severity"]),
                    text(&entry["event_type"]),
                    if name.is_empty() { id } else { name },
                    text(&entry["actor_ip"]),
                    text(&entry["resource_id"]),
                    if entry["success"] == true { "yes" } else { "no" }.to_owned(),
                ]
            })
            .collect();
        let heads = ["TIME", "SEVERITY", "TYPE", "ACTOR", "ADDRESS", "RESOURCE", "SUCCESS"];
        Ok(Answer::new(table(heads, &rows), Value::Array(json)))
    }
}

impl Verify {
    fn run(self, installation: &Installation) -> Result<Answer> {
        let (heads, verdict) = installation.snapshot(|tx| audit::verify(tx, &self.expect))?;
        if !verdict.problems.is_empty() {
            return Err(Error::refused(Code::InvalidRequest, broken(&verdict)));
        }
        let heads: Vec<_> =
            heads.iter().map(|head| format!("{}:{}:{}", head.writer, head.sequence, head.hash)).collect();
        let mut lines = vec![format!("{} events are as they were written.", verdict.verified)];
        if verdict.unchained > 0 {
            lines.push(format!("{} are from a version that did not chain them.", verdict.unchained));
        }
        if !heads.is_empty() {
            lines.push("Keep this elsewhere, and give it to the next run with --expect:".to_owned());
            lines.extend(heads.iter().map(|head| format!("  {head}")));
        }
        Ok(Answer::new(
            lines.join("\n"),
            json!({"verified": verdict.verified, "unchained": verdict.unchained, "heads": heads}),
        ))
    }
}

fn broken(verdict: &Verdict) -> String {
    format!("the audit trail is not as it was written:\n  {}", verdict.problems.join("\n  "))
}

fn severity(text: &str) -> std::result::Result<Severity, &'static str> {
    Severity::parse(&text.to_ascii_uppercase()).ok_or(SEVERITIES)
}

fn link(text: &str) -> std::result::Result<(String, i64, String), String> {
    let mut parts = text.split(':');
    let parsed = (|| {
        let link = (parts.next()?.to_owned(), parts.next()?.parse().ok()?, parts.next()?.to_owned());
        parts.next().is_none().then_some(link)
    })();
    parsed.ok_or_else(|| "must be WRITER:SEQUENCE:HASH as `audit verify` prints it".to_owned())
}
