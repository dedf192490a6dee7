//! The database file: readable, private, sound, of this version, and of this time.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use authgate::config::Config;
use authgate_core::db::{self, Tx, VERSION};
use authgate_core::error::Result;
use authgate_core::{backup, recovery};

use super::super::answer::time;
use super::Finding;
use super::files::{me, owner};

const ABOUT: &str = "database";

/// Bytes of the log that show that something keeps it from being moved into the file; it is moved at 4 MiB.
const LONG_LOG: u64 = 64 << 20;
/// Seconds that an entry may lie in the future: clocks of several machines differ.
const AHEAD: i64 = 5;

/// What was found, and what other checks go by.
pub struct Database {
    /// What was found.
    pub findings: Vec<Finding>,
    /// True if it is of this version and can be read.
    pub is_readable: bool,
    /// True if a server said within the last 15 s that it is alive.
    pub is_running: bool,
}

/// Everything about the file, beside a running server or without one. Changes nothing.
pub fn check(config: &Config, now: i64) -> Database {
    let path = &config.database.path;
    let mut found = Database { findings: Vec::new(), is_readable: false, is_running: false };
    if let Err(finding) = permissions(path) {
        found.findings.push(finding);
        return found;
    }
    found.findings.extend(private(path));
    match db::inspect(path, |tx| Ok((db::require_current(tx), recovery::is_running(tx, now)))) {
        Ok((Ok(()), running)) => {
            found.is_readable = true;
            found.is_running = running.unwrap_or(false);
        }
        Ok((Err(error), _)) | Err(error) => found.findings.push(Finding::problem(
            ABOUT,
            format!("{}: {error}", path.display()),
            "run the program that belongs to it, or `authgate restore` a backup",
        )),
    }
    if found.is_readable {
        found.findings.push(sound(path));
        found.findings.extend(log(path));
        found.findings.extend(future(path, now));
    }
    found
}

fn permissions(path: &Path) -> Result<(), Finding> {
    let Ok(metadata) = fs::metadata(path) else {
        return Err(Finding::problem(
            ABOUT,
            format!("there is no database {} that {} can see", path.display(), me()),
            "start the server, which makes it, or run this with the server's environment, folder and user",
        ));
    };
    match OpenOptions::new().read(true).append(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(Finding::problem(
            ABOUT,
            format!("{} cannot be used by {}: it is {}: {error}", path.display(), me(), owner(&metadata)),
            "run this as the server's user, or give the file to it",
        )),
    }
}

fn private(path: &Path) -> Option<Finding> {
    let mode = fs::metadata(path).ok()?.mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        Finding::problem(
            ABOUT,
            format!("{} may be used by others on this machine: mode {mode:04o}", path.display()),
            format!("chmod 600 {}", path.display()),
        )
    })
}

fn sound(path: &Path) -> Finding {
    let read = db::inspect(path, |tx| {
        backup::check(tx)?;
        Ok((
            number(tx, "PRAGMA page_count")?,
            number(tx, "PRAGMA freelist_count")?,
            number(tx, "PRAGMA page_size")?,
        ))
    });
    match read {
        Ok((pages, free, size)) => Finding::fine(
            ABOUT,
            format!(
                "{} is sound: schema version {VERSION}, {} KiB, {} % of them free for reuse",
                path.display(),
                pages * size / 1024,
                (free * 100).checked_div(pages).unwrap_or(0)
            ),
        ),
        Err(error) => Finding::problem(
            ABOUT,
            format!("{}: {error}", path.display()),
            "stop the server, keep the file for inspection, and `authgate restore --replace` the newest backup",
        ),
    }
}

fn number(tx: &mut Tx<'_>, pragma: &str) -> Result<i64> {
    let read: Option<(i64,)> = tx.one(pragma, &[])?;
    Ok(read.map_or(0, |(number,)| number))
}

fn log(path: &Path) -> Option<Finding> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let bytes = fs::metadata(&log).ok()?.len();
    (bytes > LONG_LOG).then(|| {
        Finding::warning(
            ABOUT,
            format!("the log {} has {} MiB", Path::new(&log).display(), bytes >> 20),
            "something reads for very long, such as a backup or a shell: end it, or restart the server",
        )
    })
}

fn future(path: &Path, now: i64) -> Option<Finding> {
    let newest = db::inspect(path, backup::newest).ok()??;
    (newest > now + AHEAD).then(|| {
        Finding::problem(
            ABOUT,
            format!("its newest entry is of {}, and it is {} now", time(newest), time(now)),
            "set the clock right (chronyc tracking, timedatectl): lifetimes of tokens go by it",
        )
    })
}
