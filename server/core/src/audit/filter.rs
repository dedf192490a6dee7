//! Questions to the trail, newest first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Entry, Severity};
use crate::db::{Tx, Value};
use crate::error::Result;

/// Which events are asked for; what is not set does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Part of the action, the resource's name or the actor's user name.
    pub search: Option<String>,
    /// Such as `ACCESS_TOKEN_ISSUED`.
    pub event_type: Option<String>,
    /// Who acted.
    pub actor_user_id: Option<String>,
    /// What kind of thing it was done to.
    pub resource_type: Option<String>,
    /// Which one.
    pub resource_id: Option<String>,
    /// How much it matters.
    pub severity: Option<Severity>,
    /// Where it came from.
    pub actor_ip: Option<String>,
    /// Whether it succeeded.
    pub success: Option<bool>,
    /// Not before this moment, in unix seconds.
    pub start_time: Option<i64>,
    /// Not after this moment, in unix seconds.
    pub end_time: Option<i64>,
}

/// How many events of which kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// All of them.
    pub total_events: i64,
    /// By `event_type`.
    pub events_by_type: BTreeMap<String, i64>,
    /// By `severity`.
    pub events_by_severity: BTreeMap<String, i64>,
    /// Those that succeeded.
    pub success_count: i64,
    /// Those that failed.
    pub failure_count: i64,
}

/// `WHERE` and what it binds.
struct Condition<'a> {
    sql: String,
    values: Vec<Value<'a>>,
}

impl<'a> Condition<'a> {
    fn of(filter: &'a Filter) -> Self {
        let mut condition = Self { sql: "WHERE 1 = 1".to_owned(), values: Vec::new() };
        for (column, text) in [
            ("event_type", &filter.event_type),
            ("actor_user_id", &filter.actor_user_id),
            ("resource_type", &filter.resource_type),
            ("resource_id", &filter.resource_id),
            ("actor_ip", &filter.actor_ip),
        ] {
            if let Some(text) = text {
                condition.and(&format!("{column} = ?"), text.as_str());
            }
        }
        if let Some(severity) = filter.severity {
            condition.and("severity = ?", severity.as_str());
        }
        if let Some(success) = filter.success {
            condition.and("success = ?", success);
        }
        if let Some(start) = filter.start_time {
            condition.and("event_time >= ?", start);
        }
        if let Some(end) = filter.end_time {
            condition.and("event_time <= ?", end);
        }
        if let Some(search) = &filter.search {
            condition.search(search);
        }
        condition
    }

    fn and(&mut self, comparison: &str, value: impl Into<Value<'a>>) {
        self.values.push(value.into());
        let numbered = comparison.replace('?', &format!("?{}", self.values.len()));
        self.sql += " AND ";
        self.sql += &numbered;
    }

    fn search(&mut self, text: &str) {
        let literal = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let like = |column: &str| format!("LOWER(COALESCE({column}, '')) LIKE LOWER(?) ESCAPE '\\'");
        let columns = ["action", "resource_name", "actor_username"].map(like).join(" OR ");
        self.and(&format!("({columns})"), format!("%{literal}%"));
    }
}

/// At most `limit` events, newest first, skipping `offset`; or, for whoever reads everything, those with an id below
/// `below`.
pub fn page(tx: &mut Tx<'_>, filter: &Filter, below: Option<&str>, window: (i64, i64)) -> Result<Vec<Entry>> {
    let (limit, offset) = window;
    let mut condition = Condition::of(filter);
    if let Some(id) = below {
        condition.and("id < ?", id.to_owned());
    }
    let sql = format!(
        "SELECT {} FROM audit_logs {} ORDER BY id DESC LIMIT {limit} OFFSET {offset}",
        Entry::COLUMNS,
        condition.sql
    );
    tx.all(&sql, &condition.values)
}

/// How many events there are.
pub fn count(tx: &mut Tx<'_>, filter: &Filter) -> Result<i64> {
    let condition = Condition::of(filter);
    let count: Option<(i64,)> =
        tx.one(&format!("SELECT COUNT(*) FROM audit_logs {}", condition.sql), &condition.values)?;
    Ok(count.map_or(0, |(count,)| count))
}

/// How many events of which kind there are, in one pass.
pub fn stats(tx: &mut Tx<'_>, filter: &Filter) -> Result<Stats> {
    let condition = Condition::of(filter);
    let sql = format!(
        "SELECT event_type, severity, success, COUNT(*) FROM audit_logs {} GROUP BY event_type, severity, success",
        condition.sql
    );
    let groups: Vec<(String, String, bool, i64)> = tx.all(&sql, &condition.values)?;
    let mut stats = Stats::default();
    for (kind, severity, success, count) in groups {
        stats.total_events += count;
        *stats.events_by_type.entry(kind).or_default() += count;
        *stats.events_by_severity.entry(severity).or_default() += count;
        *(if success { &mut stats.success_count } else { &mut stats.failure_count }) += count;
    }
    Ok(stats)
}
