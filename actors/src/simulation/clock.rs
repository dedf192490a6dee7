//! The wall clock of a simulated server: it goes with the runtime's paused time, and jumps when told to.

use std::sync::atomic::{AtomicI64, Ordering};

use authgate_core::context::Clock;
use tokio::time::Instant;

pub(super) struct VirtualClock {
    started: Instant,
    offset_ms: AtomicI64,
}

impl VirtualClock {
    /// Shows `now_ms` at this moment.
    pub(super) fn showing(now_ms: i64) -> Self {
        Self { started: Instant::now(), offset_ms: AtomicI64::new(now_ms) }
    }

    /// What an operator or a time server does to it; back if negative.
    pub(super) fn jump(&self, seconds: i64) {
        self.offset_ms.fetch_add(seconds * 1000, Ordering::Relaxed);
    }
}

impl Clock for VirtualClock {
    fn now_ms(&self) -> i64 {
        let passed = i64::try_from(self.started.elapsed().as_millis()).unwrap();
        self.offset_ms.load(Ordering::Relaxed) + passed
    }

    fn monotonic(&self) -> std::time::Instant {
        Instant::now().into_std()
    }
}
