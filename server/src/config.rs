//! Configuration: the environment names of the reference, a few of our own, and an optional TOML file.
//!
//! [`load`] is a function of a lookup, reads everything, and reports every problem at once. Nothing that cannot be
//! read falls back to a default. A section is a file: the settings with default and doc, then what they become.

mod accounts;
mod audit;
mod compat;
mod cors;
mod database;
mod file;
mod ignored;
mod issuer;
mod keys;
mod limits;
mod metrics;
mod oauth;
mod parse;
mod problem;
mod reader;
mod reference;
mod registration;
mod server;
mod sessions;
mod tokens;
mod traces;

use std::collections::BTreeMap;

use authgate_core::secret::Secret;

pub use audit::Audit;
pub use compat::Compat;
pub use cors::Cors;
pub use database::Database;
pub use file::{ResourceEntry, ScopeEntry};
pub use ignored::{IGNORED, Ignored};
pub use keys::Keys;
pub use limits::Limits;
pub use metrics::Metrics;
pub use oauth::OAuth;
pub use parse::{duration, integer, list, seconds, show_seconds};
pub use problem::{Problem, Problems};
pub use reference::{Setting, reference};
pub use registration::Registration;
pub use server::{Server, Tls};
pub use sessions::Sessions;
pub use tokens::{Lifetimes, Profiles, Tokens};
pub use traces::{Sampler, Traces};

use reader::Reader;

/// Everything that an operator decides. Lifetimes are whole seconds unless they say otherwise.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address, issuer, TLS, logs.
    pub server: Server,
    /// Where the data is.
    pub database: Database,
    /// What signs and what encrypts.
    pub keys: Keys,
    /// What goes into tokens and how long they live.
    pub tokens: Tokens,
    /// Browser sessions.
    pub sessions: Sessions,
    /// PKCE, consent, redirects.
    pub oauth: OAuth,
    /// Clients that register themselves.
    pub registration: Registration,
    /// Requests per minute.
    pub limits: Limits,
    /// What is written down.
    pub audit: Audit,
    /// What monitoring sees.
    pub metrics: Metrics,
    /// Cross-origin answers; `None` sends no CORS header at all.
    pub cors: Option<Cors>,
    /// Where traces go; `None` makes none.
    pub traces: Option<Traces>,
    /// What is done as the reference does it although it is unsafe.
    pub compat: Compat,
    /// Password of the first administrator; `None` makes one.
    pub admin_password: Option<Secret>,
    /// Scopes by name, in words for the consent page; the file adds to what is there.
    pub scopes: BTreeMap<String, ScopeEntry>,
    /// Resources of this deployment by a name of the operator's.
    pub resources: BTreeMap<String, ResourceEntry>,
}

impl Config {
    /// `aud` of a token that no resource was asked for: `JWT_AUDIENCE`, else the issuer (RFC 9068 3); empty only with
    /// `COMPAT_NO_AUD`.
    pub fn default_audience(&self) -> Vec<String> {
        if self.tokens.audience.is_empty() && !self.compat.no_aud {
            return vec![self.server.issuer.clone()];
        }
        self.tokens.audience.clone()
    }
}

/// Reads the configuration through `env`; beside it, what the operator should know, a line each.
///
/// Files are read where `<NAME>_FILE`, `JWT_PRIVATE_KEY_PATH` or `CONFIG_FILE` name them.
pub fn load(env: &dyn Fn(&str) -> Option<String>) -> Result<(Config, Vec<String>), Problems> {
    let mut reader = Reader::new(env);
    let compat = compat::read(&mut reader);
    let server = server::read(&mut reader, &compat);
    reader.production = server.production;
    let database = database::read(&mut reader);
    let keys = keys::read(&mut reader, &database);
    let tokens = tokens::read(&mut reader, &compat);
    let sessions = sessions::read(&mut reader, server.https);
    let oauth = oauth::read(&mut reader);
    let limits = limits::read(&mut reader);
    let audit = audit::read(&mut reader);
    let metrics = metrics::read(&mut reader);
    let cors = cors::read(&mut reader);
    let traces = traces::read(&mut reader);
    let admin_password = accounts::read(&mut reader);
    let (scopes, resources) = file::read(&mut reader);
    let registration = registration::read(&mut reader, &scopes);
    ignored::read(&mut reader);
    reader.finish(Config {
        server,
        database,
        keys,
        tokens,
        sessions,
        oauth,
        registration,
        limits,
        audit,
        metrics,
        cors,
        traces,
        compat,
        admin_password,
        scopes,
        resources,
    })
}

#[cfg(test)]
pub(crate) mod tests;
