//! The master key and what it wraps.

use authgate::config::Config;
use authgate::open;
use authgate_core::db;
use authgate_core::error::Result;
use authgate_core::keys::{self, KeyState, Keys, Purpose, StoredKey, rotation};
use authgate_core::master::Master;

use super::Finding;

const ABOUT: &str = "keys";

/// Seconds that a key may sign longer than `KEY_ROTATION_INTERVAL` says: servers look every few seconds, so an hour is
/// a server that is not running.
const OVERDUE: i64 = 3600;

/// What was found, and the keys.
#[derive(Default)]
pub struct Held {
    /// What was found.
    pub findings: Vec<Finding>,
    /// What the other checks go by.
    pub keys: Option<Loaded>,
}

/// Everything that signs, verifies or verified.
pub struct Loaded {
    /// The key that wraps the others.
    pub master: Master,
    /// The others, as the server has them.
    pub keys: Keys,
    /// Every key there ever was.
    pub stored: Vec<StoredKey>,
}

/// Loads the keys as the server does, but makes none.
pub fn check(config: &Config, now: i64) -> Held {
    let path = &config.database.path;
    if !db::inspect(path, Master::is_known).unwrap_or(false) {
        return Held {
            findings: vec![Finding::warning(
                ABOUT,
                "there are none yet",
                "start the server, which makes them",
            )],
            keys: None,
        };
    }
    match load(config) {
        Ok(loaded) => {
            let findings = vec![ages(&loaded.stored, config.keys.rotation, now)];
            Held { findings, keys: Some(loaded) }
        }
        Err(error) => Held {
            findings: vec![Finding::problem(
                ABOUT,
                error.to_string(),
                "put the master key there that this database was made with; no other will do",
            )],
            keys: None,
        },
    }
}

fn load(config: &Config) -> Result<Loaded> {
    let path = &config.database.path;
    let master = open::configured_master(config)?;
    db::inspect(path, |tx| {
        master.require(tx)?;
        let keys = Keys::load(tx, &master, &open::key_config(config))?;
        Ok(Loaded { keys, stored: keys::stored(tx)?, master: master.clone() })
    })
}

/// How old the keys that sign are, by the schedule. `rotation` is in seconds; 0 is never.
fn ages(stored: &[StoredKey], rotation: i64, now: i64) -> Finding {
    let current = |algorithm| {
        stored.iter().find(move |key| {
            (key.purpose, key.algorithm, key.state) == (Purpose::Sign, algorithm, KeyState::Current)
        })
    };
    let mut ages = Vec::new();
    for algorithm in rotation::SIGNING {
        let Some(key) = current(algorithm) else {
            let found = format!("no key signs with {}", algorithm.as_str());
            return Finding::problem(ABOUT, found, "restart the server, which makes one");
        };
        ages.push((algorithm.as_str(), now - key.signs_from()));
    }
    let told = ages.iter().map(|(name, age)| format!("{name} for {} days", age.max(&0) / 86_400));
    let told = format!("the master key fits; keys sign: {}", told.collect::<Vec<_>>().join(", "));
    if rotation == 0 {
        return Finding::fine(ABOUT, format!("{told}; they are turned by hand"));
    }
    let told = format!("{told}; KEY_ROTATION_INTERVAL is {} days", rotation / 86_400);
    if ages.iter().any(|(_, age)| *age > rotation + OVERDUE) {
        return Finding::warning(ABOUT, told, "they are overdue: a server that runs turns them by itself");
    }
    Finding::fine(ABOUT, told)
}
