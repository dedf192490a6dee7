//! What clients know: every answer that they have read to its end.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use authgate_core::db::Tx;
use authgate_core::error::Result;
use serde_json::Value;
use tokio::sync::Notify;

use crate::util::jws::Jws;

/// What a client may expect of a token or a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was received.
    Live,
    /// Somebody asked to end it and has not heard back.
    Ending,
    /// It was ended, and somebody has heard that.
    Ended,
}

/// A grant that can be refreshed.
pub struct Grant {
    /// The newest refresh token that its client has received.
    pub refresh_token: String,
    /// The access tokens of it.
    pub access_tokens: Vec<String>,
    pub fate: Fate,
}

/// An event that must be in the trail once.
struct Event {
    kinds: &'static str,
    column: &'static str,
    value: String,
}

/// What was heard in one life of the server.
#[derive(Default)]
pub struct Ledger {
    tokens: RefCell<BTreeMap<String, Fate>>,
    grants: RefCell<Vec<Grant>>,
    events: RefCell<Vec<Event>>,
    heard: Cell<usize>,
    refused: Cell<usize>,
    news: Notify,
    is_over: Cell<bool>,
}

const ISSUED: &str = "'CLIENT_CREDENTIALS_TOKEN_ISSUED', 'ACCESS_TOKEN_ISSUED', 'TOKEN_REFRESHED'";

impl Ledger {
    /// An answer was read; `refused` says that it was 503.
    pub fn hear(&self, refused: bool) {
        self.heard.set(self.heard.get() + 1);
        self.refused.set(self.refused.get() + usize::from(refused));
        self.news.notify_one();
    }

    /// Waits until so many answers were read, and so many of them were refusals.
    pub async fn until(&self, heard: usize, refused: usize) {
        while self.heard.get() < heard || self.refused.get() < refused {
            self.news.notified().await;
        }
    }

    /// How many answers were read.
    pub fn heard(&self) -> usize {
        self.heard.get()
    }

    /// From now on an answer may be missing.
    pub fn close(&self) {
        self.is_over.set(true);
    }

    pub fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// An access token was received.
    pub fn issued(&self, answer: &Value) -> String {
        let token = text(answer, "access_token");
        assert_eq!(self.tokens.borrow_mut().insert(token.clone(), Fate::Live), None, "it is new");
        self.expect(ISSUED, "resource_id", jti(&token));
        token
    }

    /// A new grant's tokens were received; its number.
    pub fn granted(&self, answer: &Value) -> usize {
        let access_tokens = vec![self.issued(answer)];
        let mut grants = self.grants.borrow_mut();
        grants.push(Grant { refresh_token: text(answer, "refresh_token"), access_tokens, fate: Fate::Live });
        grants.len() - 1
    }

    /// A grant's newest tokens were received.
    pub fn refreshed(&self, grant: usize, answer: &Value) {
        let token = self.issued(answer);
        let grant = &mut self.grants.borrow_mut()[grant];
        grant.access_tokens.push(token);
        grant.refresh_token = text(answer, "refresh_token");
    }

    pub fn refresh_token(&self, grant: usize) -> String {
        self.grants.borrow()[grant].refresh_token.clone()
    }

    /// An access token is about to end, or has ended.
    pub fn token_is(&self, token: &str, fate: Fate) {
        self.tokens.borrow_mut().insert(token.to_owned(), fate);
        if fate == Fate::Ended {
            self.expect("'TOKEN_REVOKED'", "resource_id", jti(token));
        }
    }

    /// The same of grants, with their access tokens.
    pub fn grants_are(&self, grants: &[usize], fate: Fate) {
        let (mut known, mut tokens) = (self.grants.borrow_mut(), self.tokens.borrow_mut());
        for grant in grants {
            let grant = &mut known[*grant];
            grant.fate = fate;
            tokens.extend(grant.access_tokens.iter().map(|token| (token.clone(), fate)));
        }
    }

    /// Somebody with this user agent was told that a password is wrong.
    pub fn guessed(&self, agent: String) {
        self.expect("'AUTHENTICATION_FAILURE'", "user_agent", agent);
    }

    fn expect(&self, kinds: &'static str, column: &'static str, value: String) {
        self.events.borrow_mut().push(Event { kinds, column, value });
    }

    /// The `n`th access token, counted round and round.
    pub fn any_token(&self, n: usize) -> Option<(String, Fate)> {
        let tokens = self.tokens.borrow();
        let (token, fate) = tokens.iter().nth(n.checked_rem(tokens.len())?)?;
        Some((token.clone(), *fate))
    }

    pub fn fate_of(&self, token: &str) -> Fate {
        self.tokens.borrow()[token]
    }

    /// All access tokens and all grants.
    pub fn settle(&self) -> (BTreeMap<String, Fate>, Vec<Grant>) {
        (self.tokens.take(), self.grants.take())
    }

    /// Asserts that the trail has each expected event once; how many there were.
    pub fn check_events(&self, tx: &mut Tx<'_>) -> Result<usize> {
        for Event { kinds, column, value } in self.events.borrow().iter() {
            let sql =
                format!("SELECT COUNT(*) FROM audit_logs WHERE event_type IN ({kinds}) AND {column} = ?1");
            let found: Option<(i64,)> = tx.one(&sql, &[value.into()])?;
            assert_eq!(found, Some((1,)), "{kinds} of {value}");
        }
        Ok(self.events.borrow().len())
    }
}

fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}")).to_owned()
}

fn jti(token: &str) -> String {
    text(&Jws::read(token).claims, "jti")
}
