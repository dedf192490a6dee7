//! Clients that register themselves (RFC 7591, RFC 7592, OpenID Connect Dynamic Client Registration 1.0), in the three
//! modes of deviation D25.
//!
//! Nothing that a client names is fetched, and what it says is shown to people as its own words.

mod approval;
mod configuration;
mod metadata;
mod quota;
mod wanted;

pub use approval::{approve, digest, reject};
pub use configuration::{authenticate, update};
pub use metadata::Metadata;
pub use quota::{UNDECIDED, remove_unused};

use crate::audit::Event;
use crate::client::{self, Client, ClientStatus, Grant};
use crate::db::{Tx, params};
use crate::env::Env;
use crate::error::{Code, Error, Result};
use crate::scope::Scope;
use crate::secret::{Secret, base64url};
use wanted::Wanted;

/// `origin` of a client that registered itself.
const SELF: &str = "self";
/// `origin` of one that an admin approved since.
const APPROVED: &str = "approved";

/// What it takes until a registered client is usable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// An admin approves each.
    #[default]
    Approval,
    /// The initial access token that the operator hands out (RFC 7591 3).
    Token,
    /// Nothing.
    Open,
}

impl Mode {
    /// True if a client may have this grant without an admin giving it.
    fn allows(self, grant: Grant) -> bool {
        self != Mode::Open || matches!(grant, Grant::AuthorizationCode | Grant::Refresh)
    }
}

/// What the operator decided about clients that register themselves.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// False refuses registration.
    pub enabled: bool,
    /// What makes a client usable.
    pub mode: Mode,
    /// The most a client may ask for, and what it has if it asks for nothing.
    pub scopes: Scope,
    /// Living registrations from one address that nobody approved.
    pub max_per_address: i64,
    /// Such registrations in all.
    pub max_clients: i64,
    /// Seconds after which a usable client that was never used is removed; at most [`UNDECIDED`].
    pub unused_after: i64,
}

/// A new client, with what is shown this once.
#[derive(Debug)]
pub struct Registered {
    /// As it was stored.
    pub client: Client,
    /// Its secret if it is confidential.
    pub secret: Option<Secret>,
    /// What reads and changes its registration (RFC 7592 3).
    pub registration_access_token: Secret,
}

/// Registers a client that came from the address or network `from` (RFC 7591 3.1).
pub fn register(tx: &mut Tx<'_>, env: Env<'_>, metadata: Metadata, from: &str) -> Result<Registered> {
    let rules = &env.policy.registration;
    let wanted = Wanted::read(metadata, env.policy, None)?;
    remove_unused(tx, env)?;
    quota::check(tx, rules, from)?;
    let Wanted { spec, rest } = wanted;
    let (client, secret) =
        client::create(tx, spec, SELF, env.policy, env.origin, env.ctx).map_err(as_metadata)?;
    let token = Secret::new(format!("agc_{}", base64url(&env.ctx.bytes::<32>())));
    let status = if rules.mode == Mode::Approval { ClientStatus::Pending } else { ClientStatus::Active };
    tx.execute(
        "UPDATE clients SET status = ?2, registration_token_hash = ?3, registered_from = ?4 WHERE id = ?1",
        params![&client.id, status, token.sha256(), from],
    )?;
    rest.store(tx, &client.id)?;
    let client = reread(tx, &client.id)?;
    let details = serde_json::json!({
        "client_name": client.name, "grant_types": client.grants.0, "scopes": client.scopes.to_string(),
        "client_type": client.client_type, "client_uri": client.uri, "redirect_uris": client.redirect_uris.0,
        "status": client.status, "source_ip": env.origin.ip,
    });
    Event::info("CLIENT_REGISTERED", "OAuth client registered via dynamic registration (RFC 7591)")
        .on("CLIENT", &client.id)
        .called(&client.name)
        .with(details)
        .write(tx, env.origin, env.ctx)?;
    Ok(Registered { client, secret, registration_access_token: token })
}

fn reread(tx: &mut Tx<'_>, id: &str) -> Result<Client> {
    client::by_id(tx, id)?.ok_or_else(|| Error::failed(format_args!("database: client {id} vanished")))
}

fn invalid(description: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::refused(Code::InvalidClientMetadata, description)
}

/// What is refused about a client in general, by the code that registration has for it (RFC 7591 3.2.2).
fn as_metadata(error: Error) -> Error {
    match error {
        Error::Refused(refusal) => invalid(refusal.description),
        failed @ Error::Failed(_) => failed,
    }
}
