//! Applications that ask for tokens.

mod authentication;
mod change;
mod first_use;
mod secret;
mod spec;

pub use authentication::{Known, Proof, authenticate, is_secretless, note_secretless};
pub use change::{create, delete, import, revoke_all, set_status, update};
pub use first_use::{FirstUse, Imported};
pub(crate) use secret::is_known as has_secret;
pub use secret::{Lifespan, MAX_KEPT, live as live_secrets, rotate as rotate_secret};
pub use spec::ClientSpec;
pub(crate) use spec::redirect_kinds;

use crate::db::{Json, Tx, params, row, text_enum};
use crate::error::{Code, Error, Result};
use crate::policy::Policy;
use crate::redirect_uri;
use crate::resource::Resources;
use crate::scope::Scope;
use crate::secret::sha256;

text_enum! {
    /// Whether a client can keep a secret (RFC 6749 2.1).
    pub enum ClientType {
        /// It can.
        Confidential = "confidential",
        /// It cannot.
        Public = "public",
    }
}

text_enum! {
    /// OpenID Connect Registration 2.
    pub enum ApplicationType {
        /// Runs on a web server.
        Web = "web",
        /// Runs on the person's device.
        Native = "native",
    }
}

text_enum! {
    /// Whether a client is usable.
    pub enum ClientStatus {
        /// Waits for an admin.
        Pending = "pending",
        /// Usable.
        Active = "active",
        /// Switched off.
        Inactive = "inactive",
    }
}

text_enum! {
    /// Which lifetimes apply.
    pub enum TokenProfile {
        /// Minutes.
        Short = "short",
        /// An hour.
        Standard = "standard",
        /// A day.
        Long = "long",
    }
}

text_enum! {
    /// What a client may do at the token endpoint.
    pub enum Grant {
        /// RFC 6749 4.1.
        AuthorizationCode = "authorization_code",
        /// RFC 8628.
        Device = "urn:ietf:params:oauth:grant-type:device_code",
        /// RFC 6749 4.4.
        ClientCredentials = "client_credentials",
        /// RFC 6749 6.
        Refresh = "refresh_token",
    }
}

impl Grant {
    /// The short name that people type and the contract's pages show.
    pub fn short(self) -> &'static str {
        match self {
            Grant::Device => "device_code",
            other => other.as_str(),
        }
    }

    /// From a short name or a URN.
    pub fn from_name(name: &str) -> Option<Self> {
        if name == Grant::Device.short() { Some(Grant::Device) } else { Grant::parse(name) }
    }
}

row! {
    /// A client.
    pub struct Client in "clients" {
        /// `client_id`, UUID version 7.
        id: String,
        /// Shown to people.
        name: String,
        /// Shown to people.
        description: Option<String>,
        /// Its home page.
        uri: Option<String>,
        /// The user it belongs to.
        owner_id: Option<String>,
        /// The user who made it.
        created_by: Option<String>,
        /// `admin`, `seed`, `self` (registered itself), `approved` (an admin approved it since), `apps` or `import`.
        origin: String,
        /// Whether it can keep a secret.
        client_type: ClientType,
        /// Decides about redirect URIs.
        application_type: ApplicationType,
        /// `client_secret_basic`, `client_secret_post` or `none`.
        auth_method: String,
        /// Whether it is usable.
        status: ClientStatus,
        /// What it may do.
        grants: Json<Vec<Grant>>,
        /// The most it may ask for.
        scopes: Scope,
        /// Where answers may go.
        redirect_uris: Json<Vec<String>>,
        /// Where a browser may go after logout.
        post_logout_redirect_uris: Json<Vec<String>>,
        /// OpenID Connect Back-Channel Logout.
        backchannel_logout_uri: Option<String>,
        /// It wants `sid`.
        backchannel_logout_session: bool,
        /// Resources that its client credentials may name (deviation D23).
        resources: Json<Resources>,
        /// `aud` values of tokens of others that it may introspect (deviation D21).
        audiences: Json<Vec<String>>,
        /// Names it may set through `extra_claims`.
        extra_claims: Json<Vec<String>>,
        /// Which lifetimes apply.
        token_profile: TokenProfile,
        /// S256 is required although it is confidential.
        pkce_required: bool,
        /// First-party: no consent page.
        skip_consent: bool,
        /// Its consent may be remembered.
        remember_consent: bool,
        /// May refresh and use devices without its secret (`COMPAT_SECRETLESS_CLIENTS`).
        secretless: bool,
        /// Userinfo takes its tokens whatever their `aud` (deviation D38).
        userinfo_any_audience: bool,
        /// Algorithm of its ID tokens; empty for the default.
        id_token_alg: String,
        /// Profile and e-mail claims go into its ID tokens (deviation D32).
        id_token_claims: bool,
        /// Its public keys.
        jwks: Option<String>,
        /// Private claim.
        project: Option<String>,
        /// Private claim.
        service_account: Option<String>,
        /// RFC 7592.
        registration_token_hash: Option<String>,
        /// Raised by disable, delete and revoke-all.
        epoch: i64,
        /// Unix seconds.
        last_used_at: Option<i64>,
        /// Unix seconds.
        created_at: i64,
        /// Unix seconds.
        updated_at: i64,
        /// The address, or IPv6 network, from which it registered itself.
        registered_from: Option<String>,
    }
}

impl Client {
    /// True if it cannot keep a secret.
    pub fn is_public(&self) -> bool {
        self.client_type == ClientType::Public
    }

    /// True if the grant was registered.
    pub fn may(&self, grant: Grant) -> bool {
        self.grants.0.contains(&grant)
    }

    /// True if it registered itself and no admin approved it since.
    pub fn self_registered(&self) -> bool {
        self.origin == "self"
    }

    /// Notes that a client that once registered itself is in use, so that it stays.
    pub(crate) fn note_use(&self, tx: &mut Tx<'_>, now: i64) -> Result<()> {
        if self.registered_from.is_none() || self.last_used_at.is_some() {
            return Ok(());
        }
        let sql = "UPDATE clients SET last_used_at = ?1 WHERE id = ?2 AND last_used_at IS NULL";
        tx.execute(sql, params![now, &self.id]).map(drop)
    }

    /// True if its redirect URIs follow the rules of native applications (RFC 8252).
    pub fn is_native(&self) -> bool {
        self.application_type == ApplicationType::Native
    }

    /// True if this redirect URI is registered.
    pub fn has_redirect_uri(&self, presented: &str) -> bool {
        self.redirect_uris.0.iter().any(|known| redirect_uri::matches(known, presented, self.is_native()))
    }

    /// What it may have of the scope it asks for: the rest is dropped, unless that leaves nothing, or no `openid` where
    /// it was asked for (deviation D30).
    pub fn registered(&self, asked: &Scope) -> Result<Scope> {
        let scope = asked.filter(|name| self.scopes.has(name));
        if scope.is_empty() || !scope.is_enough_of(asked) {
            return Err(Error::refused(
                Code::InvalidScope,
                "none of the requested scopes is registered for this client",
            ));
        }
        Ok(scope)
    }

    /// A refusal if it registered itself and asks for a resource of the deployment that is not for such clients.
    pub fn check_resources(&self, asked: &Resources, policy: &Policy) -> Result<()> {
        if self.self_registered() && asked.iter().any(|resource| policy.closed_resources.has(resource)) {
            return Err(Error::refused(
                Code::InvalidTarget,
                "this resource is not for applications that registered themselves",
            ));
        }
        Ok(())
    }

    /// A refusal unless the grant was registered.
    pub fn require(&self, grant: Grant, words: &'static str) -> Result<()> {
        if self.may(grant) { Ok(()) } else { Err(Error::refused(Code::UnauthorizedClient, words)) }
    }

    /// What a person agreed to when they agreed to this client; if it changes, they are asked again.
    pub fn digest(&self) -> String {
        let parts = serde_json::json!([
            self.name,
            self.redirect_uris.0,
            self.client_type,
            self.auth_method,
            self.owner_id,
            // What was never asked while it was of the first party is asked once it is not.
            self.skip_consent
        ]);
        sha256(parts.to_string().as_bytes())
    }
}

/// The client with this id, whatever its status.
pub fn by_id(tx: &mut Tx<'_>, id: &str) -> Result<Option<Client>> {
    const SQL_LENGTH_BOUND: usize = 128; // ids are 36 characters long; longer ones need no look-up
    if id.len() > SQL_LENGTH_BOUND {
        return Ok(None);
    }
    tx.one(&format!("SELECT {} FROM clients WHERE id = ?1", Client::COLUMNS), params![id])
}

/// Every client, oldest first.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<Client>> {
    tx.all(&format!("SELECT {} FROM clients ORDER BY id", Client::COLUMNS), &[])
}
