//! `authgate key`.

mod rewrap;

use authgate_core::db::Tx;
use authgate_core::env::Env;
use authgate_core::error::{Code, Error, Result};
use authgate_core::keys::{self, Algorithm, Purpose, StoredKey, rotation};
use authgate_core::secret::Secret;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::answer::{Answer, table, time};
use super::input;
use super::installation::Installation;

#[derive(Subcommand)]
pub enum Key {
    /// List every key, never its secret part
    List,
    /// Let new keys take over from the ones that sign now, when every cache has them
    Rotate(Rotate),
    /// Import a private key from a PEM file, to take over when every cache has it
    Import(Import),
    /// Wrap every key with another master key; the server must be stopped
    Rewrap(rewrap::Rewrap),
}

#[derive(Args)]
pub struct Rotate {
    /// Only the keys of this algorithm: ES256 or RS256
    #[arg(long, value_parser = algorithm)]
    algorithm: Option<Algorithm>,
    /// The key of refresh tokens; grants that exist go on with theirs
    #[arg(long, conflicts_with = "algorithm")]
    refresh: bool,
    /// End the key at once: what it signed is void, and another signs from now on
    #[arg(long)]
    compromised: bool,
    /// The key to end, if it is not the one that signs now
    #[arg(long, allow_hyphen_values = true, requires = "compromised", conflicts_with_all = ["algorithm", "refresh"])]
    kid: Option<String>,
}

#[derive(Args)]
pub struct Import {
    /// PEM file with an RSA or EC P-256 private key, or - for stdin
    file: String,
    /// Name of the key in token headers; derived from the public key if not given
    #[arg(long)]
    kid: Option<String>,
    /// Sign with it at once; whoever caches the key set must fetch it again
    #[arg(long)]
    current: bool,
}

impl Key {
    pub fn run(self, installation: &Installation) -> Result<Answer> {
        match self {
            Key::List => Ok(shown(&installation.read(keys::stored)?)),
            Key::Rotate(rotate) => Ok(shown(&installation.write(|tx, env| rotate.run(tx, env))?)),
            Key::Import(import) => import.run(installation),
            Key::Rewrap(rewrap) => rewrap.run(installation),
        }
    }
}

impl Rotate {
    /// The keys that sign from now on, or will.
    fn run(&self, tx: &mut Tx<'_>, env: Env<'_>) -> Result<Vec<StoredKey>> {
        if let Some(kid) = &self.kid {
            return Ok(vec![rotation::revoke(tx, env, kid)?]);
        }
        if self.refresh && !self.compromised {
            return Ok(vec![rotation::renew_refresh(tx, env)?]);
        }
        let wanted = if self.refresh {
            vec![(Purpose::Refresh, Algorithm::Hs256)]
        } else {
            let all = rotation::SIGNING.into_iter();
            let chosen = all.filter(|known| self.algorithm.is_none_or(|algorithm| algorithm == *known));
            chosen.map(|algorithm| (Purpose::Sign, algorithm)).collect()
        };
        let one = |(purpose, algorithm)| {
            if !self.compromised {
                return rotation::prepare(tx, env, algorithm);
            }
            let current = rotation::current(tx, purpose, algorithm)?;
            let current = current.ok_or_else(|| Error::failed("no key signs with this algorithm"))?;
            rotation::revoke(tx, env, &current.kid)
        };
        wanted.into_iter().map(one).collect()
    }
}

impl Import {
    fn run(&self, installation: &Installation) -> Result<Answer> {
        let pem = Secret::new(input::text(&self.file)?);
        if self.kid.as_deref().is_some_and(|kid| {
            kid.is_empty() || kid.len() > 128 || !kid.bytes().all(|byte| byte.is_ascii_graphic())
        }) {
            return Err(Error::refused(
                Code::InvalidRequest,
                "--kid must have 1 to 128 visible ASCII characters",
            ));
        }
        let key = installation
            .write(|tx, env| rotation::import(tx, env, &pem, self.kid.as_deref(), self.current))?;
        Ok(shown(&[key]))
    }
}

fn shown(keys: &[StoredKey]) -> Answer {
    let rows: Vec<_> = keys.iter().map(row).collect();
    let text = table(["PURPOSE", "ALGORITHM", "STATE", "SIGNS FROM", "UNTIL", "KID"], &rows);
    Answer::new(text, keys.iter().map(object).collect())
}

fn row(key: &StoredKey) -> [String; 6] {
    [
        key.purpose.as_str().to_owned(),
        key.algorithm.as_str().to_owned(),
        key.state.as_str().to_owned(),
        time(key.signs_from()),
        key.retired_at.or(key.removed_at).map(time).unwrap_or_default(),
        key.kid.clone(),
    ]
}

fn object(key: &StoredKey) -> Value {
    json!({
        "kid": key.kid, "purpose": key.purpose, "algorithm": key.algorithm, "state": key.state,
        "created_at": key.created_at, "signs_from": key.signs_from(), "activated_at": key.activated_at,
        "retired_at": key.retired_at, "removed_at": key.removed_at,
    })
}

fn algorithm(text: &str) -> Result<Algorithm, &'static str> {
    Algorithm::parse(text).filter(|known| *known != Algorithm::Hs256).ok_or("must be ES256 or RS256")
}
