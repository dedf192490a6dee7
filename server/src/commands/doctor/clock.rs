//! This machine's clock against whoever answers for the issuer: a proxy has a clock of its own.

use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::http::header::HttpDate;

use super::Finding;
use super::fetch::Fetched;

const ABOUT: &str = "clock";

/// Seconds that clocks may differ without harm.
const CLOSE: u64 = 5;
/// Seconds from which codes, which live for a minute, are over before they arrive.
const FAR: u64 = 60;
const ADVICE: &str = "let every machine on the way follow a time server (chronyc tracking, timedatectl)";

/// The `Date` of an answer, less what a cache says about its age.
pub fn check(fetched: &Fetched, now: i64) -> Option<Finding> {
    let date: SystemTime = fetched.header("date")?.parse::<HttpDate>().ok()?.into();
    let date = i64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()?;
    let age = fetched.header("age").and_then(|age| age.trim().parse::<i64>().ok()).unwrap_or(0);
    let apart = now.abs_diff(date.saturating_add(age));
    let found = format!("the clock of whoever answers for the issuer and this one are {apart} s apart");
    Some(match apart {
        0..=CLOSE => Finding::fine(ABOUT, found),
        _ if apart <= FAR => Finding::warning(ABOUT, found, ADVICE),
        _ => Finding::problem(ABOUT, found, ADVICE),
    })
}
