//! How many things are alive, as the database says it from time to time.

use authgate_core::counting::Living;
use metrics::{Counter, Gauge};

use super::catalogue::{
    DEVICE_CODES_ACTIVE, DEVICE_CODES_PENDING, QUERY_ERRORS, SESSIONS_ACTIVE, TOKENS_ACTIVE,
};
use super::registry::Registry;

/// One gauge, and how often its count failed.
pub struct Gauged {
    /// What it shows.
    pub living: Living,
    /// The number of the last count.
    pub gauge: Gauge,
    /// Counts that failed.
    pub errors: Counter,
}

/// A gauge for everything that can be counted.
pub(super) fn all(registry: &Registry) -> [Gauged; Living::ALL.len()] {
    Living::ALL.map(|living| {
        let (metric, labels, operation): (_, &[&str], _) = match living {
            Living::AccessTokens => (&TOKENS_ACTIVE, &["access"], "count_access_tokens"),
            Living::RefreshTokens => (&TOKENS_ACTIVE, &["refresh"], "count_refresh_tokens"),
            Living::DeviceCodes => (&DEVICE_CODES_ACTIVE, &[], "count_total_device_codes"),
            Living::PendingDeviceCodes => (&DEVICE_CODES_PENDING, &[], "count_pending_device_codes"),
            Living::Sessions => (&SESSIONS_ACTIVE, &[], "count_sessions"),
        };
        let errors = registry.counter(&QUERY_ERRORS, &[operation]);
        Gauged { living, gauge: registry.gauge(metric, labels), errors }
    })
}
