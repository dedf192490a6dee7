//! Time and randomness are parameters: a [`Context`] carries both to whoever needs them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> i64;

    /// For measuring how long something takes: never goes back.
    fn monotonic(&self) -> Instant;
}

/// Gives unpredictable bytes.
pub trait Random: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
    fn now_ms(&self) -> i64 {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since_epoch.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for durations")]
    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

/// The machine's cryptographic randomness.
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for randomness")]
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).expect("the kernel's randomness does not fail once it is seeded");
    }
}

/// A clock that moves only when told to; for tests.
pub struct ManualClock {
    now_ms: AtomicI64,
    begun_ms: i64,
    begun: Instant,
}

impl ManualClock {
    /// A clock standing at `now_ms`.
    pub fn at(now_ms: i64) -> Self {
        Self { now_ms: AtomicI64::new(now_ms), begun_ms: now_ms, begun: SystemClock.monotonic() }
    }

    /// Moves the clock by `seconds`, which may be negative.
    pub fn advance(&self, seconds: i64) {
        self.now_ms.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    /// Stands still while the clock is before where it began.
    fn monotonic(&self) -> Instant {
        let moved = u64::try_from(self.now_ms() - self.begun_ms).unwrap_or(0);
        self.begun + Duration::from_millis(moved)
    }
}

/// The moment and the randomness of one request.
#[derive(Clone)]
pub struct Context {
    now_ms: i64,
    random: Arc<dyn Random>,
}

impl Context {
    /// A context for a request that arrived now.
    pub fn new(clock: &dyn Clock, random: Arc<dyn Random>) -> Self {
        Self { now_ms: clock.now_ms(), random }
    }

    /// Unix seconds.
    pub fn now(&self) -> i64 {
        self.now_ms / 1000
    }

    /// Unix milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// `N` unpredictable bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }

    /// A new id that grows with time (UUID version 7, RFC 9562 5.7).
    pub fn id(&self) -> Uuid {
        let millis = u64::try_from(self.now_ms).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }
}
