//! A person, a client that keeps its refresh tokens, and everything that is issued and revoked between them, one
//! request after the other. Whatever a revocation ends stays over, also when its cause is undone.

use std::collections::{BTreeMap, BTreeSet};

use todc_utils::Specification;

/// Codes, and the grants that they become, in the order in which they were seen.
pub type Grant = usize;
/// Access tokens in the order in which they were seen.
pub type Token = usize;

#[derive(Clone, Debug)]
pub enum Operation {
    /// The person allows the client something; the code, if they may.
    Allow(Option<Grant>),
    /// The client redeems a code; its access token.
    Redeem(Grant, Option<Token>),
    /// The client refreshes; its access token.
    Refresh(Grant, Option<Token>),
    /// The client asks for a token of its own (RFC 6749 4.4).
    Machine(Option<Token>),
    /// Whether an access token is live.
    Live(Token, bool),
    /// The client gives an access token back; whether the client is still one.
    Revoke(Token, bool),
    /// The client gives a refresh token back.
    RevokeGrant(Grant, bool),
    /// The person takes their consent back.
    Withdraw,
    /// An operator switches the person on or off; whether that was a change.
    SwitchUser { on: bool, happened: bool },
    /// The same with the client.
    SwitchClient { on: bool, happened: bool },
    /// An operator ends what the client has.
    RevokeAll,
    /// An operator deletes the client.
    Delete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Client {
    On,
    Off,
    Gone,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    has_user: bool,
    client: Client,
    codes: BTreeSet<Grant>,
    grants: BTreeSet<Grant>,
    /// Tokens that were not given back, each with its grant; none for the client's own.
    tokens: BTreeMap<Token, Option<Grant>>,
}

impl State {
    fn issue(&mut self, answer: Option<Token>, is_due: bool, of: Option<Grant>) -> bool {
        if is_due && let Some(token) = answer {
            return self.tokens.insert(token, of).is_none();
        }
        answer.is_some() == is_due
    }

    fn end_grants(&mut self) {
        self.codes.clear();
        self.grants.clear();
        self.tokens.retain(|_, grant| grant.is_none());
    }

    fn end_all(&mut self) {
        self.end_grants();
        self.tokens.clear();
    }
}

pub struct Revocation;

impl Specification for Revocation {
    type State = State;
    type Operation = Operation;

    fn init() -> State {
        State {
            has_user: true,
            client: Client::On,
            codes: BTreeSet::new(),
            grants: BTreeSet::new(),
            tokens: BTreeMap::new(),
        }
    }

    fn apply(operation: &Operation, state: &State) -> (bool, State) {
        let has_client = state.client == Client::On;
        let mut next = state.clone();
        let is_right = match *operation {
            Operation::Allow(code) => {
                next.codes.extend(code);
                code.is_some() == (state.has_user && has_client)
            }
            Operation::Redeem(code, token) => {
                let is_due = next.codes.remove(&code);
                if is_due {
                    next.grants.insert(code);
                }
                next.issue(token, is_due, Some(code))
            }
            Operation::Refresh(grant, token) => next.issue(token, state.grants.contains(&grant), Some(grant)),
            Operation::Machine(token) => next.issue(token, has_client, None),
            Operation::Live(token, is_live) => is_live == state.tokens.contains_key(&token),
            Operation::Revoke(token, happened) => {
                next.tokens.remove(&token);
                happened == has_client
            }
            Operation::RevokeGrant(grant, happened) => {
                next.grants.remove(&grant);
                next.tokens.retain(|_, of| *of != Some(grant));
                happened == has_client
            }
            Operation::Withdraw => {
                next.end_grants();
                true
            }
            Operation::SwitchUser { on, happened } => {
                let happens = state.has_user != on;
                if happens {
                    next.has_user = on;
                    next.end_grants();
                }
                happened == happens
            }
            Operation::SwitchClient { on, happened } => {
                let happens = state.client == if on { Client::Off } else { Client::On };
                if happens {
                    next.client = if on { Client::On } else { Client::Off };
                    next.end_all();
                }
                happened == happens
            }
            Operation::RevokeAll => {
                next.end_all();
                true
            }
            Operation::Delete => {
                next.client = Client::Gone;
                next.end_all();
                true
            }
        };
        (is_right, next)
    }
}
