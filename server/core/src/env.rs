//! What every rule can see besides its transaction and its request.

use crate::audit::Origin;
use crate::context::Context;
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
}

impl Env<'_> {
    /// Unix seconds.
    pub fn now(&self) -> i64 {
        self.ctx.now()
    }
}
