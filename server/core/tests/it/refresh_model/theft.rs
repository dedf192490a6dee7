//! Everything that an owner and a thief of one grant can do, explored to its end.

mod replay;

use std::collections::BTreeSet;

use super::explorer::{Explored, Explorer};
use super::{Expected, Model};
use crate::world::{IDLE, START};

/// Seconds. Two are enough for a within, an exactly and an after; the rule knows no other number.
const WINDOW: i64 = 2;
/// Tokens this old are all alike.
const OLD: i64 = 2;

/// How the model answers; the broken ones show that a hole would be found.
type Rule = fn(&mut Model, i64, i64) -> Expected;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    /// A second passes.
    Tick,
    /// The grant is left idle to its end.
    Sleep,
    /// The thief copies what the owner holds.
    Steal,
    /// The owner presents what they hold; the answer may be lost.
    Owner { lost: bool },
    /// The thief presents the newest of what they have that is this many generations old.
    Thief { old: i64, lost: bool },
    /// An unclean stop so long after the last heartbeat, and a start so much later.
    Crash { behind: i64, away: i64 },
    /// A clean stop and a start.
    Restart,
    /// The server dies before the commit of the owner's request.
    Die,
    /// Another client presents a token, and somebody a broken one.
    Strangers,
    /// A person, a client or an administrator ends the grant.
    End,
}

#[derive(Clone, Debug)]
struct Theft {
    rule: Rule,
    model: Model,
    now: i64,
    /// The generation of the owner's one token.
    owner: i64,
    /// The generations of the thief's.
    thief: BTreeSet<i64>,
    /// Whether somebody presented what only one of two can have: a token two generations old, or a superseded one later
    /// than the window.
    caught: bool,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    alive: bool,
    is_expired: bool,
    caught: bool,
    since: i64,
    retries: i64,
    crash: Option<(i64, i64)>,
    owner: i64,
    thief: BTreeSet<i64>,
}

impl Theft {
    fn new(rule: Rule) -> Self {
        let model = Model::new(START, WINDOW);
        Self { rule, model, now: START, owner: 1, thief: BTreeSet::new(), caught: false }
    }

    /// How old a token is, in generations.
    fn old(&self, generation: i64) -> i64 {
        (self.model.generation - generation).min(OLD)
    }

    fn newest(&self, old: i64) -> Option<i64> {
        self.thief.iter().copied().rev().find(|generation| self.old(*generation) == old)
    }

    fn is_expired(&self) -> bool {
        self.now >= self.model.idle_until
    }

    fn is_over(&self) -> bool {
        !self.model.alive || self.is_expired()
    }

    /// What is presented, and whether its answer is lost.
    fn presented(&self, act: Act) -> Option<(i64, bool)> {
        match act {
            Act::Owner { lost } => Some((self.owner, lost)),
            Act::Thief { old, lost } => self.newest(old).map(|generation| (generation, lost)),
            _ => None,
        }
    }

    /// True if I8 says that this token gives somebody away now.
    fn gives_away(&self, generation: i64) -> bool {
        let late = self.model.counted(self.now) > self.model.rotated_at + WINDOW;
        !self.is_over() && (self.old(generation) >= OLD || self.old(generation) == 1 && late)
    }

    /// What would be answered to this token now.
    fn would(&self, generation: i64) -> bool {
        let answer = (self.rule)(&mut self.model.clone(), generation, self.now);
        matches!(answer, Expected::Rotated | Expected::Repeated)
    }

    /// Whether owner and thief end each other if they take turns, each later than the window: nobody shares a grant.
    fn ends_in_turns(&self) -> bool {
        let mut at = self.clone();
        for turn in 0..3 {
            (0..=2 * WINDOW + 1).for_each(|_| at = at.after(Act::Tick));
            let thief = (0..=OLD).find(|old| at.newest(*old).is_some());
            let Some(old) = thief else { return true };
            at = at.after(if turn == 1 {
                Act::Thief { old, lost: false }
            } else {
                Act::Owner { lost: false }
            });
        }
        at.is_over()
    }
}

impl Explored for Theft {
    type Act = Act;
    type Key = Key;

    fn acts(&self) -> Vec<Act> {
        use Act::{Crash, Die, End, Owner, Restart, Sleep, Steal, Strangers, Thief, Tick};
        let mut acts = vec![Tick, Sleep, Steal, Restart, Die, Strangers, End];
        for lost in [false, true] {
            acts.push(Owner { lost });
            let thief = (0..=OLD).filter(|old| self.newest(*old).is_some());
            acts.extend(thief.map(|old| Thief { old, lost }));
        }
        for away in [0, WINDOW + 1] {
            acts.extend([0, 1].map(|behind| Crash { behind, away }));
        }
        acts
    }

    fn after(&self, act: Act) -> Self {
        let mut next = self.clone();
        match act {
            Act::Tick => next.now += 1,
            Act::Sleep => next.now += IDLE,
            Act::Steal => drop(next.thief.insert(self.owner)),
            Act::Crash { behind, away } => {
                next.now += away;
                next.model.crash = Some((self.now - behind, next.now + WINDOW));
            }
            Act::Restart => next.model.crash = None,
            Act::End => next.model.alive = false,
            Act::Die | Act::Strangers => {}
            Act::Owner { .. } | Act::Thief { .. } => {
                let Some((generation, lost)) = self.presented(act) else { return next };
                next.caught |= self.gives_away(generation);
                let answer = (self.rule)(&mut next.model, generation, self.now);
                if matches!(answer, Expected::Rotated | Expected::Repeated) && !lost {
                    let newest = next.model.generation;
                    match act {
                        Act::Owner { .. } => next.owner = newest,
                        _ => drop(next.thief.insert(newest)),
                    }
                }
            }
        }
        next
    }

    fn key(&self) -> Key {
        let Model { rotated_at, alive, crash, .. } = self.model;
        // A token from before the rotation is from before it by any time.
        let counts = crash.filter(|(_, until)| self.now <= *until && !self.is_over());
        let since = if self.is_over() { 0 } else { (self.now - rotated_at).min(WINDOW + 1) };
        Key {
            alive,
            is_expired: self.is_expired(),
            caught: self.caught,
            since,
            retries: if self.is_over() { 0 } else { self.model.retries.min(1) },
            crash: counts.map(|(seen, until)| ((seen - rotated_at).clamp(-1, WINDOW + 1), until - self.now)),
            owner: self.old(self.owner),
            thief: self.thief.iter().map(|generation| self.old(*generation)).collect(),
        }
    }

    fn wrong(&self, before: &Self, act: Act) -> Option<&'static str> {
        let (was, is) = (&before.model, &self.model);
        let mut held = self.thief.iter().chain([&self.owner]);
        let alone = before.thief.is_empty();
        let presented = before.presented(act);
        let steps = is.generation - was.generation;
        let moved = (is.rotated_at, is.idle_until) != (was.rotated_at, was.idle_until);
        if self.caught && held.clone().any(|generation| self.would(*generation)) {
            return Some("I8: somebody was caught, and a token still works");
        }
        if !self.model.alive && held.any(|generation| self.would(*generation)) {
            return Some("I3: the grant has ended, and a token still works");
        }
        if !(0..=1).contains(&steps) || steps == 1 && presented.is_none_or(|(of, _)| of != was.generation) {
            return Some("I1: a generation is left by its own token only, and once");
        }
        if moved && steps == 0 {
            return Some("I6: a retry extends something");
        }
        if is.reuses > 1 || is.reuses > was.reuses && !presented.is_some_and(|(of, _)| before.gives_away(of))
        {
            return Some("I4, I9: reuse is seen once, where it is");
        }
        if alone && self.old(self.owner) >= OLD {
            return Some("I7: an owner without a thief falls behind");
        }
        if let (Act::Owner { .. }, Some((of, _)), true) = (act, presented, alone) {
            let answered = before.is_over() || before.gives_away(of) || before.would(of);
            if !answered {
                return Some("I7: an owner without a thief, within the window, is refused");
            }
        }
        if !self.is_over() && !self.thief.is_empty() && !self.ends_in_turns() {
            return Some("I8: owner and thief share a grant for good");
        }
        None
    }
}

fn explored(rule: Rule) -> Result<Explorer<Theft>, (&'static str, Vec<Act>)> {
    Explorer::explore(Theft::new(rule))
}

#[test]
fn i8_adv_03_nothing_that_owner_and_thief_can_do_breaks_an_invariant() {
    let all = explored(Model::present).unwrap_or_else(|(wrong, way)| panic!("{wrong}: {way:?}"));
    // All that can happen, not the beginning of it: thefts, both ends, and each side caught.
    assert!(all.found.len() > 500 && all.transitions > 5000, "{} {}", all.found.len(), all.transitions);
    assert!(all.found.iter().any(|found| found.state.caught));
}

/// Rules with one thing wrong, and the invariant that they break.
const BROKEN: [(&str, Rule, &str); 5] = [
    (
        "reuse is refused and forgotten",
        |model, generation, now| {
            let alive = model.alive;
            let answer = model.present(generation, now);
            model.alive = alive;
            answer
        },
        "I8",
    ),
    (
        "only tokens two generations old are reuse",
        |model, generation, now| {
            if generation == model.generation - 1 && model.counted(now) > model.rotated_at + model.window {
                return Expected::Refused;
            }
            model.present(generation, now)
        },
        "I8",
    ),
    (
        "a retry rotates again",
        |model, generation, now| {
            let answer = model.present(generation, now);
            if answer == Expected::Repeated {
                model.generation += 1;
            }
            answer
        },
        "I1",
    ),
    (
        "a retry moves the window",
        |model, generation, now| {
            let answer = model.present(generation, now);
            if answer == Expected::Repeated {
                model.rotated_at = now;
            }
            answer
        },
        "I6",
    ),
    (
        "there is no window",
        |model, generation, now| {
            model.window = -IDLE;
            let answer = model.present(generation, now);
            model.window = WINDOW;
            answer
        },
        "I4",
    ),
];

#[test]
fn a_broken_rule_is_found() {
    for (name, rule, invariant) in BROKEN {
        let (wrong, way) = explored(rule).err().unwrap_or_else(|| panic!("{name} was not found"));
        assert!(wrong.starts_with(invariant), "{name}: {wrong}: {way:?}");
    }
}
