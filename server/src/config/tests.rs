//! What the tests of every section use, and what holds for all settings.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, process};

use super::{Config, load, reference};

type Pairs<'a> = &'a [(&'a str, &'a str)];

fn loaded(pairs: Pairs<'_>) -> Result<(Config, Vec<String>), String> {
    let lookup =
        |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    load(&lookup).map_err(|problems| problems.to_string())
}

/// The configuration that these variables make.
pub fn config(pairs: Pairs<'_>) -> Config {
    loaded(pairs).unwrap().0
}

/// What is said about variables that cannot be.
pub fn refused(pairs: Pairs<'_>) -> String {
    loaded(pairs).unwrap_err()
}

/// What an operator is told beside a configuration that can be.
pub fn warnings(pairs: Pairs<'_>) -> Vec<String> {
    loaded(pairs).unwrap().1
}

/// A file of one test, gone with it.
pub struct Scratch(String);

impl Scratch {
    /// A file whose name ends in `name`.
    pub fn new(name: &str, text: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let (process, number) = (process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path: PathBuf = env::temp_dir().join(format!("authgate-config-{process}-{number}-{name}"));
        fs::write(&path, text).unwrap();
        Self(path.into_os_string().into_string().unwrap())
    }

    /// Its absolute path.
    pub fn path(&self) -> &str {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn an_empty_environment_is_enough_and_warns_of_nothing() {
    assert!(warnings(&[]).is_empty());
}

#[test]
fn blank_values_count_as_not_set() {
    let names: Vec<_> = reference().iter().map(|setting| setting.name).collect();
    let blank: Vec<_> = names.iter().map(|name| (*name, " ")).collect();
    assert_eq!(format!("{:?}", config(&blank)), format!("{:?}", config(&[])));
}

#[test]
fn every_setting_stands_once_with_a_doc() {
    let settings = reference();
    let names: BTreeSet<_> = settings.iter().map(|setting| setting.name).collect();
    assert_eq!(names.len(), settings.len());
    for setting in settings {
        assert!(setting.doc.ends_with('.') && !setting.doc.contains('|'), "{setting:?}");
    }
}

#[test]
fn all_problems_come_at_once() {
    let text = refused(&[
        ("SERVER_ADDR", "x"),
        ("SESSION_MAX_AGE", "y"),
        ("CORS_MAX_AGE", "z"),
        ("LOG_FORMAT", "w"),
    ]);
    let names: Vec<_> = text.lines().skip(1).map(|line| line.trim().split('=').next().unwrap()).collect();
    assert_eq!(names, ["SERVER_ADDR", "LOG_FORMAT", "SESSION_MAX_AGE", "CORS_MAX_AGE"]);
}

#[test]
fn adv_39_no_secret_shows_in_debug_problems_or_warnings() {
    const SENTINEL: &str = "hunter2-hunter2-hunter2-hunter2-hunter2";
    let secrets: Vec<_> =
        reference().iter().filter(|setting| setting.secret).map(|setting| (setting.name, SENTINEL)).collect();
    assert!(secrets.len() > 4);
    let readable: Vec<_> = secrets
        .iter()
        .copied()
        .filter(|(name, _)| !["MASTER_KEY", "JWT_PRIVATE_KEY_PEM", "DATABASE_DSN"].contains(name))
        .collect();
    assert!(!format!("{:?}", loaded(&readable)).contains("hunter2"));
    let mut wrong = secrets.clone();
    wrong.push(("DATABASE_DRIVER", "mysql"));
    assert!(!refused(&wrong).contains("hunter2"));
}

#[test]
fn d35_an_unsafe_production_configuration_is_refused_whole() {
    let text = refused(&[
        ("ENVIRONMENT", "production"),
        ("BASE_URL", "http://id.example.com"),
        ("JWT_SECRET", "your-256-bit-secret-change-in-production"),
        ("SESSION_SECRET", "session-secret-change-in-production"),
        ("CORS_ENABLED", "true"),
    ]);
    assert_eq!(text.lines().count(), 5, "{text}");
}
