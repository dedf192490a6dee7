//! The audit trail.

use super::reader::Reader;
use super::reference::settings;

settings! { "Audit trail";
    /// Writes who did what to the database.
    ENABLE_AUDIT_LOGGING = "true";
    /// How long events are kept; `0` keeps them for good.
    AUDIT_LOG_RETENTION = "2160h";
    /// Time between two removals of what is older.
    AUDIT_LOG_CLEANUP_INTERVAL = "24h";
    /// Events that wait on disk for the database at most; whoever causes more is refused until there is room.
    AUDIT_LOG_BUFFER_SIZE = "1000";
}

/// What is written down about what people and clients do.
#[derive(Clone, Debug)]
pub struct Audit {
    /// False writes nothing.
    pub enabled: bool,
    /// Seconds for which events are kept; `None` for good.
    pub retention: Option<i64>,
    /// Seconds between two removals of what is older.
    pub interval: i64,
    /// Events that wait for the database at most.
    pub buffer: usize,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Audit {
    let retention = reader.seconds(AUDIT_LOG_RETENTION, i64::MIN..=i64::MAX);
    Audit {
        enabled: reader.safeguard(ENABLE_AUDIT_LOGGING),
        retention: Some(retention).filter(|seconds| *seconds > 0),
        interval: reader.lifetime(AUDIT_LOG_CLEANUP_INTERVAL, 1..=i64::MAX),
        buffer: usize::try_from(reader.integer(AUDIT_LOG_BUFFER_SIZE, 1..=1_000_000))
            .expect("at most a million"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{config, refused, warnings};

    #[test]
    fn defaults() {
        let audit = config(&[]).audit;
        assert!(audit.enabled);
        assert_eq!((audit.retention, audit.interval, audit.buffer), (Some(7_776_000), 86_400, 1000));
    }

    #[test]
    fn zero_and_less_keep_events_for_good() {
        for text in ["0", "-1h"] {
            assert_eq!(config(&[("AUDIT_LOG_RETENTION", text)]).audit.retention, None);
        }
    }

    #[test]
    fn no_trail_warns_and_no_room_is_refused() {
        assert!(warnings(&[("ENABLE_AUDIT_LOGGING", "false")])[0].contains("weaker than the default"));
        assert!(refused(&[("AUDIT_LOG_BUFFER_SIZE", "0")]).contains("from 1 to 1000000"));
        assert!(refused(&[("AUDIT_LOG_CLEANUP_INTERVAL", "0s")]).contains("positive duration"));
    }
}
