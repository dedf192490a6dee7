//! After an unclean stop, clients whose answers were lost get their retry window back (`refresh.md`, 13).

use crate::db::Tx;
use crate::error::Result;
use crate::settings;

/// How often a running server says that it is alive, in seconds.
pub const HEARTBEAT: i64 = 5;
/// Where it is kept.
const HEARTBEAT_ROW: &str = "heartbeat";

/// The stop that this process recovers from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The last heartbeat before the stop, in unix seconds.
    pub last_seen: i64,
    /// Start of this process plus the retry window, in unix seconds.
    pub until: i64,
}

impl Recovery {
    /// The moment that a retry is measured at: the time that the server was away does not count.
    pub fn retry_time(recovery: Option<Recovery>, now: i64) -> i64 {
        match recovery {
            Some(recovery) if now <= recovery.until => recovery.last_seen.min(now),
            _ => now,
        }
    }
}

/// Notes that the server is alive.
pub fn beat(tx: &mut Tx<'_>, now: i64) -> Result<()> {
    settings::put(tx, HEARTBEAT_ROW, "running", now)
}

/// Notes a clean stop.
pub fn stopped(tx: &mut Tx<'_>, now: i64) -> Result<()> {
    settings::put(tx, HEARTBEAT_ROW, "stopped", now)
}

/// When a server last said that it is alive, or that it stopped.
pub fn last_seen(tx: &mut Tx<'_>) -> Result<Option<i64>> {
    Ok(settings::get(tx, HEARTBEAT_ROW)?.map(|(_, seen)| seen))
}

/// What to recover from, if the last process did not stop cleanly; notes that this one is alive.
pub fn start(tx: &mut Tx<'_>, retry_window: i64, now: i64) -> Result<Option<Recovery>> {
    let last = settings::get(tx, HEARTBEAT_ROW)?;
    beat(tx, now)?;
    let crashed = last.filter(|(value, _)| value == "running");
    Ok(crashed.map(|(_, last_seen)| Recovery { last_seen, until: now + retry_window }))
}

/// True if a server has said that it is alive within the last three heartbeats.
pub fn is_running(tx: &mut Tx<'_>, now: i64) -> Result<bool> {
    let last = settings::get(tx, HEARTBEAT_ROW)?;
    Ok(last.is_some_and(|(value, seen)| value == "running" && seen + 3 * HEARTBEAT > now))
}
