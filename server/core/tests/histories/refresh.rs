//! A grant's refresh tokens, one request after the other: rotation, safe retry, reuse (I1 to I4, I6), and those that
//! stay the same.

use todc_utils::Specification;

/// Seconds in which a token's parent is answered again.
const WINDOW: i64 = 60;

#[derive(Clone, Debug)]
pub enum Operation {
    /// A token of this generation is presented; the generation that the answer carries, if there is one.
    Present { generation: i64, carries: Option<i64> },
    /// The client gives its refresh token back, of whatever generation.
    Revoke,
    /// Whether an access token of the grant is live.
    Live(bool),
    /// CRITICAL audit events about the grant.
    Alarms(i64),
    /// The clock moves by these seconds.
    Wait(i64),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    now: i64,
    is_active: bool,
    generation: i64,
    rotated_at: i64,
    alarms: i64,
}

/// `ROTATING` or not.
pub struct Refresh<const ROTATING: bool>;

impl<const ROTATING: bool> Refresh<ROTATING> {
    fn present(state: &mut State, generation: i64) -> Option<i64> {
        if !state.is_active {
            return None;
        }
        let (newest, is_late) = (state.generation, state.now > state.rotated_at + WINDOW);
        if generation == newest && ROTATING {
            state.generation += 1;
            state.rotated_at = state.now;
        } else if generation != newest && (generation != newest - 1 || is_late) {
            state.is_active = false;
            state.alarms += 1;
            return None;
        }
        Some(state.generation)
    }
}

impl<const ROTATING: bool> Specification for Refresh<ROTATING> {
    type State = State;
    type Operation = Operation;

    fn init() -> State {
        State { now: 0, is_active: true, generation: 1, rotated_at: 0, alarms: 0 }
    }

    fn apply(operation: &Operation, state: &State) -> (bool, State) {
        let mut next = state.clone();
        let is_right = match *operation {
            Operation::Present { generation, carries } => carries == Self::present(&mut next, generation),
            Operation::Revoke => {
                next.is_active = false;
                true
            }
            Operation::Live(is_live) => is_live == state.is_active,
            Operation::Alarms(count) => count == state.alarms,
            Operation::Wait(seconds) => {
                next.now += seconds;
                true
            }
        };
        (is_right, next)
    }
}
