//! Who may read what is secret.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use authgate::config::{Config, reference};

use super::Finding;

const ABOUT: &str = "files";

/// Settings that name a file with a secret beside those called `<NAME>_FILE` for a secret `<NAME>`.
const KEYS: [&str; 2] = ["TLS_KEY_FILE", "JWT_PRIVATE_KEY_PATH"];

/// The files with secrets that settings name, and `.env`.
pub fn named(variables: &HashMap<String, String>) -> Vec<Finding> {
    let settings = reference();
    let is_secret = |name: &str| settings.iter().any(|setting| setting.secret && setting.name == name);
    let mut findings = Vec::new();
    for setting in &settings {
        let holds_a_secret =
            setting.name.strip_suffix("_FILE").is_some_and(is_secret) || KEYS.contains(&setting.name);
        if let Some(file) =
            variables.get(setting.name).map(|file| file.trim()).filter(|file| !file.is_empty())
            && holds_a_secret
        {
            findings.push(secret(setting.name, Path::new(file)));
        }
    }
    let dotenv = fs::read_to_string(".env").unwrap_or_default();
    if dotenv.lines().any(|line| line.split_once('=').is_some_and(|(name, _)| is_secret(name.trim()))) {
        findings.push(secret("secrets", Path::new(".env")));
    }
    findings
}

/// What the server itself wrote.
pub fn of(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    if config.keys.master.is_none() && config.keys.master_file.exists() {
        findings.push(secret("the master key", &config.keys.master_file));
    }
    let credentials = config.database.credentials_file();
    if credentials.exists() {
        findings.push(Finding::warning(
            ABOUT,
            format!("{} is still there, with the first password", credentials.display()),
            "keep the password where you keep passwords, and delete the file",
        ));
    }
    findings
}

/// A file that only its owner should read, and this user must.
pub fn secret(what: &str, path: &Path) -> Finding {
    let at = format!("{} ({what})", path.display());
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Finding::problem(
                ABOUT,
                format!("{at} is not there"),
                "restore the file, or correct the setting",
            );
        }
        Err(error) => {
            return Finding::problem(
                ABOUT,
                format!("{at} cannot be looked at by {}: {error}", me()),
                "let this user enter the folder",
            );
        }
    };
    if let Err(error) = File::open(path) {
        return Finding::problem(
            ABOUT,
            format!("{at} cannot be read by {}: it is {}: {error}", me(), owner(&metadata)),
            "give the file to the server's user, with mode 0600",
        );
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o007 != 0 {
        return Finding::problem(
            ABOUT,
            format!("{at} may be used by everybody on this machine: mode {mode:04o}"),
            format!("chmod 600 {}; whoever may have read it has the secret", path.display()),
        );
    }
    if mode & 0o070 != 0 {
        return Finding::warning(
            ABOUT,
            format!("{at} may be used by group {}: mode {mode:04o}", metadata.gid()),
            format!("chmod 600 {}, unless that is meant", path.display()),
        );
    }
    Finding::fine(ABOUT, format!("{at} is {}", owner(&metadata)))
}

/// This user, as the kernel knows it.
pub fn me() -> String {
    format!("user {}", rustix::process::geteuid().as_raw())
}

/// Owner and mode of a file.
pub fn owner(metadata: &Metadata) -> String {
    format!("of user {}, mode {:04o}", metadata.uid(), metadata.mode() & 0o777)
}
