//! What every command works on.

use std::sync::Arc;

use authgate::config::Config;
use authgate::{open, policy};
use authgate_core::audit::Origin;
use authgate_core::context::{Context, SystemClock, SystemRandom};
use authgate_core::db::Tx;
use authgate_core::env::Env;
use authgate_core::error::{Code, Error, Result};
use authgate_core::facts::Facts;
use authgate_core::policy::Policy;

use super::configured;

/// An opened database with everything that the rules ask for.
pub struct Installation {
    config: Config,
    opened: open::Opened,
    policy: Policy,
    origin: Origin,
    ctx: Context,
    facts: Facts,
}

impl Installation {
    /// Opens what the environment names.
    pub fn open() -> Result<Self> {
        let (config, _) = configured()?;
        let ctx = context();
        Ok(Self {
            opened: open::for_command(&config, &ctx)?,
            policy: policy::of(&config),
            origin: origin(),
            config,
            ctx,
            facts: Facts::default(),
        })
    }

    /// What the environment says.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The surroundings of the rules.
    pub fn env(&self) -> Env<'_> {
        Env {
            policy: &self.policy,
            keys: &self.opened.keys,
            master: &self.opened.master,
            recovery: None,
            origin: &self.origin,
            ctx: &self.ctx,
            facts: &self.facts,
        }
    }

    /// Reads.
    pub fn read<T>(&self, job: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        self.opened.store.read(job)
    }

    /// Reads what is there at one moment.
    pub fn snapshot<T>(&self, job: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        self.opened.store.snapshot(job)
    }

    /// Changes something in a transaction of its own, beside a running server.
    pub fn write<T>(&self, job: impl FnOnce(&mut Tx<'_>, Env<'_>) -> Result<T>) -> Result<T> {
        self.opened.store.write(|tx| job(tx, self.env()))
    }
}

/// This moment.
pub fn context() -> Context {
    Context::new(&SystemClock, Arc::new(SystemRandom))
}

/// How the audit trail names commands.
pub fn origin() -> Origin {
    Origin { path: Some("cli".into()), ..Origin::default() }
}

/// The refusal of a name or id that nothing has.
pub fn unknown(what: &str, name: &str) -> Error {
    Error::refused(Code::InvalidRequest, format!("there is no {what} {name:?}"))
}
