use super::*;
use crate::supervisor::tests::{Crash, health, run, survives_a_panic_under_load, testable};

testable!(Windows, Limiter, |limiter| &limiter.mailbox);

const NOW: i64 = 1_700_000_040_000; // the start of a minute

fn a_minute(limit: u32) -> Allowance {
    Allowance { limit, window: 60 }
}

fn take(windows: &mut Windows, key: &str, now_ms: i64) -> Verdict {
    windows.take(Take { bucket: ("login", key.to_owned()), attempts: 1, allowance: a_minute(5), now_ms }).0
}

fn look(windows: &mut Windows, key: &str) -> Verdict {
    let take = Take { bucket: ("login", key.to_owned()), attempts: 0, allowance: a_minute(5), now_ms: NOW };
    windows.take(take).0
}

/// How many of `attempts` are allowed.
fn allowed(windows: &mut Windows, key: &str, attempts: usize) -> usize {
    (0..attempts).filter(|_| take(windows, key, NOW).allowed).count()
}

/// Fills the window with other people.
fn flood(windows: &mut Windows) {
    for n in 0..MAX_BUCKETS + 50_000 {
        take(windows, &n.to_string(), NOW);
    }
}

#[test]
fn looking_counts_nothing() {
    let windows = &mut Windows::default();
    for n in 0..1000 {
        assert!(look(windows, &n.to_string()).allowed);
    }
    assert!(windows.0[&60].counts.is_empty(), "and takes no room");
    assert_eq!((look(windows, "a").remaining, look(windows, "a").remaining), (5, 5));
    assert_eq!(allowed(windows, "a", 6), 5);
    assert_eq!((look(windows, "a").allowed, look(windows, "a").remaining), (false, 0));
}

#[test]
fn the_limit_holds_until_the_minute_ends() {
    let windows = &mut Windows::default();
    let reset = NOW / 1000 + 60;
    let verdict = |remaining, refused| Verdict { allowed: refused == 0, limit: 5, remaining, reset, refused };
    for remaining in [4, 3, 2, 1, 0] {
        assert_eq!(take(windows, "a", NOW), verdict(remaining, 0));
    }
    assert_eq!(take(windows, "a", NOW), verdict(0, 1));
    assert_eq!(take(windows, "a", NOW + 59_999), verdict(0, 2));
    assert!(take(windows, "b", NOW).allowed, "another key");
    let other = Take { bucket: ("token", "a".to_owned()), attempts: 1, allowance: a_minute(1), now_ms: NOW };
    assert!(windows.take(other).0.allowed, "another rule");
    assert_eq!(take(windows, "a", NOW + 60_000), Verdict { reset: reset + 60, ..verdict(4, 0) });
}

#[test]
fn each_rule_has_windows_of_its_own_length() {
    let windows = &mut Windows::default();
    let mut take = |rule, window, now_ms| {
        let allowance = Allowance { limit: 1, window };
        windows.take(Take { bucket: (rule, "a".to_owned()), attempts: 1, allowance, now_ms }).0
    };
    let start = 1_700_000_400_000; // a multiple of ten minutes
    assert!(take("short", 60, start).allowed && take("long", 600, start).allowed);
    assert!(take("short", 60, start + 60_000).allowed, "the next minute");
    let verdict = take("long", 600, start + 599_999);
    assert_eq!((verdict.allowed, verdict.reset), (false, start / 1000 + 600));
    assert!(take("long", 600, start + 600_000).allowed);
    windows.give_back(&("long", "a".to_owned()));
    assert_eq!(windows.0[&600].counts[&("long", "a".to_owned())].taken, 0);
    assert_eq!(windows.0[&60].counts[&("short", "a".to_owned())].taken, 1, "another rule's count stays");
}

#[test]
fn sixteen_racing_guesses_do_not_pass_before_the_first_failure_is_counted() {
    run(async {
        let limiter = Limiter::start(&health());
        let guesses: Vec<_> = (0..16)
            .map(|_| {
                let limiter = limiter.clone();
                actix::spawn(async move {
                    limiter.take("login", "a".to_owned(), a_minute(5), NOW).await.unwrap().allowed
                })
            })
            .collect();
        let mut passed = 0;
        for guess in guesses {
            passed += u32::from(guess.await.unwrap());
        }
        assert_eq!(passed, 5);
    });
}

#[test]
fn what_counts_is_failures() {
    run(async {
        let limiter = Limiter::start(&health());
        let take = async || limiter.take("login", "a".to_owned(), a_minute(2), NOW).await.unwrap();
        for _ in 0..10 {
            assert_eq!(take().await.remaining, 1);
            limiter.give_back("login", "a".to_owned());
        }
        assert_eq!([take().await.allowed, take().await.allowed, take().await.allowed], [true, true, false]);
        limiter.give_back("login", "a".to_owned());
        assert!(take().await.allowed, "the refused attempt was not counted");
        limiter.give_back("login", "never seen".to_owned());
        let other = limiter.take("login", "never seen".to_owned(), a_minute(1), NOW).await.unwrap();
        assert_eq!((other.allowed, other.remaining), (true, 0), "nothing is given that was not taken");
    });
}

#[test]
fn a_flood_of_addresses_lets_nobody_through_who_is_over_the_limit() {
    let windows = &mut Windows::default();
    assert_eq!(allowed(windows, "victim", 9), 5);
    flood(windows);
    assert_eq!(allowed(windows, "victim", 9), 0);
    assert!(windows.0[&60].counts.len() <= MAX_BUCKETS + usize::try_from(SHARED).unwrap());
}

#[test]
fn a_newcomer_in_a_flood_never_gets_more_than_the_limit() {
    let windows = &mut Windows::default();
    flood(windows);
    let newcomers = 5_000;
    let passed: usize = (0..newcomers).map(|n| allowed(windows, &format!("new {n}"), 6)).sum();
    assert!(passed <= usize::try_from(SHARED).unwrap() * 5, "{passed}");
}

#[test]
fn a_key_given_back_before_a_flood_is_counted_in_one_place() {
    let windows = &mut Windows::default();
    assert_eq!(allowed(windows, "a", 1), 1);
    windows.give_back(&("login", "a".to_owned()));
    flood(windows);
    assert_eq!(allowed(windows, "a", 9), 5);
}

#[test]
fn adv_15_a_long_key_takes_no_more_room_than_a_name() {
    run(async {
        let limiter = Limiter::start(&health());
        let take = async |key: String| limiter.take("login", key, a_minute(2), NOW).await.unwrap().remaining;
        let long = "\u{e9}".repeat(100_000);
        assert_eq!(take(long.clone()).await, 1);
        assert_eq!(take(long[..MAX_KEY].to_owned()).await, 0, "what is cut off does not tell them apart");
    });
}

#[test]
fn memory_is_free_again_with_the_next_minute() {
    let windows = &mut Windows::default();
    flood(windows);
    assert!(take(windows, "a", NOW + 60_000).allowed);
    assert_eq!(windows.0[&60].counts.len(), 1);
    assert!(windows.0[&60].counts.capacity() < 100);
}

#[test]
fn a_message_that_crosses_the_minute_counts_and_a_clock_set_back_begins_anew() {
    let windows = &mut Windows::default();
    assert_eq!(take(windows, "a", NOW).remaining, 4);
    assert_eq!(take(windows, "a", NOW - 1).remaining, 3);
    let earlier = NOW - 3_600_000;
    assert_eq!(
        take(windows, "a", earlier),
        Verdict { allowed: true, limit: 5, remaining: 4, reset: earlier / 1000 + 60, refused: 0 }
    );
}

#[test]
fn limiter_panics_under_load_and_comes_back() {
    run(async {
        let health = health();
        let limiter = Limiter::start(&health);
        survives_a_panic_under_load(&health, &limiter.mailbox, |n| {
            let limiter = limiter.clone();
            async move {
                limiter
                    .take("login", n.to_string(), a_minute(5), NOW)
                    .await
                    .is_ok_and(|verdict| verdict.allowed)
            }
        })
        .await;
        assert_eq!(limiter.mailbox.ask(Crash).await, Err(Refused::Lost));
        assert_eq!(
            limiter.take("login", "1".to_owned(), a_minute(5), NOW).await.unwrap().remaining,
            4,
            "it starts empty"
        );
    });
}

/// What a lease of a part of `limit` says, attempt by attempt, and how many messages that took.
fn leased(limit: u32, attempts: usize) -> (Vec<Verdict>, u32) {
    let (leases, windows, allowance) = (Leases::default(), &mut Windows::default(), a_minute(limit));
    let (bucket, mut messages) = (("token", "a".to_owned()), 0);
    let verdicts = (0..attempts).map(|_| {
        leases.take(&bucket, allowance, 1, NOW).unwrap_or_else(|| {
            messages += 1;
            let attempts = leases.ask(&bucket, allowance, NOW);
            let take = Take { bucket: bucket.clone(), attempts, allowance, now_ms: NOW };
            let (verdict, granted) = windows.take(take);
            if attempts > 1 { leases.put(bucket.clone(), verdict, granted) } else { verdict }
        })
    });
    (verdicts.collect(), messages)
}

#[test]
fn a_lease_counts_like_the_actor_and_costs_a_message_for_each_part() {
    let (verdicts, messages) = leased(640, 642);
    for (verdict, remaining) in verdicts.iter().zip((0..640).rev()) {
        assert_eq!((verdict.allowed, verdict.remaining), (true, remaining));
    }
    assert_eq!((verdicts[640].allowed, verdicts[640].remaining, verdicts[640].refused), (false, 0, 1));
    assert_eq!((verdicts[641].allowed, verdicts[641].refused), (false, 2));
    assert_eq!(messages, 64 + 2, "and one for each that is refused");
    assert_eq!(leased(127, 100).1, 100, "a low limit has none");
}

#[test]
fn a_lease_ends_with_its_window_and_whoever_looks_takes_nothing() {
    let (leases, bucket, allowance) = (Leases::default(), ("token", "a".to_owned()), a_minute(640));
    let counter = Verdict { allowed: true, limit: 640, remaining: 630, reset: NOW / 1000 + 60, refused: 0 };
    assert_eq!(leases.put(bucket.clone(), counter, 10).remaining, 639);
    let take = |attempts, now_ms| leases.take(&bucket, allowance, attempts, now_ms).map(|v| v.remaining);
    assert_eq!((take(0, NOW), take(0, NOW), take(1, NOW)), (Some(639), Some(639), Some(638)));
    assert_eq!((take(1, NOW + 59_999), take(1, NOW + 60_000), take(1, NOW)), (Some(637), None, None));
}

#[test]
fn one_message_at_a_time_asks_for_a_part() {
    let (leases, bucket, allowance) = (Leases::default(), ("token", "a".to_owned()), a_minute(640));
    assert_eq!(leases.ask(&bucket, allowance, NOW), 10);
    assert_eq!(leases.ask(&bucket, allowance, NOW), 1, "the others would use the window up");
    assert_eq!(leases.take(&bucket, allowance, 1, NOW), None, "nothing is there yet");
    leases.give_up(&bucket);
    assert_eq!(leases.ask(&bucket, allowance, NOW), 10, "nothing came of the first");
}

#[test]
fn requests_at_once_have_the_whole_limit_but_for_what_one_part_leaves() {
    run(async {
        let limiter = Limiter::start(&health());
        let tries: Vec<_> = (0..640)
            .map(|_| {
                let limiter = limiter.clone();
                actix::spawn(async move {
                    limiter.take("token", "a".to_owned(), a_minute(640), NOW).await.unwrap().allowed
                })
            })
            .collect();
        let mut passed = 0;
        for attempt in tries {
            passed += u32::from(attempt.await.unwrap());
        }
        assert!((631..=640).contains(&passed), "{passed}");
    });
}

#[test]
fn leases_are_bounded() {
    let (leases, allowance) = (Leases::default(), a_minute(640));
    let ask = |n: usize, now_ms| leases.ask(&("token", n.to_string()), allowance, now_ms);
    assert!((0..10_000).all(|n| ask(n, NOW) == 10));
    assert_eq!(ask(10_000, NOW), 1, "there is no room for another");
    assert_eq!(ask(10_001, NOW + 60_000), 10, "those of the last window make room");
}
