//! The audit trail: what is decided in a transaction is written in that transaction.

mod chain;
mod entry;
mod filter;
mod mask;
mod retention;
mod verify;

use serde_json::Value;

use crate::context::Context;
use crate::db::{Tx, text_enum};
use crate::error::Result;

pub(crate) use chain::{Chain, store as store_chain};
pub use entry::{Entry, append, shortened};
pub use filter::{Filter, Stats, count, page, stats};
pub use retention::remove_old;
pub use verify::{Head, Verdict, verify};

text_enum! {
    /// How much an event should worry an operator.
    pub enum Severity {
        /// Expected.
        Info = "INFO",
        /// Worth a look.
        Warning = "WARNING",
        /// Something broke.
        Error = "ERROR",
        /// Somebody should be woken.
        Critical = "CRITICAL",
    }
}

/// Who asked, as far as the transport knows; written into every event.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// Address of the caller.
    pub ip: Option<String>,
    /// Its `User-Agent`, [`shortened`].
    pub user_agent: Option<String>,
    /// Path of the request, without the query, [`shortened`].
    pub path: Option<String>,
    /// Method of the request.
    pub method: Option<&'static str>,
}

/// One event. Details are names and ids; what looks like a secret by its name is masked.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// The contract's name, such as `ACCESS_TOKEN_ISSUED`.
    pub kind: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What happened, in words.
    pub action: &'static str,
    /// The user or `client:` id that acted.
    pub actor: Option<&'a str>,
    /// Its user name.
    pub username: Option<&'a str>,
    /// `USER`, `CLIENT`, `TOKEN`, `DEVICE_CODE` or `AUTHORIZATION`, and its id.
    pub resource: Option<(&'static str, &'a str)>,
    /// What people call the resource.
    pub resource_name: Option<&'a str>,
    /// More, as a JSON object.
    pub details: Option<Value>,
    /// Why it failed; none if it succeeded.
    pub error: Option<&'a str>,
}

impl<'a> Event<'a> {
    /// A successful event of severity INFO.
    pub fn info(kind: &'static str, action: &'static str) -> Self {
        Self {
            kind,
            severity: Severity::Info,
            action,
            actor: None,
            username: None,
            resource: None,
            resource_name: None,
            details: None,
            error: None,
        }
    }

    /// The same with severity WARNING.
    pub fn warning(kind: &'static str, action: &'static str) -> Self {
        Self { severity: Severity::Warning, ..Self::info(kind, action) }
    }

    /// Names who acted.
    #[must_use]
    pub fn by(self, actor: &'a str) -> Self {
        Self { actor: Some(actor), ..self }
    }

    /// Names who acted as people know them.
    #[must_use]
    pub fn named(self, username: &'a str) -> Self {
        Self { username: Some(username), ..self }
    }

    /// Names what it was done to.
    #[must_use]
    pub fn on(self, kind: &'static str, id: &'a str) -> Self {
        Self { resource: Some((kind, id)), ..self }
    }

    /// Names what it was done to as people know it.
    #[must_use]
    pub fn called(self, name: &'a str) -> Self {
        Self { resource_name: Some(name), ..self }
    }

    /// Adds details.
    #[must_use]
    pub fn with(self, details: Value) -> Self {
        Self { details: Some(details), ..self }
    }

    /// The event as it is stored.
    pub fn entry(self, origin: &Origin, ctx: &Context) -> Entry {
        let details = self.details.map(|mut details| {
            mask::details(&mut details);
            details.to_string()
        });
        Entry {
            id: ctx.id().to_string(),
            event_type: self.kind.to_owned(),
            event_time: ctx.now(),
            severity: self.severity,
            actor_user_id: self.actor.map(str::to_owned),
            actor_username: self.username.map(str::to_owned),
            actor_ip: origin.ip.clone(),
            resource_type: self.resource.map(|(kind, _)| kind.to_owned()),
            resource_id: self.resource.map(|(_, id)| id.to_owned()),
            resource_name: self.resource_name.map(str::to_owned),
            action: self.action.to_owned(),
            details,
            success: self.error.is_none(),
            error_message: self.error.map(str::to_owned),
            user_agent: origin.user_agent.as_deref().map(str::to_owned),
            request_path: origin.path.as_deref().map(str::to_owned),
            request_method: origin.method.map(str::to_owned),
            writer: None,
            sequence: None,
            hash: None,
        }
    }

    /// Writes the event in this transaction.
    pub fn write(self, tx: &mut Tx<'_>, origin: &Origin, ctx: &Context) -> Result<()> {
        if !tx.is_audited() {
            return Ok(());
        }
        append(tx, self.entry(origin, ctx))
    }
}
