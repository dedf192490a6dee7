//! How long a request would wait for its commit.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::MAX_BATCH;

/// How fast commits go, read by everybody who wants one.
pub(super) struct Pace {
    origin: Instant,
    /// When the commit in hand began, in microseconds since `origin` and one more; 0 if there is none.
    begun: AtomicU64,
    /// How long the last one took, in microseconds.
    last: AtomicU64,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { origin: now, begun: AtomicU64::new(0), last: AtomicU64::new(0) }
    }

    /// A commit begins.
    pub(super) fn begin(&self, now: Instant) {
        self.begun.store(self.micros(now) + 1, Ordering::Relaxed);
    }

    /// It is over, whatever became of it.
    pub(super) fn end(&self, now: Instant) {
        self.last.store(self.running(now), Ordering::Relaxed);
        self.begun.store(0, Ordering::Relaxed);
    }

    /// How long a request would wait that has `ahead` others before it. The commit in hand may get stuck, on a slow disk or
    /// behind another process that writes: those after it are then taken to be as slow. Whoever comes while nothing is
    /// stuck and fits into the next commit is never held to wait, so there is always somebody to learn the pace from.
    pub(super) fn expected(&self, ahead: usize, now: Instant) -> Duration {
        let running = self.running(now);
        let commit = running.max(self.last.load(Ordering::Relaxed));
        let commits = u64::try_from(ahead / MAX_BATCH).expect("a mailbox has a bound");
        Duration::from_micros(running.max(commit.saturating_mul(commits)))
    }

    /// How long the commit in hand has taken, in microseconds.
    fn running(&self, now: Instant) -> u64 {
        match self.begun.load(Ordering::Relaxed) {
            0 => 0,
            begun => (self.micros(now) + 1).saturating_sub(begun),
        }
    }

    fn micros(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.origin).as_micros()).unwrap_or(u64::MAX - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_wait_is_what_is_ahead_at_the_pace_of_the_last_commit() {
        let start = Instant::now();
        let pace = Pace::new(start);
        assert_eq!(pace.expected(4096, start), Duration::ZERO, "nothing is known yet");
        pace.begin(start + MS);
        pace.end(start + 21 * MS);
        let expected = |ahead| pace.expected(ahead, start + 100 * MS);
        assert_eq!((expected(0), expected(63)), (Duration::ZERO, Duration::ZERO));
        assert_eq!((expected(64), expected(640)), (20 * MS, 200 * MS));
    }

    #[test]
    fn a_commit_that_is_stuck_is_waited_for_and_sets_the_pace() {
        let start = Instant::now();
        let pace = Pace::new(start);
        pace.begin(start);
        let expected = |ahead| pace.expected(ahead, start + 300 * MS);
        assert_eq!((expected(0), expected(64), expected(200)), (300 * MS, 300 * MS, 900 * MS));
        assert_eq!(pace.expected(0, start + 3300 * MS), 3300 * MS);
        pace.end(start + 3300 * MS);
        assert_eq!(pace.expected(63, start + 3300 * MS), Duration::ZERO, "it is over");
    }
}
