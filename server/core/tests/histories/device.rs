//! A device code, one request after the other (RFC 8628 3.4, 3.5).

use todc_utils::Specification;

const LIFETIME: i64 = 1800;
const REPEAT: i64 = 10;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Polled {
    Tokens,
    Pending,
    Denied,
    Expired,
    /// `invalid_grant`.
    Refused,
}

#[derive(Clone, Debug)]
pub enum Operation {
    /// A person says yes or no; whether it counted.
    Decide { yes: bool, counted: bool },
    /// What its client learnt.
    Poll(Polled),
    /// Whether the access token that came of it is live.
    Live(bool),
    /// The clock moves by these seconds.
    Wait(i64),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    now: i64,
    decided: Option<bool>,
    used_at: Option<i64>,
    is_replayed: bool,
}

pub struct Device;

impl Device {
    fn poll(state: &mut State) -> Polled {
        match (state.used_at, state.decided) {
            (Some(used_at), _) => {
                state.is_replayed |= state.now > used_at + REPEAT;
                Polled::Refused
            }
            _ if state.now >= LIFETIME => Polled::Expired,
            (None, None) => Polled::Pending,
            (None, Some(false)) => Polled::Denied,
            (None, Some(true)) => {
                state.used_at = Some(state.now);
                Polled::Tokens
            }
        }
    }
}

impl Specification for Device {
    type State = State;
    type Operation = Operation;

    fn init() -> State {
        State { now: 0, decided: None, used_at: None, is_replayed: false }
    }

    fn apply(operation: &Operation, state: &State) -> (bool, State) {
        let mut next = state.clone();
        let is_right = match *operation {
            Operation::Decide { yes, counted } => {
                let counts = state.decided.is_none() && state.now < LIFETIME;
                if counts {
                    next.decided = Some(yes);
                }
                counted == counts
            }
            Operation::Poll(answer) => answer == Device::poll(&mut next),
            Operation::Live(is_live) => is_live == (state.used_at.is_some() && !state.is_replayed),
            Operation::Wait(seconds) => {
                next.now += seconds;
                true
            }
        };
        (is_right, next)
    }
}
