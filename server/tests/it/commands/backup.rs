//! `authgate backup` and `authgate restore`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use authgate_core::db::{self, Store, VERSION};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Place, text};
use crate::util::process::{self, Process};
use crate::util::{Client, Registered};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The names in the folder of the data.
fn names(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.path("data")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A migrated place with keys, and a backup of it.
fn backed_up() -> Place {
    let place = Place::migrated();
    place.prints(&["user", "create", "--username", "alice"]);
    place.prints(&["backup", "backup.db"]);
    place
}

fn execute(path: &Path, sql: &str) {
    Store::sqlite(path, 1).unwrap().write(|tx| tx.execute(sql, &[])).unwrap();
}

fn count(path: &Path, sql: &str) -> i64 {
    let counted: Option<(i64,)> = db::inspect(path, |tx| tx.one(sql, &[])).unwrap();
    counted.unwrap().0
}

#[test]
fn a_backup_is_private_complete_and_never_overwrites() {
    let place = Place::migrated();
    place.prints(&["user", "create", "--username", "alice"]);
    let answer = place.json(&["backup", "backup.db"]);
    assert_eq!((&answer["schema_version"], &answer["rows"]["users"]), (&json!(VERSION), &json!(1)));
    assert!(text(&answer, "master_key").ends_with("data/master.key"), "{answer}");
    assert_eq!(mode(&place.path("backup.db")), 0o600);
    let bytes = fs::read(place.path("backup.db")).unwrap();
    assert_eq!(answer["bytes"], json!(bytes.len()));
    let master = fs::read_to_string(place.path("data/master.key")).unwrap();
    assert!(!bytes.windows(43).any(|window| window == master.trim().as_bytes()), "the key is not in it");

    assert!(place.fails(&["backup", "backup.db"]).contains("overwrites nothing"));
    assert_eq!(fs::read(place.path("backup.db")).unwrap(), bytes);
    let told = place.prints(&["backup", "other.db"]);
    assert!(told.contains("The master key is not in it") && told.contains("users 1"), "{told}");
    assert!(place.fails(&["backup", "missing/backup.db"]).contains("cannot write the backup"));
    assert!(Place::empty().fails(&["backup", "backup.db"]).contains("there is no database"));
}

/// A process that may write no file longer than some kilobytes, and is told so: as on a full disk.
fn limited(place: &Place, args: &[&str]) -> (Option<i32>, String) {
    let done = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_authgate")])
        .args(args)
        .current_dir(place.folder.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    (done.status.code(), String::from_utf8(done.stderr).unwrap())
}

#[test]
fn a_full_disk_leaves_no_half_of_a_backup_and_changes_no_database() {
    let place = backed_up();
    let (before, inside) = (fs::read(place.path("data/authgate.db")).unwrap(), names(&place));
    let (code, sentence) = limited(&place, &["backup", "second.db"]);
    assert_eq!(code, Some(1), "{sentence}");
    assert!(sentence.contains("cannot write the backup second.db"), "{sentence}");
    let (code, sentence) = limited(&place, &["restore", "backup.db", "--replace"]);
    assert_eq!(code, Some(1), "{sentence}");
    assert!(sentence.contains("cannot copy backup.db"), "{sentence}");
    let mut outside: Vec<_> =
        fs::read_dir(place.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    outside.sort();
    assert_eq!(outside, ["backup.db", "data"]);
    assert_eq!((fs::read(place.path("data/authgate.db")).unwrap(), names(&place)), (before, inside));
}

#[test]
fn what_is_no_whole_backup_of_ours_is_refused_and_nothing_changes() {
    let place = backed_up();
    let whole = fs::read(place.path("backup.db")).unwrap();
    let file = |name: &str| place.path(name);
    fs::write(file("cut.db"), &whole[..whole.len() / 2]).unwrap();
    fs::write(file("empty.db"), "").unwrap();
    fs::write(file("notes.txt"), "no database at all, but long enough to be taken for one".repeat(100))
        .unwrap();
    for name in ["newer.db", "trigger.db", "foreign.db", "keyless.db"] {
        fs::copy(file("backup.db"), file(name)).unwrap();
    }
    execute(&file("newer.db"), "INSERT INTO migrations (version, name, applied_at) VALUES (99, 'future', 0)");
    execute(
        &file("trigger.db"),
        "CREATE TRIGGER own AFTER UPDATE ON sessions BEGIN UPDATE users SET role = 'admin'; END",
    );
    execute(&file("foreign.db"), "UPDATE migrations SET name = 'theirs' WHERE version = 1");
    execute(&file("keyless.db"), "DELETE FROM settings");
    for name in ["newer.db", "trigger.db", "foreign.db", "keyless.db"] {
        db::fold(&file(name)).unwrap();
        for companion in ["-wal", "-shm"] {
            let _ = fs::remove_file(file(&format!("{name}{companion}")));
        }
    }
    let (before, inside) = (fs::read(file("data/authgate.db")).unwrap(), names(&place));
    for (name, words) in [
        ("cut.db", "malformed"),
        ("empty.db", "no database of Authgate"),
        ("notes.txt", "not a database"),
        ("newer.db", "schema version 99"),
        ("trigger.db", "no database of Authgate"),
        ("foreign.db", "no database of Authgate"),
        ("keyless.db", "nothing to restore"),
        ("missing.db", "cannot read missing.db"),
    ] {
        let sentence = place.fails(&["restore", name, "--replace"]);
        assert!(sentence.contains(words), "{name}: {sentence}");
        assert_eq!(
            (fs::read(file("data/authgate.db")).unwrap(), names(&place)),
            (before.clone(), inside.clone())
        );
    }
    assert!(place.fails(&["restore", "backup.db"]).contains("--replace"));
    assert_eq!(fs::read(file("data/authgate.db")).unwrap(), before);
}

#[test]
fn d24_a_backup_needs_the_master_key_of_its_time() {
    let place = backed_up();
    let elsewhere = Place::empty();
    let file = place.path("backup.db").into_os_string().into_string().unwrap();
    assert!(elsewhere.fails(&["restore", &file]).contains("there is no master key"));
    let other = Place::migrated();
    other.prints(&["user", "list"]);
    let sentence = other.fails(&["restore", &file, "--replace"]);
    assert!(sentence.contains("data/master.key is not the one"), "{sentence}");
    let elsewhere = elsewhere.with("MASTER_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert!(elsewhere.fails(&["restore", &file]).contains("the master key in MASTER_KEY"));
    assert!(names(&elsewhere).is_empty());

    let elsewhere = Place { env: Vec::new(), ..elsewhere };
    fs::copy(place.path("data/master.key"), elsewhere.path("data/master.key")).unwrap();
    // The log of a database that is gone would be played into this one.
    fs::write(elsewhere.path("data/authgate.db-wal"), "left over").unwrap();
    elsewhere.prints(&["restore", &file]);
    assert_eq!(mode(&elsewhere.path("data/authgate.db")), 0o600);
    assert!(elsewhere.prints(&["user", "list"]).contains("alice"));
    assert_eq!(place.json(&["key", "list"]), elsewhere.json(&["key", "list"]));
}

#[test]
fn the_database_before_is_kept_and_its_compromised_keys_stay_ended() {
    let place = backed_up();
    place.prints(&["user", "create", "--username", "bob"]);
    let keys = place.json(&["key", "list"]);
    place.prints(&["key", "rotate", "--compromised", "--algorithm", "ES256"]);
    let done = place.json(&["restore", "backup.db", "--replace"]);
    assert!(!place.prints(&["user", "list"]).contains("bob"));
    let kept = Path::new(text(&done, "kept_as"));
    assert!(text(&done, "kept_as").starts_with("./data/authgate.db.before-2"), "{done}");
    let kept = place.folder.path().join(kept);
    assert_eq!(count(&kept, "SELECT COUNT(*) FROM users WHERE username = 'bob'"), 1);
    let compromised = keys.as_array().unwrap().iter().find(|key| key["algorithm"] == "ES256").unwrap();
    assert_eq!(done["keys_revoked"], json!([compromised["kid"]]));
    let after = place.json(&["key", "list"]);
    let state = |kid: &Value| {
        after.as_array().unwrap().iter().find(|key| key["kid"] == *kid).unwrap()["state"].clone()
    };
    assert_eq!(state(&compromised["kid"]), "revoked");
    assert!(place.audit().iter().any(|(kind, ..)| kind == "DATABASE_RESTORED"));
}

#[test]
fn a_damaged_database_is_put_aside_with_its_log() {
    let place = backed_up();
    fs::write(place.path("data/authgate.db"), "damaged").unwrap();
    fs::write(place.path("data/authgate.db-wal"), "its log").unwrap();
    let done = place.json(&["restore", "backup.db", "--replace"]);
    let kept = place.folder.path().join(text(&done, "kept_as"));
    assert_eq!(fs::read_to_string(&kept).unwrap(), "damaged");
    assert_eq!(fs::read_to_string(format!("{}-wal", kept.display())).unwrap(), "its log");
    assert!(place.prints(&["user", "list"]).contains("alice"));
}

#[test]
fn a_database_behind_a_link_is_replaced_where_it_is() {
    let place = backed_up();
    fs::create_dir(place.path("disk")).unwrap();
    fs::rename(place.path("data/authgate.db"), place.path("disk/real.db")).unwrap();
    std::os::unix::fs::symlink("../disk/real.db", place.path("data/authgate.db")).unwrap();
    place.prints(&["user", "create", "--username", "bob"]);
    place.prints(&["restore", "backup.db", "--replace"]);
    assert!(place.path("data/authgate.db").is_symlink());
    assert!(!place.prints(&["user", "list"]).contains("bob"));
}

const PASSWORD: &str = "correct horse battery";

/// A client of a place's running server.
fn registered(place: &Place) -> Registered {
    process::client(place.program(), &["authorization_code", "refresh_token", "client_credentials"])
}

async fn granted(http: &Client, app: &Registered) -> (String, String) {
    http.sign_in("admin", PASSWORD).await;
    let asks = app.asks(&[("scope", "openid read offline_access"), ("prompt", "consent")]);
    let code = http.allow(&asks).await.sent("code");
    let tokens = app.redeem(http, &code).await;
    (tokens.member("access_token"), tokens.member("refresh_token"))
}

fn serve(place: &Place) -> Process {
    Process::start(place.folder.path(), &[("DEFAULT_ADMIN_PASSWORD", PASSWORD)])
}

#[actix_web::test]
async fn adv_a_superseded_refresh_token_is_not_good_again_after_a_restore() {
    let place = Place::migrated();
    let mut process = serve(&place);
    let app = registered(&place);
    let browser = process.client();
    let (access_token, refresh_token) = granted(&browser, &app).await;
    place.prints(&["backup", "backup.db"]);
    assert_eq!(app.refresh(&process.client(), &refresh_token).await.status, 200, "superseded by this");
    let sentence = place.fails(&["restore", "backup.db", "--replace"]);
    assert!(sentence.contains("is using") && sentence.contains("stop it first"), "{sentence}");
    process.signal(Signal::TERM);
    assert_eq!(process.code(), Some(0));

    let done = place.json(&["restore", "backup.db", "--replace"]);
    assert_eq!(done["ended"], json!({"sessions": 1, "grants": 1, "tokens": 1}));
    let process = serve(&place);
    assert_eq!(app.refresh(&process.client(), &refresh_token).await.error(), "invalid_grant");
    assert!(!app.is_live(&process.client(), &access_token).await);
    granted(&process.client(), &app).await;
}

#[actix_web::test]
async fn a_backup_beside_eight_writers_has_every_token_acknowledged_before_it() {
    let place = Place::migrated();
    let process = serve(&place);
    let app = registered(&place);
    let form = [("grant_type", "client_credentials"), ("scope", "read")];
    let (http, stop) = (process.client(), AtomicBool::new(false));
    let mut acknowledged = Vec::new();
    for _ in 0..8 {
        acknowledged.push(app.token(&http, &form).await.member("access_token"));
    }
    let writer = async || {
        let (http, mut more) = (process.client(), 0);
        while !stop.load(Ordering::SeqCst) || more == 0 {
            app.token(&http, &form).await.member("access_token");
            more += 1;
        }
        more
    };
    let backup = async {
        let folder = place.folder.path().to_owned();
        let done = actix_web::rt::task::spawn_blocking(move || {
            Command::new(env!("CARGO_BIN_EXE_authgate"))
                .args(["backup", "backup.db"])
                .current_dir(folder)
                .env_clear()
                .output()
                .unwrap()
        });
        let done = done.await.unwrap();
        stop.store(true, Ordering::SeqCst);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let writers = futures_util::future::join_all((0..8).map(|_| writer()));
    let (more, ()) = futures_util::future::join(writers, backup).await;
    assert!(more.iter().all(|count| *count > 0), "each went on: {more:?}");

    let elsewhere = Place::empty();
    fs::create_dir(elsewhere.path("data")).unwrap();
    fs::copy(place.path("data/master.key"), elsewhere.path("data/master.key")).unwrap();
    let file = place.path("backup.db").into_os_string().into_string().unwrap();
    elsewhere.prints(&["restore", &file, "--keep-grants"]);
    let second = serve(&elsewhere);
    for access_token in &acknowledged {
        assert!(app.is_live(&second.client(), access_token).await);
    }
}
