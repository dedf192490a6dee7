//! What every rule can see besides its transaction and its request.

use std::sync::Arc;

use crate::audit::{Event, Origin};
use crate::context::Context;
use crate::db::Tx;
use crate::error::Result;
use crate::facts::{Fact, Facts};
use crate::keys::Keys;
use crate::master::Master;
use crate::policy::Policy;
use crate::recovery::Recovery;

/// The surroundings of one request.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// What the operator decided.
    pub policy: &'a Policy,
    /// The keys of tokens.
    pub keys: &'a Keys,
    /// The key of everything that stays on this server.
    pub master: &'a Master,
    /// Set while an unclean stop is recent.
    pub recovery: Option<Recovery>,
    /// Who asked, for the audit trail.
    pub origin: &'a Origin,
    /// When it asked, and randomness.
    pub ctx: &'a Context,
    /// Where what is counted is noted.
    pub facts: &'a Facts,
}

/// An [`Env`] that owns its parts, so that it can go to another thread.
pub struct OwnEnv {
    /// See [`Env::policy`].
    pub policy: Arc<Policy>,
    /// See [`Env::keys`].
    pub keys: Arc<Keys>,
    /// See [`Env::master`].
    pub master: Arc<Master>,
    /// See [`Env::recovery`].
    pub recovery: Option<Recovery>,
    /// See [`Env::origin`].
    pub origin: Origin,
    /// See [`Env::ctx`].
    pub ctx: Context,
    /// See [`Env::facts`].
    pub facts: Arc<Facts>,
}

impl OwnEnv {
    /// As the rules take it.
    pub fn env(&self) -> Env<'_> {
        Env {
            policy: &self.policy,
            keys: &self.keys,
            master: &self.master,
            recovery: self.recovery,
            origin: &self.origin,
            ctx: &self.ctx,
            facts: &self.facts,
        }
    }
}

impl Env<'_> {
    /// Unix seconds.
    pub fn now(&self) -> i64 {
        self.ctx.now()
    }

    /// Notes that a compatibility switch let something pass that would be refused otherwise (`docs/deviations.md`).
    pub fn note_compat(self, tx: &mut Tx<'_>, switch: &'static str, client_id: &str) -> Result<()> {
        self.facts.note(Fact::CompatUsed(switch));
        Event::warning("COMPAT_SWITCH_USED", "Request passed by a compatibility switch")
            .on("CLIENT", client_id)
            .with(serde_json::json!({"switch": switch, "client_id": client_id}))
            .write(tx, self.origin, self.ctx)
    }
}
