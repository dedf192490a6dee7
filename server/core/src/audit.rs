//! The audit trail: what is decided in a transaction is written in that transaction.

use crate::context::Context;
use crate::db::{Tx, params, text_enum};
use crate::error::Result;

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
    /// Its `User-Agent`, cut to 500 bytes.
    pub user_agent: Option<String>,
    /// Path of the request, without the query.
    pub path: Option<String>,
    /// Method of the request.
    pub method: Option<&'static str>,
}

/// One event. Details are names and ids, never secrets.
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
    /// More, as a JSON object.
    pub details: Option<serde_json::Value>,
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

    /// Adds details.
    #[must_use]
    pub fn with(self, details: serde_json::Value) -> Self {
        Self { details: Some(details), ..self }
    }

    /// Writes the event in this transaction.
    pub fn write(self, tx: &mut Tx<'_>, origin: &Origin, ctx: &Context) -> Result<()> {
        let id = ctx.id().to_string();
        let details = self.details.map(|details| details.to_string());
        tx.execute(
            "INSERT INTO audit_logs (id, event_type, event_time, severity, actor_user_id, actor_username, actor_ip, \
             resource_type, resource_id, action, details, success, error_message, user_agent, request_path, \
             request_method) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            params![
                &id,
                self.kind,
                ctx.now(),
                self.severity,
                self.actor,
                self.username,
                &origin.ip,
                self.resource.map(|(kind, _)| kind),
                self.resource.map(|(_, id)| id),
                self.action,
                &details,
                self.error.is_none(),
                self.error,
                &origin.user_agent,
                &origin.path,
                origin.method,
            ],
        )
        .map(drop)
    }
}
