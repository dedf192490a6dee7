use super::*;
use crate::supervisor::tests::{Crash, health, run, survives_a_panic_under_load, testable};

testable!(PollClock, Devices, |devices| &devices.mailbox);

/// Far later than any poll in these tests.
const LATER: i64 = 1_000_000;

fn poll(clock: &mut PollClock, code_id: &str, interval: i64, now_ms: i64) -> Pace {
    clock.poll(Poll { code_id: code_id.to_owned(), interval, expires_at: LATER, now_ms })
}

#[test]
fn rfc8628_3_5_each_poll_that_is_too_soon_adds_five_seconds() {
    let clock = &mut PollClock::default();
    assert_eq!(poll(clock, "a", 5, 0), Pace::Ready);
    assert_eq!(poll(clock, "a", 5, 3_999), Pace::TooSoon { interval: 10 });
    assert_eq!(poll(clock, "a", 5, 12_998), Pace::TooSoon { interval: 15 });
    assert_eq!(poll(clock, "a", 5, 12_998), Pace::TooSoon { interval: 20 });
}

#[test]
fn d10_a_second_too_soon_is_tolerated_and_the_grown_interval_stays() {
    let clock = &mut PollClock::default();
    assert_eq!(poll(clock, "a", 5, 0), Pace::Ready);
    assert_eq!(poll(clock, "a", 5, 4_000), Pace::Ready);
    assert_eq!(poll(clock, "a", 5, 5_000), Pace::TooSoon { interval: 10 });
    assert_eq!(poll(clock, "a", 5, 14_000), Pace::Ready);
    assert_eq!(poll(clock, "a", 5, 19_000), Pace::TooSoon { interval: 15 });
}

#[test]
fn the_stored_interval_holds_if_it_is_larger() {
    let clock = &mut PollClock::default();
    assert_eq!(poll(clock, "a", 5, 0), Pace::Ready);
    assert_eq!(poll(clock, "a", 30, 20_000), Pace::TooSoon { interval: 35 });
    assert_eq!(poll(clock, "b", 30, 20_000), Pace::Ready, "another code has a clock of its own");
}

#[test]
fn hostile_numbers_do_not_overflow() {
    let clock = &mut PollClock::default();
    assert_eq!(poll(clock, "a", i64::MAX, 0), Pace::Ready);
    assert_eq!(poll(clock, "a", i64::MAX, 1), Pace::TooSoon { interval: i64::MAX });
}

#[test]
fn a_forgotten_code_leaves_nothing_behind() {
    let clock = &mut PollClock::default();
    poll(clock, "a", 5, 0);
    clock.forget("a");
    clock.forget("unknown");
    assert!(clock.codes.is_empty() && clock.by_expiry.is_empty());
    assert_eq!(poll(clock, "a", 5, 1), Pace::Ready);
}

#[test]
fn expired_codes_go_two_with_each_poll() {
    let clock = &mut PollClock::default();
    for n in 0..1000 {
        clock.poll(Poll { code_id: n.to_string(), interval: 5, expires_at: 10, now_ms: 0 });
    }
    for left in (0..500).map(|polls| 1000 - 2 * polls) {
        assert_eq!(clock.codes.len() - usize::from(clock.codes.contains_key("a")), left);
        poll(clock, "a", 5, 10_000);
    }
    assert_eq!(clock.codes.len(), 1);
    assert_eq!(clock.by_expiry.len(), 1);
}

#[test]
fn a_flood_of_codes_forgets_those_that_expire_first() {
    let clock = &mut PollClock::default();
    let flood = |from: i64, to: i64, clock: &mut PollClock| {
        for n in from..to {
            clock.poll(Poll { code_id: n.to_string(), interval: 5, expires_at: LATER + n, now_ms: 0 });
        }
    };
    let most = i64::try_from(MAX_CODES).unwrap();
    flood(0, most + 500, clock);
    assert_eq!((clock.codes.len(), clock.by_expiry.len()), (MAX_CODES, MAX_CODES));
    assert!(!clock.codes.contains_key("499"));
    assert_eq!(poll(clock, "500", 5, 1), Pace::TooSoon { interval: 10 }, "the others are still paced");
}

#[test]
fn devices_panic_under_load_and_come_back() {
    run(async {
        let health = health();
        let devices = Devices::start(&health);
        survives_a_panic_under_load(&health, &devices.mailbox, |n| {
            let devices = devices.clone();
            async move { devices.poll(n.to_string(), 5, LATER, 0).await == Ok(Pace::Ready) }
        })
        .await;
    });
}

#[test]
fn the_first_poll_after_a_restart_is_ready() {
    run(async {
        let devices = Devices::start(&health());
        let poll = async || devices.poll("a".to_owned(), 5, LATER, 0).await;
        assert_eq!(poll().await, Ok(Pace::Ready));
        assert_eq!(poll().await, Ok(Pace::TooSoon { interval: 10 }));
        assert_eq!(devices.mailbox.ask(Crash).await, Err(Refused::Lost));
        assert_eq!(poll().await, Ok(Pace::Ready));
        devices.forget("a".to_owned());
        assert_eq!(poll().await, Ok(Pace::Ready));
    });
}
