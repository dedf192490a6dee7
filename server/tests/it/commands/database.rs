//! `authgate migrate` and `authgate key`; databases and master keys that do not fit.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use authgate_core::db::VERSION;
use serde_json::json;

use super::Place;

const COMMANDS: [&[&str]; 5] = [
    &["user", "list"],
    &["client", "list"],
    &["consent", "list"],
    &["token", "revoke", "x"],
    &["key", "list"],
];

#[test]
fn migrate_makes_the_database_once() {
    let place = Place::empty();
    let made = place.json(&["migrate"]);
    assert_eq!(made, json!({"schema_version": VERSION, "migrations_run": VERSION}));
    assert!(place.prints(&["migrate"]).contains("is up to date"));
    let permissions = |name: &str| fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((permissions("data"), permissions("data/authgate.db")), (0o700, 0o600));
}

#[test]
fn commands_want_a_database_that_is_migrated() {
    let place = Place::empty();
    for args in COMMANDS {
        assert!(place.fails(args).contains("run `authgate migrate` first"), "{args:?}");
    }
    assert_eq!(fs::read_dir(place.folder.path()).unwrap().count(), 0);
    fs::create_dir(place.path("data")).unwrap();
    fs::write(place.path("data/authgate.db"), "").unwrap();
    for args in COMMANDS {
        assert!(place.fails(args).contains("has schema version 0"), "{args:?}");
    }
}

#[test]
fn a_newer_database_is_refused() {
    let place = Place::migrated();
    let newer = "INSERT INTO migrations (version, name, applied_at) VALUES (99, 'future', 0)";
    place.server().write(|tx, _| tx.execute(newer, &[]));
    for args in COMMANDS.into_iter().chain([&["migrate"][..], &["serve"]]) {
        let sentence = place.run(args, "").stderr;
        assert!(
            sentence.contains("schema version 99") && sentence.contains("newer Authgate"),
            "{args:?}: {sentence}"
        );
    }
}

#[test]
fn what_is_no_database_is_refused() {
    let place = Place::empty().with("DATABASE_PATH", "notes.txt");
    fs::write(place.path("notes.txt"), "not a database, but long enough to look like a file".repeat(20))
        .unwrap();
    for args in COMMANDS.into_iter().chain([&["migrate"][..]]) {
        assert!(place.fails(args).contains("not a database"), "{args:?}");
    }
}

#[test]
fn d24_a_wrong_or_lost_master_key_is_refused() {
    let place = Place::migrated();
    place.prints(&["user", "list"]);
    let place = place.with("MASTER_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    for args in COMMANDS {
        assert!(place.fails(args).starts_with("the master key is not the one"), "{args:?}");
    }
    let place = Place { env: Vec::new(), ..place };
    fs::remove_file(place.path("data/master.key")).unwrap();
    for args in COMMANDS {
        assert!(place.fails(args).contains("master.key is gone"), "{args:?}");
    }
    assert!(!place.path("data/master.key").exists());
}

#[test]
fn keys_are_listed_without_what_is_secret() {
    let place = Place::migrated();
    let keys = place.json(&["key", "list"]);
    let kinds: Vec<_> =
        keys.as_array().unwrap().iter().map(|key| (&key["purpose"], &key["algorithm"])).collect();
    assert_eq!(kinds.len(), 3);
    for kind in [("sign", "ES256"), ("sign", "RS256"), ("refresh", "HS256")] {
        assert!(
            kinds
                .iter()
                .any(|(purpose, algorithm)| (*purpose, *algorithm) == (&json!(kind.0), &json!(kind.1)))
        );
    }
    assert!(keys.to_string().len() < 1000 && !keys.to_string().contains("wrapped"));
    let mut first: Vec<_> = place
        .prints(&["key", "list"])
        .lines()
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    // Oldest first, but they were all made at once.
    first[1..].sort();
    assert_eq!(first, ["PURPOSE", "refresh", "sign", "sign"]);
}
