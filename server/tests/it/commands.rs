//! The built program as an operator runs it, each test in a folder of its own.

mod backup;
mod client;
mod configuration;
mod consent;
mod database;
mod doctor;
mod key;
mod token;
mod user;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use authgate::config::{self, Config};
use authgate::open::{self, Opened};
use authgate_core::audit::Origin;
use authgate_core::context::{Context, SystemClock, SystemRandom};
use authgate_core::db::Tx;
use authgate_core::env::Env;
use authgate_core::error::Result;
use authgate_core::facts::Facts;
use serde_json::Value;
use tempfile::TempDir;

use crate::util::process;

/// A folder to run in, and the environment of every command.
struct Place {
    folder: TempDir,
    env: Vec<(&'static str, String)>,
}

/// What a command did.
#[derive(Debug)]
struct Done {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Place {
    /// An empty folder and an empty environment.
    fn empty() -> Self {
        Self { folder: TempDir::new().unwrap(), env: Vec::new() }
    }

    /// The same with a migrated database.
    fn migrated() -> Self {
        let place = Self::empty();
        place.prints(&["migrate"]);
        place
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.env.push((name, value.to_owned()));
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program, to be run there.
    fn program(&self) -> Command {
        let mut program = process::program(self.folder.path());
        program.envs(self.env.iter().map(|(name, value)| (name, value)));
        program
    }

    fn run(&self, args: &[&str], stdin: &str) -> Done {
        let child = process::begin(self.program().args(args), stdin);
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Done { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// What a command that succeeds prints for people.
    fn prints(&self, args: &[&str]) -> String {
        let done = self.run(args, "");
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{args:?}");
        done.stdout
    }

    /// What it prints for scripts.
    fn json(&self, args: &[&str]) -> Value {
        self.json_of(args, "")
    }

    fn json_of(&self, args: &[&str], stdin: &str) -> Value {
        let done = self.run(&[args, &["--json"]].concat(), stdin);
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{args:?}");
        serde_json::from_str(&done.stdout).unwrap()
    }

    /// The sentence of a command that fails.
    fn fails(&self, args: &[&str]) -> String {
        self.fails_with(args, "")
    }

    fn fails_with(&self, args: &[&str], stdin: &str) -> String {
        let done = self.run(args, stdin);
        assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{args:?}");
        done.stderr.trim_end().to_owned()
    }

    fn config(&self) -> Config {
        let path = self.path("data").into_os_string().into_string().unwrap();
        config::load(&|name| (name == "DATA_DIR").then(|| path.clone())).unwrap().0
    }

    /// What the server beside the commands would work on.
    fn server(&self) -> Server {
        let ctx = Context::new(&SystemClock, Arc::new(SystemRandom));
        let config = self.config();
        let opened = open::for_server(&config, &ctx).unwrap();
        Server { opened, policy: authgate::policy::of(&config), origin: Origin::default(), ctx }
    }

    /// The audit trail: event, actor and path, oldest first.
    fn audit(&self) -> Vec<(String, Option<String>, Option<String>)> {
        let sql = "SELECT event_type, actor_user_id, request_path FROM audit_logs ORDER BY id";
        self.server().opened.store.read(|tx| tx.all(sql, &[])).unwrap()
    }
}

struct Server {
    opened: Opened,
    policy: authgate_core::policy::Policy,
    origin: Origin,
    ctx: Context,
}

impl Server {
    fn write<T>(&self, job: impl FnOnce(&mut Tx<'_>, Env<'_>) -> Result<T>) -> T {
        let env = Env {
            policy: &self.policy,
            keys: &self.opened.keys,
            master: &self.opened.master,
            recovery: None,
            origin: &self.origin,
            ctx: &self.ctx,
            facts: &Facts::default(),
        };
        self.opened.store.write(|tx| job(tx, env)).unwrap()
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap()
}

#[test]
fn d40_bare_prints_help_and_unknown_commands_fail() {
    let place = Place::empty();
    assert!(place.prints(&[]).contains("Usage: authgate"));
    assert_eq!(place.prints(&["-h"]), place.prints(&[]));
    for args in [&["foo"][..], &["user", "foo"], &["serve", "foo"]] {
        let sentence = place.fails(args);
        assert!(sentence.contains("foo") && sentence.contains("Usage: authgate"), "{sentence}");
    }
    assert!(place.fails(&["foo"]).starts_with("Unknown command: foo\n"));
}

#[test]
fn the_version_has_five_lines() {
    let place = Place::empty();
    let version = place.prints(&["--version"]);
    assert!(version.starts_with(&format!("AuthGate version {}\n", env!("CARGO_PKG_VERSION"))), "{version}");
    assert_eq!((version.lines().count(), version), (5, place.prints(&["-v"])));
}

#[test]
fn nothing_is_made_by_asking_for_help() {
    let place = Place::empty();
    for args in [&["--help"][..], &["client", "create", "--help"], &["help", "user"], &["config", "docs"]] {
        place.prints(args);
    }
    assert_eq!(std::fs::read_dir(place.folder.path()).unwrap().count(), 0);
}
