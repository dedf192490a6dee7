//! What must hold of the database whenever a server has opened it, and at the end.

use std::collections::BTreeMap;

use authgate_core::audit::{self, Entry, Filter};
use authgate_core::db::Tx;
use authgate_core::error::Result;

use super::life::Life;
use super::run::Outcome;

/// Rows that must not be there.
const NEVER: [(&str, &str); 9] = [
    (
        "an access token without exactly one event that it was issued",
        "SELECT jti FROM tokens WHERE (SELECT COUNT(*) FROM audit_logs WHERE resource_id = jti AND event_type IN \
         ('ACCESS_TOKEN_ISSUED', 'TOKEN_REFRESHED', 'CLIENT_CREDENTIALS_TOKEN_ISSUED')) <> 1",
    ),
    (
        "an event of an access token that is not there",
        "SELECT id FROM audit_logs WHERE event_type IN \
         ('ACCESS_TOKEN_ISSUED', 'TOKEN_REFRESHED', 'CLIENT_CREDENTIALS_TOKEN_ISSUED') \
         AND NOT EXISTS (SELECT 1 FROM tokens WHERE jti = resource_id)",
    ),
    (
        "a grant that comes from no code, or from two",
        "SELECT id FROM families f WHERE (SELECT COUNT(*) FROM authorization_codes WHERE family_id = f.id) \
         + (SELECT COUNT(*) FROM device_codes WHERE family_id = f.id) <> 1",
    ),
    (
        "a used code without its grant",
        "SELECT id FROM authorization_codes WHERE used_at IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM families WHERE families.id = family_id)",
    ),
    (
        "a used device code without its grant",
        "SELECT id FROM device_codes WHERE used_at IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM families WHERE families.id = family_id)",
    ),
    (
        "a decision that left nothing, or a code of an interaction that nobody decided",
        "SELECT 'all of them' WHERE (SELECT COUNT(*) FROM interactions WHERE used_at IS NOT NULL) <> \
         (SELECT COUNT(*) FROM authorization_codes) \
         + (SELECT COUNT(*) FROM audit_logs WHERE event_type = 'AUTHORIZATION_CODE_DENIED')",
    ),
    (
        "a request whose events are not those that it wrote",
        "SELECT op FROM marks WHERE events <> (SELECT COUNT(*) FROM audit_logs WHERE request_path = op)",
    ),
    (
        "an event of a request that was undone",
        "SELECT id FROM audit_logs WHERE request_path LIKE 'op %' \
         AND NOT EXISTS (SELECT 1 FROM marks WHERE op = request_path)",
    ),
    (
        "two events of one end of a grant",
        "SELECT resource_id FROM audit_logs WHERE event_type = 'SUSPICIOUS_ACTIVITY' GROUP BY resource_id HAVING COUNT(*) > 1",
    ),
];

/// The ends of the chains that an operator has written down.
pub(super) type Witness = Vec<(String, i64, String)>;

impl Life {
    /// Everything, after a start and before anything else is asked.
    pub(super) fn check(&self, witness: &mut Witness) {
        self.present_all(None);
        for (what, sql) in NEVER {
            let found: Vec<(String,)> = self.store.read(|tx| tx.all(sql, &[])).unwrap();
            self.run.require(found.is_empty(), || format!("{what}: {found:?}"));
        }
        self.check_writes();
        let (heads, verdict) = self.store.read(|tx| audit::verify(tx, witness)).unwrap();
        self.run.require(verdict.problems.is_empty(), || format!("the audit trail: {:?}", verdict.problems));
        witness.extend(heads.into_iter().map(|head| (head.writer, head.sequence, head.hash)));
    }

    /// What was there when a request was answered is there, and nothing else.
    fn check_writes(&self) {
        let marks: Vec<(String,)> = self.store.read(|tx| tx.all("SELECT op FROM marks", &[])).unwrap();
        let mut is_marked = vec![false; self.run.writes.borrow().len()];
        for (mark,) in marks {
            is_marked[mark["op ".len()..].parse::<usize>().unwrap()] = true;
        }
        for (op, write) in self.run.writes.borrow().iter().enumerate() {
            // Who had no answer when the process died knows nothing.
            let Some((outcome, was_marked)) = write else { continue };
            let fits = is_marked[op] == *was_marked;
            self.run
                .require(fits, || format!("op {op} was {outcome:?}, written then: {was_marked}; not so now"));
            self.run.require(*outcome != Outcome::Done || is_marked[op], || format!("op {op} is lost"));
        }
    }

    /// The events that no transaction wrote, once the trail has settled.
    pub(super) fn check_events(&self) {
        let events = self.store.read(all_events).unwrap();
        let known = self.run.known.borrow();
        for (id, is_recorded) in &known.events {
            let count = events.iter().filter(|event| event.id == *id).count();
            let fits = if *is_recorded { count == 1 } else { count <= 1 };
            self.run
                .require(fits, || format!("the event {id} is there {count} times, recorded: {is_recorded}"));
        }
        let mut counts = BTreeMap::new();
        for event in events.iter().filter(|event| event.event_type == "TOKEN_INTROSPECTED") {
            let details: serde_json::Value = serde_json::from_str(event.details.as_ref().unwrap()).unwrap();
            counts.insert(&event.id, details["count"].as_u64().unwrap());
        }
        let counted: u64 = counts.values().sum();
        self.run.require(counted <= known.counted, || format!("{counted} were counted of {}", known.counted));
    }
}

fn all_events(tx: &mut Tx<'_>) -> Result<Vec<Entry>> {
    audit::page(tx, &Filter::default(), None, (100_000, 0))
}
