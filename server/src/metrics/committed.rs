//! What transactions did, counted once they are committed.

use authgate_core::facts::Fact;
use metrics::{Counter, Histogram};

use super::catalogue::{
    COMPAT_USES, DEVICE_CODE_AUTHORIZATION_DURATION, DEVICE_CODES_AUTHORIZED, LOGOUTS, SESSION_DURATION,
    SESSIONS_CREATED, SESSIONS_EXPIRED, TOKENS_REVOKED,
};
use super::registry::Registry;

/// The switches whose use a transaction notes. The others change documents or what is accepted at start.
const SWITCHES: [&str; 6] = [
    "COMPAT_DEVICE_ONE_STEP",
    "COMPAT_FIXED_PUBLIC_REFRESH",
    "COMPAT_INTROSPECT_ANY",
    "COMPAT_M2M_ANY_RESOURCE",
    "COMPAT_REMEMBER_NATIVE_CONSENT",
    "COMPAT_SECRETLESS_CLIENTS",
];

/// A series for each kind of [`Fact`].
pub struct Committed {
    revoked: Counter,
    replayed: Counter,
    compat: [(&'static str, Counter); SWITCHES.len()],
    sessions_begun: Counter,
    sessions_ended: Counter,
    logouts: Counter,
    session: Histogram,
    devices_approved: Counter,
    device: Histogram,
}

impl Committed {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            revoked: registry.counter(&TOKENS_REVOKED, &["user_request"]),
            replayed: registry.counter(&TOKENS_REVOKED, &["replay_detection"]),
            compat: SWITCHES.map(|switch| (switch, registry.counter(&COMPAT_USES, &[switch]))),
            sessions_begun: registry.counter(&SESSIONS_CREATED, &[]),
            sessions_ended: registry.counter(&SESSIONS_EXPIRED, &["logout"]),
            logouts: registry.counter(&LOGOUTS, &[]),
            session: registry.histogram(&SESSION_DURATION, &[]),
            devices_approved: registry.counter(&DEVICE_CODES_AUTHORIZED, &[]),
            device: registry.histogram(&DEVICE_CODE_AUTHORIZATION_DURATION, &[]),
        }
    }

    /// Counts one.
    pub fn count(&self, fact: Fact) {
        match fact {
            Fact::Revoked => self.revoked.increment(1),
            Fact::Replayed => self.replayed.increment(1),
            Fact::CompatUsed(switch) => {
                if let Some((_, counter)) = self.compat.iter().find(|(known, _)| *known == switch) {
                    counter.increment(1);
                }
            }
            Fact::SessionBegun => self.sessions_begun.increment(1),
            Fact::SessionEnded { lasted } => {
                self.sessions_ended.increment(1);
                self.logouts.increment(1);
                self.session.record(seconds(lasted));
            }
            Fact::DeviceApproved { after } => {
                self.devices_approved.increment(1);
                self.device.record(seconds(after));
            }
        }
    }
}

/// A clock that was set back must not take from a sum.
fn seconds(seconds: i64) -> u32 {
    u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)
}
