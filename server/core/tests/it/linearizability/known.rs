//! Histories of which it is known whether an order explains them: the checker and each rule tell them apart.

use std::slice::from_ref;
use std::thread;

use todc_utils::Specification;

use super::code_rule::{self, Code};
use super::consent_rule::{self, Consent};
use super::device_rule::{self, Device, Polled};
use super::record::Record;
use super::refresh_rule::{self, Refresh};
use super::revocation_rule::{self, Revocation};
use super::{Party, Subject, play, writers};
use crate::seeded::Seeded;
use crate::world::World;

/// True if some order explains rounds of operations: those of a round overlap, each round follows the one before.
fn is_explained<S: Specification>(rounds: &[&[S::Operation]]) -> bool {
    let record = Record::new();
    for round in rounds {
        let called: Vec<_> = round.iter().map(|_| record.moment()).collect();
        for (party, (operation, called)) in round.iter().zip(called).enumerate() {
            record.note(party, called, operation.clone());
        }
    }
    record.is_explained_by::<S>()
}

#[test]
fn a_history_of_a_code_has_one_winner() {
    use code_rule::Operation::{Alarms, Live, Redeem, Wait};
    let (won, lost) = (Redeem { fits: true, granted: true }, Redeem { fits: true, granted: false });
    let (guessed, guess) = (Redeem { fits: false, granted: true }, Redeem { fits: false, granted: false });

    assert!(is_explained::<Code>(&[&[lost.clone(), won.clone(), guess.clone()], &[Live(true), Alarms(0)]]));
    assert!(is_explained::<Code>(&[from_ref(&won), &[Wait(10)], from_ref(&lost), &[Live(true)]]));
    assert!(is_explained::<Code>(&[from_ref(&won), &[Wait(11)], from_ref(&lost), &[Live(false), Alarms(1)]]));
    assert!(
        is_explained::<Code>(&[from_ref(&won), &[Wait(11)], &[lost.clone(), Live(true)]]),
        "they overlap"
    );
    assert!(is_explained::<Code>(&[from_ref(&won), &[Wait(11)], from_ref(&guess), &[Live(true)]]));
    assert!(is_explained::<Code>(&[&[Wait(60)], from_ref(&lost)]));

    assert!(!is_explained::<Code>(&[&[won.clone(), won.clone()]]), "two winners");
    assert!(!is_explained::<Code>(&[from_ref(&won), &[Wait(30)], from_ref(&won)]), "a second winner later");
    assert!(!is_explained::<Code>(&[&[lost.clone(), lost.clone()]]), "no winner");
    assert!(
        !is_explained::<Code>(&[from_ref(&lost), from_ref(&won)]),
        "the loser was refused before anybody had won"
    );
    assert!(!is_explained::<Code>(&[from_ref(&guessed)]), "a guess wins");
    assert!(
        !is_explained::<Code>(&[from_ref(&won), from_ref(&lost), &[Live(false)]]),
        "a blind repeat revokes"
    );
    assert!(
        !is_explained::<Code>(&[from_ref(&won), &[Wait(11)], from_ref(&lost), &[Live(true)]]),
        "a replay does not"
    );
    assert!(
        !is_explained::<Code>(&[from_ref(&won), &[Wait(11)], from_ref(&lost), &[Alarms(2)]]),
        "two alarms"
    );
    assert!(!is_explained::<Code>(&[&[Wait(60)], from_ref(&won)]), "too late");
}

#[test]
fn a_history_of_a_device_code_has_one_decision_and_one_winner() {
    use device_rule::Operation::{Decide, Live, Poll, Wait};
    let decide = |yes, counted| Decide { yes, counted };
    let [tokens, pending, refused] = [Polled::Tokens, Polled::Pending, Polled::Refused].map(Poll);

    let first = [decide(true, true), decide(true, false), pending.clone(), tokens.clone(), refused.clone()];
    assert!(is_explained::<Device>(&[&first, &[Live(true)]]));
    assert!(is_explained::<Device>(&[&[decide(false, true), decide(true, false)], &[Poll(Polled::Denied)]]));
    assert!(is_explained::<Device>(&[&[Wait(1800)], &[Poll(Polled::Expired), decide(true, false)]]));

    assert!(!is_explained::<Device>(&[&[decide(true, true), decide(false, true)]]), "two decisions");
    assert!(
        !is_explained::<Device>(&[&[decide(true, true)], &[tokens.clone(), tokens.clone()]]),
        "two winners"
    );
    assert!(!is_explained::<Device>(&[&[decide(true, true)], from_ref(&pending)]), "the yes is not seen");
    assert!(!is_explained::<Device>(&[&[decide(false, true)], from_ref(&tokens)]), "a no is a yes");
    assert!(!is_explained::<Device>(&[&[tokens]]), "nobody said yes");
    assert!(!is_explained::<Device>(&[&[Wait(1800)], &[decide(true, true)]]), "too late");
}

#[test]
fn a_history_of_a_rotating_grant_has_one_child_a_token() {
    use refresh_rule::Operation::{Alarms, Live, Present, Revoke, Wait};
    type Rotating = Refresh<true>;
    let gets = |generation, newest| Present { generation, carries: Some(newest) };
    let fails = |generation| Present { generation, carries: None };

    assert!(is_explained::<Rotating>(&[&[gets(1, 2), gets(1, 2), gets(1, 2)], &[gets(2, 3)], &[Live(true)]]));
    assert!(is_explained::<Rotating>(&[&[gets(1, 2)], &[gets(2, 3), gets(1, 2)], &[Live(true)]]));
    assert!(is_explained::<Rotating>(&[&[gets(1, 2)], &[gets(2, 3), fails(1)], &[Live(false), Alarms(1)]]));
    assert!(is_explained::<Rotating>(&[&[gets(1, 2)], &[Wait(60)], &[gets(1, 2)]]));
    assert!(is_explained::<Rotating>(&[&[gets(1, 2)], &[Wait(61)], &[fails(1)], &[fails(2), Alarms(1)]]));
    assert!(is_explained::<Rotating>(&[&[gets(1, 2), Revoke, Live(true)], &[fails(2)], &[Live(false)]]));

    assert!(!is_explained::<Rotating>(&[&[gets(1, 2), gets(1, 3)]]), "two rotations");
    assert!(!is_explained::<Rotating>(&[&[gets(1, 1)]]), "no rotation");
    assert!(
        !is_explained::<Rotating>(&[&[gets(1, 2)], &[gets(2, 3)], &[gets(1, 3)]]),
        "a grandparent is answered"
    );
    assert!(!is_explained::<Rotating>(&[&[gets(1, 2)], &[Wait(61)], &[gets(1, 2)]]), "later than the window");
    assert!(!is_explained::<Rotating>(&[&[gets(1, 2)], &[fails(1)]]), "a retry is taken for a thief");
    assert!(!is_explained::<Rotating>(&[&[gets(1, 2)], &[Wait(61)], &[fails(1)], &[Live(true)]]), "I4");
    assert!(
        !is_explained::<Rotating>(&[&[gets(1, 2)], &[Wait(61)], &[fails(1), fails(1)], &[Alarms(2)]]),
        "I4"
    );
    assert!(!is_explained::<Rotating>(&[&[Revoke], &[gets(1, 2)]]), "I3");
    assert!(!is_explained::<Rotating>(&[&[Revoke], &[Live(true)]]), "I3");
}

#[test]
fn a_history_of_a_fixed_grant_has_one_token() {
    use refresh_rule::Operation::{Live, Present, Revoke, Wait};
    type Fixed = Refresh<false>;
    let gets = |newest| Present { generation: 1, carries: Some(newest) };
    let fails = || Present { generation: 1, carries: None };

    assert!(is_explained::<Fixed>(&[
        &[gets(1), gets(1)],
        &[Wait(61)],
        &[gets(1), Revoke, fails()],
        &[Live(false)]
    ]));
    assert!(!is_explained::<Fixed>(&[&[gets(1), gets(2)]]), "it rotates");
    assert!(!is_explained::<Fixed>(&[&[gets(1), fails()]]), "one fails");
    assert!(!is_explained::<Fixed>(&[&[Revoke], &[gets(1)]]), "I3");
}

#[test]
fn a_history_of_a_consent_has_one_record() {
    use consent_rule::Operation::{Grant, Read, Withdraw};
    let grant = |scopes, record| Grant { scopes, record };
    let withdraw = |id, happened| Withdraw { id, happened };

    assert!(is_explained::<Consent>(&[&[grant(1, (0, 3)), grant(2, (0, 2))], &[Read(Some((0, 3)))]]));
    let again: [&[_]; 3] =
        [&[grant(1, (0, 1))], &[withdraw(0, true), withdraw(0, false)], &[grant(2, (1, 2))]];
    assert!(is_explained::<Consent>(&again));
    assert!(is_explained::<Consent>(&[
        &[grant(1, (0, 1))],
        &[withdraw(0, true), Read(Some((0, 1)))],
        &[Read(None)]
    ]));

    assert!(!is_explained::<Consent>(&[&[grant(1, (0, 1)), grant(2, (1, 2))]]), "two records");
    assert!(!is_explained::<Consent>(&[&[grant(1, (0, 1)), grant(2, (0, 2))]]), "one overwrites the other");
    assert!(
        !is_explained::<Consent>(&[&[grant(1, (0, 1))], &[withdraw(0, true), withdraw(0, true)]]),
        "twice"
    );
    assert!(
        !is_explained::<Consent>(&[&[grant(1, (0, 1))], &[withdraw(0, true)], &[Read(Some((0, 1)))]]),
        "still there"
    );
    assert!(
        !is_explained::<Consent>(&[&[grant(1, (0, 1))], &[withdraw(0, true)], &[grant(2, (0, 2))]]),
        "it comes back"
    );
}

/// A grant with one access token, and one of the client's own, before `then` happens.
fn begun(then: &[&[revocation_rule::Operation]]) -> bool {
    use revocation_rule::Operation::{Allow, Machine, Redeem};
    let begin: [&[_]; 3] = [&[Allow(Some(0))], &[Redeem(0, Some(0))], &[Machine(Some(1))]];
    is_explained::<Revocation>(&[&begin, then].concat())
}

#[test]
fn a_history_of_revocations_leaves_nothing_alive() {
    use revocation_rule::Operation::{
        Allow, Delete, Live, Machine, Redeem, Refresh, Revoke, RevokeAll, RevokeGrant, SwitchClient,
        SwitchUser, Withdraw,
    };
    let user = |on| SwitchUser { on, happened: true };
    let client = |on| SwitchClient { on, happened: true };
    assert!(begun(&[&[Live(0, true), Live(1, true)], &[Refresh(0, Some(2))], &[Live(2, true)]]));
    assert!(begun(&[
        &[Refresh(0, Some(2)), Withdraw, Live(2, true)],
        &[Live(0, false), Live(2, false), Live(1, true)]
    ]));
    assert!(begun(&[&[Revoke(0, true)], &[Live(0, false), Refresh(0, Some(2))], &[Live(2, true)]]));
    assert!(begun(&[
        &[Withdraw],
        &[Allow(Some(1))],
        &[Redeem(1, Some(2))],
        &[Live(2, true), Live(0, false)]
    ]));
    assert!(begun(&[
        &[Delete],
        &[Machine(None), Allow(None), Revoke(0, false)],
        &[Live(0, false), Live(1, false)]
    ]));

    let ends = [Withdraw, user(false), client(false), RevokeAll, Delete, RevokeGrant(0, true)];
    for end in ends {
        assert!(!begun(&[from_ref(&end), &[Live(0, true)]]), "alive after {end:?}");
        assert!(!begun(&[from_ref(&end), &[Refresh(0, Some(2))]]), "refreshed after {end:?}");
        assert!(!begun(&[&[Refresh(0, Some(2)), end.clone()], &[Live(2, true)]]), "slipped through {end:?}");
        assert!(
            !begun(&[&[Allow(Some(1))], from_ref(&end), &[Redeem(1, Some(2))]])
                || matches!(end, RevokeGrant(..))
        );
    }
    assert!(!begun(&[&[user(false)], &[user(true)], &[Live(0, true)]]), "switching on again revives");
    assert!(!begun(&[&[client(false)], &[client(true)], &[Live(1, true)]]), "switching on again revives");
    assert!(!begun(&[&[user(false), user(false)]]), "a change that is none");
    assert!(!begun(&[&[Revoke(0, true)], &[Live(0, true)]]), "alive after it was given back");
    assert!(!begun(&[&[Live(0, false)]]), "dead without a reason");
    assert!(!begun(&[&[Refresh(0, None)]]), "refused without a reason");
    assert!(!begun(&[&[Redeem(0, Some(2))]]), "a code is redeemed twice");
}

/// A code as a careless server would have it: it looks in one transaction and writes in another.
struct Careless;

impl Subject for Careless {
    type Rule = Code;

    fn turn(&self, party: &Party<'_>) -> code_rule::Operation {
        let looked = "SELECT name FROM settings WHERE name = 'used'";
        let used: Option<(String,)> = party.write(|tx, _| tx.one(looked, &[])).unwrap();
        let granted = used.is_none();
        thread::yield_now();
        if granted {
            let used = "INSERT OR REPLACE INTO settings (name, value, updated_at) VALUES ('used', 'yes', 0)";
            party.write(|tx, _| tx.execute(used, &[])).unwrap();
        }
        code_rule::Operation::Redeem { fits: true, granted }
    }

    fn wait(&self, _: &Seeded) -> Option<(i64, code_rule::Operation)> {
        None
    }

    fn close(&self, party: &Party<'_>) -> Vec<code_rule::Operation> {
        party.write(|tx, _| tx.execute("DELETE FROM settings WHERE name = 'used'", &[])).unwrap();
        Vec::new()
    }
}

#[test]
fn a_server_that_looks_before_it_locks_is_found_out() {
    let world = World::new();
    let writers = writers(&world);
    let mut histories = (0..1000).map(|seed| play(&world, &writers, |_, _| Careless, seed));
    assert!(histories.any(|history| !history.is_explained_by::<Code>()));
}
