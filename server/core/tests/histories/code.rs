//! An authorization code, one request after the other (RFC 6749 4.1.2, and the end of the design's rules for refresh).

use todc_utils::Specification;

/// Seconds that a code lives, and in which a client that lost the answer may repeat itself without harm.
const LIFETIME: i64 = 60;
const REPEAT: i64 = 10;

#[derive(Clone, Debug)]
pub enum Operation {
    /// Its client redeems it, with a verifier that fits or not; whether it got tokens.
    Redeem { fits: bool, granted: bool },
    /// Whether the access token that came of it is live.
    Live(bool),
    /// CRITICAL audit events about what came of it.
    Alarms(i64),
    /// The clock moves by these seconds.
    Wait(i64),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    now: i64,
    used_at: Option<i64>,
    is_replayed: bool,
}

pub struct Code;

impl Specification for Code {
    type State = State;
    type Operation = Operation;

    fn init() -> State {
        State { now: 0, used_at: None, is_replayed: false }
    }

    fn apply(operation: &Operation, state: &State) -> (bool, State) {
        let mut next = state.clone();
        let is_right = match *operation {
            Operation::Redeem { fits: false, granted } => !granted,
            Operation::Redeem { fits: true, granted } => match state.used_at {
                None if state.now < LIFETIME => {
                    next.used_at = Some(state.now);
                    granted
                }
                None => !granted,
                Some(used_at) => {
                    next.is_replayed |= state.now > used_at + REPEAT;
                    !granted
                }
            },
            Operation::Live(is_live) => is_live == (state.used_at.is_some() && !state.is_replayed),
            Operation::Alarms(count) => count == i64::from(state.is_replayed),
            Operation::Wait(seconds) => {
                next.now += seconds;
                true
            }
        };
        (is_right, next)
    }
}
