//! Core and actors under a schedule, faults included, that is a function of one number.
//!
//! Everything runs on one thread with virtual time: actors, clients, and a saboteur who refuses commits, fills the disk,
//! makes actors panic and moves the clock. A run goes through several lives of a server over one store, each ended by a
//! stop or in the middle of things. What every client was answered is compared with what is stored, then and at the end.

mod administrator;
mod application;
mod browser;
mod check;
mod clock;
mod faults;
mod known;
mod life;
mod lives;
mod revocation;
mod run;
#[path = "../../server/core/tests/it/seeded.rs"]
mod seeded;
mod steps;
mod television;
mod template;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::available_parallelism;

use lives::play;
use run::Played;
use template::Template;

/// Seeds of a normal run; `make prove` asks for more in `AUTHGATE_SEEDS`.
const SEEDS: u64 = 500;

/// What many runs have seen, or they show nothing.
const HAPPENS: [&str; 48] = [
    "fault: a crash between commit and answer",
    "fault: a crash in a transaction",
    "fault: a panic between commit and answer",
    "fault: a panic in a transaction",
    "fault: audit panics",
    "fault: audit stalls",
    "fault: commits are durable and denied",
    "fault: commits are refused",
    "fault: devices panics",
    "fault: devices stalls",
    "fault: issuer panics",
    "fault: issuer stalls",
    "fault: limiter panics",
    "fault: limiter stalls",
    "fault: the clock jumps ahead",
    "fault: the clock jumps back",
    "fault: the disk is full",
    "fault: the spool is gone",
    "fault: the store is busy",
    "crash",
    "stop",
    "allow Done",
    "allow Refused",
    "approve Done",
    "approve Refused",
    "attempt allowed",
    "client credentials Done",
    "client status Done",
    "deny Done",
    "event Done",
    "event Refused",
    "give back Done",
    "poll Done",
    "poll Kept",
    "poll pending",
    "poll too soon",
    "present live",
    "present revoked",
    "redeem Done",
    "redeem Kept",
    "redeem Refused",
    "redeem Unknown",
    "refresh Done",
    "refresh Kept",
    "refresh Refused",
    "reset password Done",
    "sign out Done",
    "withdraw Done",
];

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// Panics with the whole story, and how to have it again, if something was not as it must be.
fn judge(seed: u64, played: &Played) {
    if let [first, ..] = &*played.violations {
        let story = played.log.join("\n");
        panic!(
            "{story}\nseed {seed}: {first}\nAUTHGATE_SEED={seed} cargo test -p authgate-actors simulation"
        );
    }
}

#[test]
fn every_invariant_holds_in_every_schedule() {
    let template = Arc::new(Template::new());
    if let Some(seed) = number("AUTHGATE_SEED") {
        let played = play(&template, seed);
        played.log.iter().for_each(|line| println!("{line}"));
        return judge(seed, &played);
    }
    let seeds = number("AUTHGATE_SEEDS").unwrap_or(SEEDS);
    let counts = every(seeds, &template);
    println!("{counts:#?}");
    let missing: Vec<_> = HAPPENS.iter().filter(|what| !counts.contains_key(**what)).collect();
    assert!(seeds < SEEDS || missing.is_empty(), "never happened: {missing:?}");
}

/// Plays the seeds on all processors, each on one thread, and returns what happened how often.
fn every(seeds: u64, template: &Arc<Template>) -> BTreeMap<String, u64> {
    let next = AtomicU64::new(0);
    let counts = Mutex::new(BTreeMap::new());
    let work = || {
        let mine = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < seeds);
        while let Some(seed) = mine() {
            let played = play(template, seed);
            if !played.violations.is_empty() {
                // One story is enough.
                next.store(seeds, Ordering::Relaxed);
            }
            judge(seed, &played);
            let mut counts = counts.lock().unwrap();
            for (what, count) in played.counts {
                *counts.entry(what).or_default() += count;
            }
        }
    };
    std::thread::scope(|scope| {
        (0..available_parallelism().map_or(1, NonZero::get)).for_each(|_| drop(scope.spawn(work)));
    });
    counts.into_inner().unwrap()
}

#[test]
fn a_seed_decides_everything() {
    let template = Arc::new(Template::new());
    for seed in 0..20 {
        let [first, second] = [(); 2].map(|()| play(&template, seed));
        assert_eq!(first.log, second.log, "seed {seed}");
    }
}
