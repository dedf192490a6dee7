//! The configuration: the environment, and the file beside it.

use std::collections::BTreeMap;
use std::fs;

use authgate::config::{self, Config, Problems, duration, integer, list, seconds, show_seconds};

/// A line `NAME=value` each, and after an empty line the file. What is accepted can be written again, what is not is
/// said without the values of secrets.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (settings, file) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut env: BTreeMap<_, _> = settings.lines().filter_map(|line| line.split_once('=')).collect();
    for value in env.values() {
        values(value);
    }
    // Files that an input names are not opened here.
    env.retain(|name, _| !["FILE", "PATH", "DIR"].iter().any(|part| name.contains(part)));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("authgate.toml");
    if !file.is_empty() {
        fs::write(&path, file).expect("a file");
        env.insert("CONFIG_FILE", path.to_str().expect("text"));
    }
    env.insert("DATA_DIR", folder.path().to_str().expect("text"));
    let read: Result<(Config, _), Problems> =
        config::load(&|name| env.get(name).map(|value| (*value).to_owned()));
    let (said, warnings) = match read {
        Ok((config, warnings)) => (format!("{config:?}"), warnings),
        Err(problems) => (format!("{problems} {problems:?}"), Vec::new()),
    };
    for secret in config::reference().iter().filter(|setting| setting.secret) {
        let Some(value) = env
            .get(secret.name)
            .filter(|value| value.len() >= 12 && value.bytes().all(|b| b.is_ascii_alphanumeric()))
        else {
            continue;
        };
        // It may stand in another setting, which is no secret.
        if env.iter().filter(|(name, _)| **name != secret.name).any(|(_, other)| other.contains(value))
            || file.contains(value)
        {
            continue;
        }
        let shown = warnings.iter().any(|warning| warning.contains(value)) || said.contains(value);
        assert!(!shown, "{} shows", secret.name);
    }
}

fn values(text: &str) {
    if let Ok(number) = integer(text, &(i64::MIN..=i64::MAX)) {
        assert_eq!(integer(&number.to_string(), &(i64::MIN..=i64::MAX)), Ok(number));
    }
    if let Ok(time) = seconds(text, &(0..=i64::MAX)) {
        assert!(time >= 0);
        assert_eq!(seconds(&show_seconds(time), &(0..=i64::MAX)), Ok(time), "{text}");
    }
    if let Ok(time) = duration(text) {
        assert_eq!(duration(&format!("{}ns", time.as_nanos())), Ok(time));
    }
    assert!(list(text).iter().all(|item| !item.is_empty() && item.trim() == item));
}
