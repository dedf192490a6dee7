//! How values are written. What cannot be read comes back as what would have been right.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The value, or a sentence on what is expected.
pub type Parsed<T> = Result<T, String>;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// `true` and `1`, `false` and `0`, nothing else.
pub fn switch(text: &str) -> Parsed<bool> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("must be true or 1, false or 0".into()),
    }
}

/// One of a few words.
pub fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Parsed<T> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        format!("must be {}", words.join(" or "))
    })
}

/// Comma separated, trimmed, without blanks.
pub fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// A whole number of `range`, in decimal or exponent form.
pub fn integer(text: &str, range: &RangeInclusive<i64>) -> Parsed<i64> {
    number(text).filter(|number| range.contains(number)).ok_or_else(|| {
        if *range.end() == i64::MAX {
            return format!("must be a whole number of at least {}", range.start());
        }
        format!("must be a whole number from {} to {}", range.start(), range.end())
    })
}

/// True if a number is written as Helm writes large ones: `2.592e+06`.
pub fn is_exponent_form(text: &str) -> bool {
    text.contains(['e', 'E'])
}

fn number(text: &str) -> Option<i64> {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return text.parse().ok() };
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    if whole.is_empty() || digits.len() > 18 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let shift = exponent.parse::<u32>().ok()?.checked_sub(u32::try_from(fraction.len()).ok()?)?;
    digits.parse::<i64>().ok()?.checked_mul(10_i64.checked_pow(shift)?)?.checked_mul(sign)
}

/// A duration of whole seconds within `range`, which is in seconds.
pub fn seconds(text: &str, range: &RangeInclusive<i64>) -> Parsed<i64> {
    nanoseconds(text)
        .filter(|nanos| nanos % NANOS_PER_SECOND == 0)
        .map(|nanos| nanos / NANOS_PER_SECOND)
        .filter(|seconds| range.contains(seconds))
        .ok_or_else(|| match (*range.start(), *range.end()) {
            (1, i64::MAX) => "must be a positive duration of whole seconds such as 90s, 15m or 1h30m".into(),
            (0, i64::MAX) => {
                "must be a duration of whole seconds such as 90s, 15m or 1h30m, and not negative".into()
            }
            (from, to) => {
                format!(
                    "must be a duration of whole seconds from {} to {}",
                    show_seconds(from),
                    show_seconds(to)
                )
            }
        })
}

/// A positive duration, down to nanoseconds.
pub fn duration(text: &str) -> Parsed<Duration> {
    let nanos = nanoseconds(text).and_then(|nanos| u64::try_from(nanos).ok()).filter(|nanos| *nanos > 0);
    nanos
        .map(Duration::from_nanos)
        .ok_or_else(|| "must be a positive duration such as 500ms, 10s or 1h30m".into())
}

/// The syntax of Go's `time.ParseDuration`.
fn nanoseconds(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (if text.starts_with('-') { -1 } else { 1 }, rest),
        None => (1, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let is_numeric = |c: char| c.is_ascii_digit() || c == '.';
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let (amount, tail) = rest.split_at(rest.find(|c| !is_numeric(c))?);
        let (unit, tail) = tail.split_at(tail.find(is_numeric).unwrap_or(tail.len()));
        total = total.checked_add(scaled(amount, unit_nanoseconds(unit)?)?)?;
        rest = tail;
    }
    total.checked_mul(sign)
}

fn unit_nanoseconds(unit: &str) -> Option<i64> {
    Some(match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => NANOS_PER_SECOND,
        "m" => 60 * NANOS_PER_SECOND,
        "h" => 3600 * NANOS_PER_SECOND,
        _ => return None,
    })
}

/// `amount` units, where `amount` may have a fraction; what is below a nanosecond is dropped.
fn scaled(amount: &str, unit: i64) -> Option<i64> {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<i64>().ok() };
    let mut total = digits(whole)?.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.chars() {
        place /= 10;
        total = total.checked_add(i64::from(digit.to_digit(10)?).checked_mul(place)?)?;
    }
    Some(total)
}

/// Seconds as an operator would write them.
pub fn show_seconds(seconds: i64) -> String {
    match seconds {
        0 => "0s".into(),
        _ if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        _ if seconds % 60 == 0 => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_four_words_are_switches() {
        assert_eq!((switch("true"), switch("1")), (Ok(true), Ok(true)));
        assert_eq!((switch("false"), switch("0")), (Ok(false), Ok(false)));
        for text in ["yes", "no", "on", "off", "True", "TRUE", "2", " true"] {
            assert!(switch(text).is_err(), "{text}");
        }
    }

    #[test]
    fn integers_are_decimal_or_have_an_exponent() {
        for (text, value) in [
            ("0", 0),
            ("-5", -5),
            ("2592000", 2_592_000),
            ("2.592e+06", 2_592_000),
            ("2.5920e6", 2_592_000),
            ("1E3", 1_000),
            ("-1e2", -100),
            ("7e0", 7),
        ] {
            assert_eq!(number(text), Some(value), "{text}");
        }
        for text in
            ["", "x", "1.5", "1e", "e5", "1.5e0", "1e-2", "1e99", ".5e1", "1e5s", "0x10", "1_000", "1e1e1"]
        {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn a_range_says_what_it_is() {
        assert_eq!(integer("65", &(1..=64)), Err("must be a whole number from 1 to 64".into()));
        assert_eq!(integer("0", &(1..=i64::MAX)), Err("must be a whole number of at least 1".into()));
        assert_eq!(
            seconds("3m", &(0..=120)),
            Err("must be a duration of whole seconds from 0s to 2m".into())
        );
    }

    #[test]
    fn durations_are_gos() {
        for (text, nanos) in [
            ("0", 0),
            ("-0", 0),
            ("15m", 900 * NANOS_PER_SECOND),
            ("1h30m", 5400 * NANOS_PER_SECOND),
            ("1.5h", 5400 * NANOS_PER_SECOND),
            ("10s", 10 * NANOS_PER_SECOND),
            ("500ms", 500_000_000),
            ("-1m", -60 * NANOS_PER_SECOND),
            ("+1m", 60 * NANOS_PER_SECOND),
            (".5s", 500_000_000),
            ("1.s", NANOS_PER_SECOND),
            ("3\u{b5}s", 3_000),
            ("1h1ns", 3600 * NANOS_PER_SECOND + 1),
        ] {
            assert_eq!(nanoseconds(text), Some(nanos), "{text}");
        }
        for text in
            ["", "-", "10", "1d", "h", ".s", "1h 30m", "1h30", "99999999999h", "1..5s", "1.5.5s", "1e3s"]
        {
            assert_eq!(nanoseconds(text), None, "{text}");
        }
    }

    #[test]
    fn lifetimes_are_whole_seconds() {
        assert_eq!(seconds("1h30m", &(1..=i64::MAX)), Ok(5400));
        assert!(seconds("1500ms", &(1..=i64::MAX)).is_err());
        assert!(seconds("0s", &(1..=i64::MAX)).is_err());
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert!(duration("0").is_err());
        assert!(duration("-1s").is_err());
    }

    #[test]
    fn lists_are_trimmed() {
        assert_eq!(list(" a, b ,,c,"), ["a", "b", "c"]);
        assert!(list(" , ").is_empty());
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(value in 0..=1_000_000_i64) {
            prop_assert_eq!(seconds(&show_seconds(value), &(0..=i64::MAX)), Ok(value));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-+0-9.eEhmsnu\u{b5}]{0,24}") {
            let _ = (nanoseconds(&text), number(&text));
        }
    }
}
