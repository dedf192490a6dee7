//! `authgate user`.

use authgate_core::secret::Secret;
use authgate_core::user;
use serde_json::{Value, json};

use super::{Place, text};

impl Place {
    fn stored_user(&self, name: &str) -> user::User {
        self.server().opened.store.read(|tx| user::by_username(tx, name)).unwrap().unwrap()
    }
}

fn signs_in(user: &user::User, password: &str) -> bool {
    user::verify_password(&Secret::new(password), user.password_hash.as_deref().unwrap())
}

const CREATE: [&str; 8] =
    ["user", "create", "--username", "Alice", "--email", "Alice@example.com", "--full-name", "Alice A."];

#[test]
fn create_makes_a_password_and_shows_it_once() {
    let place = Place::migrated();
    let made = place.json(&CREATE);
    let stored = place.stored_user("alice");
    assert!(signs_in(&stored, text(&made, "password")));
    assert_eq!(
        made,
        json!({
            "id": stored.id, "username": "Alice", "email": "Alice@example.com", "email_verified": false,
            "full_name": "Alice A.", "role": "user", "status": "active", "auth_source": "local", "claims": {},
            "password": made["password"], "created_at": stored.created_at, "updated_at": stored.updated_at,
        })
    );
    let listed = place.json(&["user", "list"]);
    let mut known = made.clone();
    known.as_object_mut().unwrap().remove("password");
    assert_eq!(listed, Value::Array(vec![known]));
    let lines = place.prints(&["user", "list"]);
    assert!(lines.starts_with("USERNAME") && lines.lines().nth(1).unwrap().starts_with("Alice"), "{lines}");
    assert!(!listed.to_string().contains("argon2"));
}

#[test]
fn a_password_comes_through_stdin_and_is_not_repeated() {
    let place = Place::migrated();
    let args = ["user", "create", "--username", "alice", "--role", "admin", "--password-stdin"];
    let made = place.json_of(&args, "correct horse\r\nsecond line");
    assert!(made.get("password").is_none() && made["role"] == "admin");
    assert!(signs_in(&place.stored_user("alice"), "correct horse"));
    let help = place.prints(&["user", "create", "--help"]);
    assert!(!help.contains("--password "), "argv is visible to everybody");
}

#[test]
fn a_user_of_another_server_keeps_their_password() {
    let place = Place::migrated();
    let bcrypt = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    let argon2id = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    for (name, hash, password) in [("alice", bcrypt, "U*U"), ("bob", argon2id, "password")] {
        std::fs::write(place.path("hash"), format!("{hash}\n")).unwrap();
        let made = place.json(&["user", "create", "--username", name, "--password-hash-file", "hash"]);
        assert!(made.get("password").is_none() && !made.to_string().contains(hash), "{made}");
        assert_eq!(place.stored_user(name).password_hash.as_deref(), Some(hash));
        assert!(signs_in(&place.stored_user(name), password));
    }
    let stdin = ["user", "create", "--username", "carol", "--password-hash-file", "-"];
    place.json_of(&stdin, bcrypt);
    assert!(signs_in(&place.stored_user("carol"), "U*U"));
    let reset = place.json(&["user", "reset-password", "carol"]);
    assert!(signs_in(&place.stored_user("carol"), text(&reset, "password")));
}

#[test]
fn a_hash_that_cannot_be_verified_is_refused_and_not_repeated() {
    let place = Place::migrated();
    let create = ["user", "create", "--username", "alice", "--password-hash-file", "-"];
    let hash = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    for hostile in [
        format!("$2x$05${hash}"),
        format!("$2a$31${hash}"),
        format!("$2a$05${}", &hash[..52]),
        format!("$2a$05${hash}\n$2a$05${hash}"),
        "$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
            .to_owned(),
        "garbage".to_owned(),
        String::new(),
    ] {
        let refusal = place.fails_with(&create, &hostile);
        assert!(refusal.starts_with("not a "), "{refusal}");
        assert!(hostile.is_empty() || !refusal.contains(&hostile), "{refusal}");
    }
    let both = [&create[..], &["--password-stdin"]].concat();
    assert!(place.fails(&both).contains("cannot be used with"));
    let missing = place.fails(&["user", "create", "--username", "a", "--password-hash-file", "nowhere"]);
    assert!(missing.starts_with("cannot read nowhere"), "{missing}");
    assert_eq!(place.json(&["user", "list"]), json!([]));
}

#[test]
fn update_changes_what_is_named_and_keeps_the_rest() {
    let place = Place::migrated();
    place.json(&CREATE);
    let vouched = place.json(&["user", "update", "alice", "--email-verified", "true"]);
    assert_eq!((&vouched["email_verified"], &vouched["full_name"]), (&json!(true), &json!("Alice A.")));
    let moved = place.json(&["user", "update", "alice", "--email", "a@example.org", "--full-name", ""]);
    assert_eq!((&moved["email_verified"], &moved["full_name"]), (&json!(false), &Value::Null));
    let claims = r#"{"nickname": "A.", "phone_number": "+44 20 7946 0000"}"#;
    let known = place.json_of(&["user", "update", "alice", "--claims", "-"], claims);
    assert_eq!(known["claims"]["phone_number"], "+44 20 7946 0000");
    let fewer = place.json_of(&["user", "update", "alice", "--claims", "-"], r#"{"nickname": null}"#);
    assert_eq!(fewer["claims"], json!({"phone_number": "+44 20 7946 0000"}));
    assert_eq!(place.json(&["user", "show", "alice"]), fewer);
    assert_eq!(place.stored_user("alice").epoch, 1, "nobody is signed out by that");
}

#[test]
fn another_role_ends_what_was_issued_and_the_last_administrator_stays() {
    let place = Place::migrated();
    place.json(&CREATE);
    assert_eq!(place.json(&["user", "update", "alice", "--role", "admin"])["role"], "admin");
    assert_eq!(place.stored_user("alice").epoch, 2);
    let refusal = place.fails(&["user", "update", "alice", "--role", "user"]);
    assert!(refusal.contains("cannot remove the last admin user"), "{refusal}");
}

#[test]
fn what_cannot_be_said_of_a_user_is_refused_by_name() {
    let place = Place::migrated();
    place.json(&CREATE);
    for (claims, words) in [
        ("x", "- is not JSON"),
        ("[]", "not a JSON object"),
        (r#"{"roles": ["admin"]}"#, "the claims are given_name"),
        (r#"{"birthdate": "10.12.1815"}"#, "the claim birthdate must be a date such as 1815-12-10"),
    ] {
        let done = place.run(&["user", "update", "alice", "--claims", "-"], claims);
        assert!(done.code == Some(1) && done.stderr.contains(words), "{claims}: {done:?}");
    }
    let missing = place.fails(&["user", "update", "alice", "--claims", "/nonexistent"]);
    assert!(missing.contains("cannot read /nonexistent"), "{missing}");
    place.fails(&["user", "update", "alice"]);
    place.fails(&["user", "update", "nobody", "--role", "user"]);
    assert_eq!(place.json(&["user", "show", "alice"])["claims"], json!({}));
}

#[test]
fn disable_and_enable_raise_the_epoch() {
    let place = Place::migrated();
    let id = text(&place.json(&CREATE), "id").to_owned();
    assert_eq!(place.json(&["user", "disable", "alice"])["status"], "disabled");
    assert_eq!(place.stored_user("alice").epoch, 2);
    assert_eq!(place.fails(&["user", "disable", "alice"]), "user is already disabled");
    assert_eq!(place.json(&["user", "enable", &id])["status"], "active");
    assert_eq!(place.stored_user("alice").epoch, 3);
    assert_eq!(place.fails(&["user", "enable", "alice"]), "user is already active");
}

#[test]
fn reset_password_raises_the_epoch() {
    let place = Place::migrated();
    let old = place.json(&CREATE);
    let new = place.json(&["user", "reset-password", "alice"]);
    let stored = place.stored_user("alice");
    assert!(signs_in(&stored, text(&new, "password")) && !signs_in(&stored, text(&old, "password")));
    assert_eq!(stored.epoch, 2);
    place.json_of(&["user", "reset-password", "alice", "--password-stdin"], "correct horse\n");
    assert!(signs_in(&place.stored_user("alice"), "correct horse"));
    assert_eq!(place.stored_user("alice").epoch, 3);
}

#[test]
fn the_last_admin_stays() {
    let place = Place::migrated();
    for name in ["one", "two"] {
        place.prints(&["user", "create", "--username", name, "--role", "admin"]);
    }
    place.prints(&["user", "disable", "one"]);
    assert_eq!(place.fails(&["user", "disable", "two"]), "cannot remove the last admin user");
}

#[test]
fn what_cannot_be_is_refused_in_a_sentence() {
    let place = Place::migrated();
    place.prints(&CREATE);
    let create = |args: &[&str], stdin: &str| place.fails_with(&[&["user", "create"], args].concat(), stdin);
    for (args, sentence) in [
        (&[][..], "--username"),
        (&["--username", ""], "a username has 1 to 100 bytes"),
        (&["--username", "client:x"], "a username has 1 to 100 bytes"),
        (&["--username", "a b"], "a username has 1 to 100 bytes"),
        (&["--username", "ALICE"], "username already exists"),
        (&["--username", "bob", "--email", "bob"], "name@host"),
        (&["--username", "bob", "--email", "alice@EXAMPLE.com"], "email already in use"),
        (&["--username", "bob", "--full-name", "\u{1b}[2J"], "a full name has at most 200 bytes"),
        (&["--username", "bob", "--role", "root"], "must be admin or user"),
        (&["--username", "bob", "--password", "hunter2"], "unexpected argument '--password'"),
    ] {
        let found = create(args, "");
        assert!(found.contains(sentence), "{args:?}: {found}");
    }
    let stdin = ["--username", "bob", "--password-stdin"];
    assert_eq!(create(&stdin, ""), "stdin is empty");
    assert_eq!(create(&stdin, "\nx"), "stdin is empty");
    assert_eq!(create(&stdin, "1234567"), "a password has 8 to 1024 bytes");
    assert_eq!(create(&stdin, &"x".repeat(1025)), "a password has 8 to 1024 bytes");
    for args in
        [&["user", "disable", "bob"][..], &["user", "enable", "bob"], &["user", "reset-password", "bob"]]
    {
        assert_eq!(place.fails(args), "there is no user \"bob\"");
    }
    assert_eq!(place.json(&["user", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn d45_a_name_that_is_the_id_of_another_does_not_win() {
    let place = Place::migrated();
    let alice = place.json(&CREATE);
    let id = text(&alice, "id");
    place.prints(&["user", "create", "--username", id]);
    place.prints(&["user", "disable", id]);
    assert_eq!(place.stored_user("alice").status, user::UserStatus::Disabled);
}

#[test]
fn every_change_leaves_its_event() {
    let place = Place::migrated();
    place.prints(&CREATE);
    for verb in ["disable", "enable", "reset-password"] {
        place.prints(&["user", verb, "alice"]);
    }
    let event = |kind: &str| (kind.to_owned(), None, Some("cli".to_owned()));
    let kinds = ["USER_CREATED", "USER_DISABLED", "USER_ENABLED", "USER_PASSWORD_RESET"];
    assert_eq!(place.audit(), kinds.map(event));
}

#[test]
fn commands_wait_for_each_other() {
    let place = Place::migrated();
    place.prints(&["user", "list"]);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (place, name) = (&place, format!("user{number}"));
            scope.spawn(move || place.prints(&["user", "create", "--username", &name]));
        }
    });
    assert_eq!(place.json(&["user", "list"]).as_array().unwrap().len(), 8);
}
