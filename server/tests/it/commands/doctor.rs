//! `authgate doctor`: each finding provoked once.

mod outside;

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Command, Output};

use authgate_core::db::Store;
use serde_json::Value;

use super::Place;
use crate::util::process::Process;

/// What one run found.
struct Found(Value);

impl Place {
    fn doctor(&self) -> Found {
        self.doctor_with(&[])
    }

    fn doctor_with(&self, env: &[(&str, &str)]) -> Found {
        let done = self.doctor_command(env).output().unwrap();
        read(&done)
    }

    fn doctor_command(&self, env: &[(&str, &str)]) -> Command {
        let mut command = self.program();
        command.args(["doctor", "--json"]).envs(env.iter().copied());
        command
    }
}

fn read(done: &Output) -> Found {
    assert_eq!(String::from_utf8_lossy(&done.stderr), "");
    let found = Found(serde_json::from_slice(&done.stdout).unwrap());
    let code = i32::from(found.has_problems());
    assert_eq!(done.status.code(), Some(code), "the status says whether there is a problem");
    found
}

impl Found {
    fn has_problems(&self) -> bool {
        self.all().iter().any(|finding| finding["level"] == "problem")
    }

    fn all(&self) -> &[Value] {
        self.0.as_array().unwrap()
    }

    /// The one finding with these words, which says what to do unless all is well.
    fn says(&self, level: &str, about: &str, words: &str) -> &Self {
        let of = |finding: &&Value| {
            finding["about"] == about && finding["found"].as_str().unwrap().contains(words)
        };
        let found: Vec<_> = self.all().iter().filter(of).collect();
        assert_eq!(found.len(), 1, "{words} in {:#}", self.0);
        assert_eq!(found[0]["level"], level, "{}", found[0]);
        assert_eq!(found[0]["do"] == "", level == "ok", "{}", found[0]);
        self
    }
}

/// A place with a database and keys, and no server.
fn used() -> Place {
    let place = Place::migrated();
    place.prints(&["key", "list"]);
    place
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_sound_server_has_no_problem() {
    let (place, port) = (Place::empty(), free_port());
    let (url, addr) = (format!("http://localhost:{port}"), format!("127.0.0.1:{port}"));
    let env = [("BASE_URL", url.as_str()), ("SERVER_ADDR", addr.as_str())];
    let _process = Process::start(place.folder.path(), &env);
    let found = place.doctor_with(&env);
    assert!(!found.has_problems(), "{:#}", found.0);
    found
        .says("ok", "configuration", "valid")
        .says("warning", "files", "authgate-credentials.txt is still there")
        .says("ok", "files", "master.key")
        .says("ok", "database", "is sound")
        .says("ok", "keys", "the master key fits")
        .says("ok", "issuer", "byte for byte")
        .says("ok", "clock", "s apart")
        .says("ok", "key set", "the 2 published keys are those of the database")
        .says("ok", "address", "sees this machine as 127.0.0.1");
    // What people read has what was found and, where something is to do, what.
    let text = Command::new(env!("CARGO_BIN_EXE_authgate"))
        .arg("doctor")
        .current_dir(place.folder.path())
        .env_clear()
        .envs(env)
        .output()
        .unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("ok       issuer        http://localhost:"), "{text}");
    assert!(text.contains("\n                       -> keep the password"), "{text}");
    assert!(text.contains("looked at: 0 problems"), "{text}");
}

#[test]
fn settings_that_are_wrong_or_weak() {
    let place = Place::empty()
        .with("BASE_URL", "ftp://x")
        .with("JWT_SECRET", "hunter2")
        .with("LOGIN_RATE_LIMIT", "x");
    let found = place.doctor();
    found.says("problem", "configuration", "BASE_URL=").says(
        "problem",
        "configuration",
        "LOGIN_RATE_LIMIT=x",
    );
    assert!(!found.0.to_string().contains("hunter2"));
    let found = used().with("ENABLE_RATE_LIMIT", "false").doctor();
    found.says("warning", "configuration", "ENABLE_RATE_LIMIT=false is weaker");
}

#[test]
fn nothing_is_there_yet() {
    let place = Place::empty();
    place.doctor().says("problem", "database", "there is no database").says(
        "warning",
        "disk",
        "is not there",
    );
    assert_eq!(fs::read_dir(place.folder.path()).unwrap().count(), 0, "looking makes nothing");
    let place = Place::migrated();
    place.doctor().says("warning", "keys", "there are none yet");
}

#[test]
fn files_that_others_may_read() {
    let place = used();
    chmod(&place.path("data/authgate.db"), 0o644);
    chmod(&place.path("data/master.key"), 0o640);
    fs::write(place.path("secret"), "0123456789abcdef0123456789abcdef").unwrap();
    chmod(&place.path("secret"), 0o604);
    fs::write(place.path(".env"), "JWT_SECRET=0123456789abcdef0123456789abcdef\n").unwrap();
    chmod(&place.path(".env"), 0o600);
    let found = place.doctor_with(&[("DEFAULT_ADMIN_PASSWORD_FILE", "secret")]);
    found
        .says("problem", "database", "may be used by others on this machine: mode 0644")
        .says("warning", "files", "master.key (the master key) may be used by group")
        .says(
            "problem",
            "files",
            "secret (DEFAULT_ADMIN_PASSWORD_FILE) may be used by everybody on this machine: mode 0604",
        )
        .says("ok", "files", ".env (secrets) is of user");
}

/// Program and folder where everybody can reach them, whatever lies above them.
const REACHABLE: &str = r#"
set -eu
program=$1 folder=$2; shift 2
mount -t tmpfs -o mode=0755 reachable /mnt
touch /mnt/authgate; mount --bind "$program" /mnt/authgate
mkdir /mnt/folder; mount --bind "$folder" /mnt/folder
cd /mnt/folder
exec setpriv --reuid=1000 --regid=1000 --clear-groups /mnt/authgate "$@"
"#;

/// Root reads everything, so the command runs as the user of the image; whoever is not root locks themselves out by the mode.
fn as_somebody_else(place: &Place, env: &[(&str, &str)]) -> Found {
    let mut doctor = place.doctor_command(env);
    if !rustix::process::geteuid().is_root() {
        return read(&doctor.output().unwrap());
    }
    chmod(place.folder.path(), 0o755);
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "--", "sh", "-c", REACHABLE, "sh"]);
    command.arg(doctor.get_program()).arg(place.folder.path()).args(doctor.get_args());
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.envs(doctor.get_envs().filter_map(|(name, value)| Some((name, value?))));
    read(&command.output().unwrap())
}

#[test]
fn files_that_the_server_cannot_read_are_named_with_their_owner_and_mode() {
    let place = used();
    chmod(&place.path("data"), 0o755);
    let me = rustix::process::geteuid().as_raw();
    for name in ["data/authgate.db", "data/master.key"] {
        chmod(&place.path(name), 0);
    }
    let found = as_somebody_else(&place, &[]);
    let owner = format!("it is of user {me}, mode 0000: Permission denied");
    found.says("problem", "database", &owner).says("problem", "files", &owner);
    let found = as_somebody_else(&place, &[("MASTER_KEY_FILE", "data/master.key")]);
    found.says("problem", "files", &owner).says(
        "problem",
        "configuration",
        "MASTER_KEY_FILE=data/master.key",
    );
    if me == 0 {
        found.says("problem", "files", "cannot be read by user 1000");
        chown(place.path("data/authgate.db"), Some(1000), Some(1000)).unwrap();
        chmod(&place.path("data/authgate.db"), 0o600);
        as_somebody_else(&place, &[]).says("problem", "disk", "cannot be written to by user 1000");
    }
}

#[test]
fn a_damaged_or_newer_database_and_one_from_the_future() {
    let place = used();
    let database = place.path("data/authgate.db");
    let execute = |sql: &str| Store::sqlite(&database, 1).unwrap().write(|tx| tx.execute(sql, &[])).unwrap();
    execute("INSERT INTO settings (name, value, updated_at) VALUES ('heartbeat', 'stopped', 32503680000)");
    place.doctor().says("problem", "database", "its newest entry is of 3000-01-01T00:00:00Z");
    execute("INSERT INTO migrations (version, name, applied_at) VALUES (99, 'future', 0)");
    place.doctor().says("problem", "database", "schema version 99");
    execute("DELETE FROM migrations WHERE version = 99");
    authgate_core::db::fold(&database).unwrap();
    let mut bytes = fs::read(&database).unwrap();
    let last_page = bytes.len() - 4096;
    bytes[last_page..].fill(0xff);
    fs::write(&database, bytes).unwrap();
    place.doctor().says("problem", "database", "damaged");
    fs::write(&database, "no database at all, but long enough to be taken for one".repeat(100)).unwrap();
    place.doctor().says("problem", "database", "not a database");
}

#[test]
fn keys_that_are_lost_foreign_or_overdue() {
    let place = used();
    let sql = "UPDATE signing_keys SET created_at = 1, activated_at = 1";
    Store::sqlite(&place.path("data/authgate.db"), 1).unwrap().write(|tx| tx.execute(sql, &[])).unwrap();
    place.doctor_with(&[("KEY_ROTATION_INTERVAL", "2160h")]).says(
        "warning",
        "keys",
        "KEY_ROTATION_INTERVAL is 90 days",
    );
    place.doctor().says("ok", "keys", "turned by hand");
    let wrong = [("MASTER_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")];
    place.doctor_with(&wrong).says("problem", "keys", "the master key");
    fs::remove_file(place.path("data/master.key")).unwrap();
    place.doctor().says("problem", "keys", "there is no master key");
}
