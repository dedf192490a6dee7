//! `authgate key`.

use std::fs;

use authgate_core::keys::KeyState;
use serde_json::{Value, json};

use super::{Place, text};

fn of<'a>(keys: &'a Value, algorithm: &str, state: &str) -> Vec<&'a str> {
    let found = keys.as_array().unwrap().iter();
    let found = found.filter(|key| key["algorithm"] == algorithm && key["state"] == state);
    found.map(|key| text(key, "kid")).collect()
}

fn pem(place: &Place, name: &str, algorithm: &[&str]) -> String {
    let file = place.path(name).into_os_string().into_string().unwrap();
    let done = std::process::Command::new("openssl")
        .args([&["genpkey", "-out", &file][..], algorithm].concat())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    file
}

const EC: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

#[test]
fn rotate_publishes_a_key_that_waits_and_says_from_when_it_signs() {
    let place = Place::migrated();
    let waiting = place.json(&["key", "rotate"]);
    assert_eq!(waiting.as_array().unwrap().len(), 2);
    for key in waiting.as_array().unwrap() {
        assert_eq!(key["state"], "next");
        assert_eq!(key["signs_from"].as_i64().unwrap() - key["created_at"].as_i64().unwrap(), 3900);
    }
    assert_eq!(place.json(&["key", "rotate"]), waiting, "one waits already");
    let keys = place.json(&["key", "list"]);
    assert_eq!(of(&keys, "ES256", "current").len(), 1);
    let shown = place.prints(&["key", "rotate", "--algorithm", "RS256"]);
    assert!(
        shown.starts_with("PURPOSE") && shown.lines().count() == 2 && shown.contains("SIGNS FROM"),
        "{shown}"
    );
    place.fails(&["key", "rotate", "--algorithm", "HS256"]);
}

#[test]
fn rotate_compromised_ends_a_key_and_another_signs_now() {
    let place = Place::migrated();
    let old = place.json(&["key", "list"]);
    let new = place.json(&["key", "rotate", "--compromised", "--algorithm", "ES256"]);
    let keys = place.json(&["key", "list"]);
    assert_eq!(of(&keys, "ES256", "revoked"), of(&old, "ES256", "current"));
    assert_eq!(of(&keys, "ES256", "current"), of(&new, "ES256", "current"));
    assert_eq!(of(&keys, "RS256", "current"), of(&old, "RS256", "current"), "the others stay");
    let kid = of(&keys, "RS256", "current")[0];
    place.json(&["key", "rotate", "--compromised", "--kid", kid]);
    assert_eq!(place.server().opened.store.read(authgate_core::keys::stored).unwrap().len(), 5);
    for args in [
        &["key", "rotate", "--compromised", "--kid", kid][..],
        &["key", "rotate", "--kid", kid],
        &["key", "rotate", "--refresh", "--algorithm", "ES256"],
    ] {
        place.fails(args);
    }
    assert!(
        place
            .audit()
            .iter()
            .any(|(kind, _, path)| { kind == "SIGNING_KEY_REVOKED" && path.as_deref() == Some("cli") })
    );
}

#[test]
fn rotate_refresh_makes_the_next_number() {
    let place = Place::migrated();
    let made = place.json(&["key", "rotate", "--refresh"]);
    assert_eq!((&made[0]["kid"], &made[0]["purpose"]), (&json!("2"), &json!("refresh")));
    let made = place.json(&["key", "rotate", "--refresh", "--compromised"]);
    assert_eq!((&made[0]["kid"], &made[0]["state"]), (&json!("3"), &json!("current")));
    let keys = place.json(&["key", "list"]);
    assert_eq!((of(&keys, "HS256", "retiring"), of(&keys, "HS256", "revoked")), (vec!["1"], vec!["2"]));
}

#[test]
fn import_takes_a_pem_and_refuses_everything_else() {
    let place = Place::migrated();
    let file = pem(&place, "ec.pem", EC);
    let imported = place.json(&["key", "import", &file]);
    assert_eq!((&imported[0]["algorithm"], &imported[0]["state"]), (&json!("ES256"), &json!("next")));
    let rsa = pem(&place, "rsa.pem", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    let imported = place.json(&["key", "import", &rsa, "--current", "--kid", "our-rsa"]);
    assert_eq!((&imported[0]["kid"], &imported[0]["state"]), (&json!("our-rsa"), &json!("current")));
    let small = pem(&place, "small.pem", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]);
    let p384 = pem(&place, "p384.pem", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]);
    let public = place.path("public.pem");
    fs::write(&public, "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n").unwrap();
    for (file, words) in [
        (file.as_str(), "is here already"),
        (&small, "neither RSA of at least 2048 bits nor EC P-256"),
        (&p384, "neither RSA of at least 2048 bits nor EC P-256"),
        (public.to_str().unwrap(), "no supported private key"),
        ("/nonexistent", "cannot read /nonexistent"),
    ] {
        let refusal = place.fails(&["key", "import", file]);
        assert!(refusal.contains(words), "{refusal}");
        assert!(!refusal.contains("PRIVATE KEY-----"), "{refusal}");
    }
    place.fails(&["key", "import", &file, "--kid", "a b"]);
}

#[test]
fn d24_rewrap_replaces_the_master_key_beside_the_database() {
    let place = Place::migrated();
    let keys = place.json(&["key", "list"]);
    let old = fs::read_to_string(place.path("data/master.key")).unwrap();
    assert_eq!(place.json(&["key", "rewrap"])["keys"], 3);
    let new = fs::read_to_string(place.path("data/master.key")).unwrap();
    assert_ne!(new, old);
    assert_eq!(place.json(&["key", "list"]), keys, "the keys themselves are as they were");
    fs::write(place.path("data/master.key"), &old).unwrap();
    assert!(place.fails(&["key", "list"]).starts_with("the master key is not the one"));
}

#[test]
fn d24_a_rewrap_that_died_is_finished_at_the_next_start() {
    let place = Place::migrated();
    place.json(&["key", "list"]);
    let (file, draft) = (place.path("data/master.key"), place.path("data/master.key.new"));
    let old = fs::read_to_string(&file).unwrap();
    place.json(&["key", "rewrap"]);
    // As if the machine had died between the commit and the rename.
    fs::rename(&file, &draft).unwrap();
    fs::write(&file, &old).unwrap();
    place.json(&["key", "list"]);
    assert!(!draft.exists());
    // And between the draft and the commit: the old key is the right one, the draft is nobody's.
    fs::write(&draft, &old).unwrap();
    place.json(&["key", "list"]);
    let refusal = place.fails(&["key", "rewrap"]);
    assert!(refusal.contains("remove the file") && draft.exists(), "another may be running: {refusal}");
    fs::remove_file(&draft).unwrap();
    place.json(&["key", "rewrap"]);
    assert!(!draft.exists());
}

#[test]
fn d24_rewrap_wants_the_server_stopped_and_the_key_where_it_comes_from() {
    let place = Place::migrated();
    let now = "(CAST(strftime('%s') AS INTEGER))";
    let beat =
        format!("INSERT INTO settings (name, value, updated_at) VALUES ('heartbeat', 'running', {now})");
    place.server().opened.store.write(|tx| tx.execute(&beat, &[])).unwrap();
    assert!(place.fails(&["key", "rewrap"]).contains("a server is running"));
    let stop = "UPDATE settings SET value = 'stopped' WHERE name = 'heartbeat'";
    place.server().opened.store.write(|tx| tx.execute(stop, &[])).unwrap();
    let file = place.path("new.key");
    fs::write(&file, "B".repeat(42) + "A\n").unwrap();
    let file = file.to_str().unwrap();
    assert!(place.fails(&["key", "rewrap", "--new-key-file", file]).contains("leave --new-key-file out"));
    let master = fs::read_to_string(place.path("data/master.key")).unwrap();
    let place = place.with("MASTER_KEY", master.trim());
    assert!(place.fails(&["key", "rewrap"]).contains("--new-key-file"));
    assert_eq!(place.json(&["key", "rewrap", "--new-key-file", file])["keys"], 3);
    assert!(place.fails(&["key", "list"]).starts_with("the master key is not the one"));
    let keys = place.with("MASTER_KEY", &("B".repeat(42) + "A")).json(&["key", "list"]);
    assert!(keys.as_array().unwrap().iter().all(|key| key["state"] == KeyState::Current.as_str()));
}
