//! What a person allows a client, one decision after the other: at most one record, which grows and has one id for life.

use todc_utils::Specification;

/// Scopes as bits.
pub type Scopes = u8;
/// Records in the order in which they were seen.
pub type Id = usize;

#[derive(Clone, Debug)]
pub enum Operation {
    /// The person allows scopes; the record that this is in, and all that stands there.
    Grant { scopes: Scopes, record: (Id, Scopes) },
    /// The person takes a record back; whether it was there to be taken back.
    Withdraw { id: Id, happened: bool },
    /// What the list of permissions shows.
    Read(Option<(Id, Scopes)>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    active: Option<(Id, Scopes)>,
    over: Vec<Id>,
}

pub struct Consent;

impl Specification for Consent {
    type State = State;
    type Operation = Operation;

    fn init() -> State {
        State { active: None, over: Vec::new() }
    }

    fn apply(operation: &Operation, state: &State) -> (bool, State) {
        let mut next = state.clone();
        let is_right = match *operation {
            Operation::Grant { scopes, record } => {
                next.active = Some(record);
                match state.active {
                    Some((id, held)) => record == (id, held | scopes),
                    None => record.1 == scopes && !state.over.contains(&record.0),
                }
            }
            Operation::Withdraw { id, happened } => {
                let happens = state.active.is_some_and(|(active, _)| active == id);
                if happens {
                    next.active = None;
                    next.over.push(id);
                }
                happened == happens
            }
            Operation::Read(shown) => shown == state.active,
        };
        (is_right, next)
    }
}
