//! The life of a key, with time.

use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::audit::Origin;
use crate::context::{Context, ManualClock, SystemRandom};
use crate::db::Store;
use crate::facts::Facts;
use crate::keys::{KeyConfig, Keys, making};
use crate::policy::Policy;
use crate::testing::{NOW, policy};

/// A database with keys and a clock.
struct Place {
    store: Store,
    clock: ManualClock,
    policy: Policy,
    master: Master,
    _folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = Store::sqlite(&folder.path().join("test.db"), 1).unwrap();
        store.migrate(NOW).unwrap();
        let master = Master::from_text(&Secret::new("A".repeat(43))).unwrap();
        let place =
            Self { store, clock: ManualClock::at(NOW * 1000), policy: policy(), master, _folder: folder };
        let ctx = Context::new(&place.clock, Arc::new(SystemRandom));
        place
            .store
            .write(|tx| {
                place.master.check(tx, NOW)?;
                Keys::ensure(tx, &place.master, &KeyConfig::default(), &ctx)
            })
            .unwrap();
        place
    }

    fn run<T>(&self, job: impl FnOnce(&mut Tx<'_>, Env<'_>) -> Result<T>) -> Result<T> {
        let ctx = Context::new(&self.clock, Arc::new(SystemRandom));
        self.store.write(|tx| {
            let keys = Keys::load(tx, &self.master, &KeyConfig::default())?;
            let env = Env {
                policy: &self.policy,
                keys: &keys,
                master: &self.master,
                recovery: None,
                origin: &Origin::default(),
                ctx: &ctx,
                facts: &Facts::default(),
            };
            job(tx, env)
        })
    }

    fn keys(&self) -> Keys {
        self.store.read(|tx| Keys::load(tx, &self.master, &KeyConfig::default())).unwrap()
    }

    /// What time asks for, at every minute of `seconds`.
    fn pass(&self, seconds: i64) {
        for _ in 0..seconds / 60 {
            self.clock.advance(60);
            if self.run(is_due).unwrap() {
                assert_ne!(self.run(advance).unwrap(), 0, "what is due is done");
            }
        }
    }

    fn state(&self, kid: &str) -> KeyState {
        self.store.read(|tx| by_kid(tx, kid)).unwrap().state
    }

    fn generation(&self) -> i64 {
        self.store.read(generation::read).unwrap().keys
    }

    fn signing(&self) -> String {
        self.keys().access().kid.clone().unwrap()
    }
}

#[test]
fn d24_a_key_is_published_before_it_signs_and_stays_until_its_last_token_is_over() {
    let place = Place::new();
    let old = place.signing();
    let next = place.run(|tx, env| prepare(tx, env, Algorithm::Es256)).unwrap();
    assert_eq!((next.state, next.signs_from()), (KeyState::Next, NOW + LEAD));
    assert!(place.keys().jwks().contains(&next.kid), "it is published");
    assert_eq!(place.run(|tx, env| prepare(tx, env, Algorithm::Es256)).unwrap().kid, next.kid, "one waits");
    place.pass(LEAD - 60);
    assert_eq!(place.signing(), old);
    place.pass(60);
    assert_eq!(place.signing(), next.kid);
    assert_eq!(place.state(&old), KeyState::Retiring);
    assert!(place.keys().by_kid(Some(&old)).is_some() && place.keys().jwks().contains(&old));
    place.pass(place.policy.longest_token());
    assert!(place.keys().by_kid(Some(&old)).is_some());
    place.pass(120);
    assert_eq!(place.state(&old), KeyState::Removed);
    assert!(place.keys().by_kid(Some(&old)).is_none() && !place.keys().jwks().contains(&old));
    let wrapped: Option<(String,)> = place
        .store
        .read(|tx| tx.one("SELECT wrapped FROM signing_keys WHERE kid = ?1", params![&old]))
        .unwrap();
    assert_eq!(wrapped.unwrap().0, "", "its secret is gone");
}

#[test]
fn d24_without_a_schedule_nothing_turns() {
    let place = Place::new();
    let (kid, generation) = (place.signing(), place.generation());
    place.pass(400 * 60);
    assert_eq!((place.signing(), place.generation()), (kid, generation));
}

#[test]
fn d24_keys_turn_by_schedule() {
    let mut place = Place::new();
    place.policy.key_rotation = 86_400;
    let mut seen = vec![place.signing()];
    for _ in 0..3 {
        place.pass(86_400 - 60);
        assert_eq!(&place.signing(), seen.last().unwrap(), "not before its time");
        place.pass(60);
        let now = place.signing();
        assert!(!seen.contains(&now));
        seen.push(now);
    }
    let keys = place.store.read(stored).unwrap();
    for algorithm in SIGNING {
        let of = |state| keys.iter().filter(|key| key.signs_with(algorithm) && key.state == state).count();
        assert_eq!((of(KeyState::Current), of(KeyState::Retiring), of(KeyState::Next)), (1, 1, 0));
    }
}

#[test]
fn d24_a_compromised_key_verifies_nothing_at_once() {
    let place = Place::new();
    let old = place.signing();
    let before = place.generation();
    let new = place.run(|tx, env| revoke(tx, env, &old)).unwrap();
    assert_eq!(new.state, KeyState::Current);
    assert_eq!((place.signing(), place.state(&old)), (new.kid.clone(), KeyState::Revoked));
    assert!(place.keys().by_kid(Some(&old)).is_none() && !place.keys().jwks().contains(&old));
    assert!(place.generation() > before);
    // The one that waits takes over, however young.
    let next = place.run(|tx, env| prepare(tx, env, Algorithm::Es256)).unwrap();
    assert_eq!(place.run(|tx, env| revoke(tx, env, &new.kid)).unwrap().kid, next.kid);
    // One that does not sign leaves the current one alone.
    let waiting = place.run(|tx, env| prepare(tx, env, Algorithm::Es256)).unwrap();
    assert_eq!(place.run(|tx, env| revoke(tx, env, &waiting.kid)).unwrap().kid, next.kid);
    for kid in [old.as_str(), "nobody"] {
        let error = place.run(|tx, env| revoke(tx, env, kid)).unwrap_err();
        assert_eq!(error.code(), Some(Code::InvalidRequest));
    }
    let critical: Option<(i64,)> = place
        .store
        .read(|tx| tx.one("SELECT COUNT(*) FROM audit_logs WHERE severity = 'CRITICAL'", &[]))
        .unwrap();
    assert_eq!(critical, Some((3,)));
}

#[test]
fn d24_refresh_keys_have_names_of_one_byte() {
    let place = Place::new();
    assert_eq!(place.keys().refresh().0, "1");
    assert_eq!(place.run(renew_refresh).unwrap().kid, "2");
    assert_eq!(place.keys().refresh().0, "2");
    assert!(place.keys().refresh_by_kid("1").is_some(), "grants that exist go on");
    place.run(|tx, env| revoke(tx, env, "1")).unwrap();
    assert!(place.keys().refresh_by_kid("1").is_none());
    assert_eq!(place.run(|tx, env| revoke(tx, env, "2")).unwrap().kid, "3");
    // Names are never used twice, not even those of revoked keys.
    place.run(|tx, _| tx.execute("UPDATE signing_keys SET kid = '255' WHERE kid = '2'", &[])).unwrap();
    let error = place.run(renew_refresh).unwrap_err();
    assert!(error.to_string().contains("all 255 names"), "{error}");
}

#[test]
fn d24_an_imported_key_waits_unless_told_otherwise() {
    let place = Place::new();
    let pem = |algorithm| Secret::new(making::tests::pems(algorithm).remove(0));
    let old = place.signing();
    let own = pem(Algorithm::Es256);
    let imported = place.run(|tx, env| import(tx, env, &own, Some("k1"), false)).unwrap();
    assert_eq!((imported.kid.as_str(), imported.state), ("k1", KeyState::Next));
    assert_eq!(place.signing(), old);
    for (text, kid, words) in [
        (&own, Some("k1"), "is here already"),
        (&pem(Algorithm::Es256), Some("k1"), "another key has this name"),
        (&pem(Algorithm::Es256), None, "another key waits"),
        (&Secret::new("x"), None, "no supported private key"),
    ] {
        let error = place.run(|tx, env| import(tx, env, text, kid, false)).unwrap_err();
        assert_eq!(error.code(), Some(Code::InvalidRequest));
        assert!(error.to_string().contains(words), "{error}");
    }
    let rsa = pem(Algorithm::Rs256);
    let at_once = place.run(|tx, env| import(tx, env, &rsa, None, true)).unwrap();
    assert_eq!(at_once.state, KeyState::Current);
    assert_eq!(place.keys().id_token(None).kid.as_deref(), Some(at_once.kid.as_str()));
}

#[test]
fn d24_rewrapping_changes_the_wrapping_only() {
    let mut place = Place::new();
    place.run(|tx, env| prepare(tx, env, Algorithm::Rs256)).unwrap();
    let (jwks, old) = (place.keys().jwks().to_owned(), place.master.clone());
    let new = Master::from_text(&Secret::new("B".repeat(42) + "A")).unwrap();
    assert_eq!(place.run(|tx, env| rewrap(tx, env, &new)).unwrap(), 4);
    assert!(place.store.read(|tx| Keys::load(tx, &old, &KeyConfig::default())).is_err());
    assert!(place.store.write(|tx| old.check(tx, NOW)).is_err());
    place.master = new;
    place.store.write(|tx| place.master.check(tx, NOW)).unwrap();
    assert_eq!(place.keys().jwks(), jwks);
    place.keys().refresh();
}

#[test]
fn d24_a_key_stays_while_a_token_of_longer_lives_is_alive() {
    let mut place = Place::new();
    let old = place.signing();
    place.run(|tx, env| prepare(tx, env, Algorithm::Es256)).unwrap();
    place.pass(LEAD);
    let issue = "INSERT INTO tokens (jti, client_id, scope, audience, client_epoch, issued_at, expires_at, status) \
                 VALUES ('j', 'c', '', '[]', 1, ?1, ?2, 'active')";
    let now = NOW + LEAD;
    place.run(|tx, _| tx.execute(issue, params![now, now + 86_400])).unwrap();
    // The operator shortens lifetimes; what was issued before keeps its own.
    place.policy.short.access = 60;
    place.pass(20 * 3600);
    assert_eq!(place.state(&old), KeyState::Retiring);
    place.pass(5 * 3600);
    assert_eq!(place.state(&old), KeyState::Removed);
}

#[test]
fn d24_a_refresh_key_is_named_after_no_other_key() {
    let place = Place::new();
    let own = Secret::new(making::tests::pems(Algorithm::Es256).remove(0));
    place.run(|tx, env| import(tx, env, &own, Some("2"), false)).unwrap();
    assert_eq!(place.run(renew_refresh).unwrap().kid, "3");
}
