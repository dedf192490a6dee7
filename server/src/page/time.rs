//! Moments and spans as a page shows them.

use std::fmt;

use serde::{Serialize, Serializer};

/// A moment, in unix seconds; shown as `YYYY-MM-DD HH:MM UTC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub i64);

/// A span, in seconds; shown in its largest fitting unit, rounded up ("2 minutes").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime(pub i64);

impl Time {
    fn date(self) -> String {
        let (year, month, day) = civil(self.0.div_euclid(86_400));
        format!("{year:04}-{month:02}-{day:02}")
    }

    fn clock(self) -> String {
        let minutes = self.0.rem_euclid(86_400) / 60;
        format!("{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown {
            machine: String,
            text: String,
        }
        let (date, clock) = (self.date(), self.clock());
        Shown { machine: format!("{date}T{clock}Z"), text: format!("{date} {clock} UTC") }
            .serialize(serializer)
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(i64, &str); 3] = [(86_400, "day"), (3600, "hour"), (60, "minute")];
        let seconds = self.0.max(0);
        // A unit fits exactly, or at least twice, so that 90 minutes do not become "2 hours".
        let fits = |unit: i64| seconds == unit || seconds >= 2 * unit;
        let (unit, name) = UNITS.into_iter().find(|(unit, _)| fits(*unit)).unwrap_or((1, "second"));
        let count = (seconds + unit - 1) / unit;
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "{count} {name}{plural}")
    }
}

impl Serialize for Lifetime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Year, month and day of the proleptic Gregorian calendar, from days since 1970-01-01.
///
/// Counted in years that begin in March, so that the leap day is a year's last, and in eras of 400 years.
fn civil(days: i64) -> (i64, i64, i64) {
    let since_march_0000 = days + 719_468;
    let era = since_march_0000.div_euclid(146_097);
    let day_of_era = since_march_0000.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(seconds: i64) -> String {
        serde_json::to_value(Time(seconds)).unwrap()["text"].as_str().unwrap().to_owned()
    }

    #[test]
    fn known_moments() {
        assert_eq!(shown(0), "1970-01-01 00:00 UTC");
        assert_eq!(shown(-1), "1969-12-31 23:59 UTC");
        assert_eq!(shown(951_782_399), "2000-02-28 23:59 UTC");
        assert_eq!(shown(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(shown(951_868_800), "2000-03-01 00:00 UTC");
        assert_eq!(shown(4_107_542_400), "2100-03-01 00:00 UTC");
        assert_eq!(shown(1_795_575_571), "2026-11-25 02:59 UTC");
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let mut day = civil(0);
        for days in 1..146_097 {
            let next = civil(days);
            let leap = day.0 % 4 == 0 && (day.0 % 100 != 0 || day.0 % 400 == 0);
            let last = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            let expected = match day {
                (year, 12, 31) => (year + 1, 1, 1),
                (year, month, date) if last[usize::try_from(month - 1).unwrap()] == date => {
                    (year, month + 1, 1)
                }
                (year, month, date) => (year, month, date + 1),
            };
            assert_eq!(next, expected);
            day = next;
        }
    }

    #[test]
    fn spans_in_words() {
        for (seconds, expected) in [
            (-5, "0 seconds"),
            (1, "1 second"),
            (60, "1 minute"),
            (61, "61 seconds"),
            (121, "3 minutes"),
            (3600, "1 hour"),
            (5400, "90 minutes"),
            (86_400, "1 day"),
            (2_592_000, "30 days"),
        ] {
            assert_eq!(Lifetime(seconds).to_string(), expected);
        }
    }
}
