//! When to stop restarting.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Panics without a success between them after which an actor is given up: whatever it meets first after a restart
/// breaks it. A request that poisons it now and then, among requests that succeed, never gets there.
const GIVE_UP: usize = 5;
/// Panics longer ago than this do not count.
const WITHIN: Duration = Duration::from_mins(1);
/// The pause after the first panic; it doubles with each. Short, because everybody's requests wait meanwhile.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// The recent panics since the last success.
#[derive(Default)]
pub(super) struct Streak {
    panics: VecDeque<Instant>,
    successes: u64,
}

impl Streak {
    /// Notes a panic at `now`, when the actor had finished `successes` messages in its life. How long to wait before
    /// the restart, or `None` to give up.
    pub(super) fn panicked(&mut self, now: Instant, successes: u64) -> Option<Duration> {
        if successes != self.successes {
            self.successes = successes;
            self.panics.clear();
        }
        self.panics.retain(|panic| now.duration_since(*panic) < WITHIN);
        self.panics.push_back(now);
        let doublings = u32::try_from(self.panics.len() - 1).expect("at most five");
        (self.panics.len() < GIVE_UP).then(|| FIRST_PAUSE * 2u32.pow(doublings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute_apart(count: u32) -> impl Iterator<Item = Instant> {
        let start = Instant::now();
        (0..count).map(move |n| start + WITHIN * n)
    }

    #[test]
    fn the_fifth_panic_in_a_row_gives_up() {
        let mut streak = Streak::default();
        let now = Instant::now();
        let pauses: Vec<_> = (0..5).map(|_| streak.panicked(now, 7).map(|pause| pause.as_millis())).collect();
        assert_eq!(pauses, [Some(10), Some(20), Some(40), Some(80), None]);
    }

    #[test]
    fn a_success_between_starts_again() {
        let mut streak = Streak::default();
        let now = Instant::now();
        assert!((0..1000).all(|successes| streak.panicked(now, successes) == Some(FIRST_PAUSE)));
    }

    #[test]
    fn panics_a_minute_apart_do_not_add_up() {
        let mut streak = Streak::default();
        assert!(minute_apart(100).all(|now| streak.panicked(now, 0) == Some(FIRST_PAUSE)));
    }
}
