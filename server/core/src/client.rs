//! Applications that ask for tokens.

use crate::audit::{Event, Origin};
use crate::context::Context;
use crate::credentials::Credentials;
use crate::db::{Json, Tx, Value, params, row, text_enum};
use crate::error::{Code, Error, Result};
use crate::policy::Policy;
use crate::redirect_uri::{self, Kind};
use crate::resource::{self, Resources};
use crate::scope::Scope;
use crate::secret::{Secret, same, sha256};

/// Longest client name, in bytes: it stands in a headline.
const MAX_NAME: usize = 200;
/// Longest description, in bytes: it stands in a paragraph.
const MAX_DESCRIPTION: usize = 1000;
/// Most redirect URIs, and most audiences, of a client: every request reads them all.
const MAX_LIST: usize = 50;

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
        /// `admin`, `seed`, `self` (registered itself), `apps` or `import`.
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

    /// True if its redirect URIs follow the rules of native applications (RFC 8252).
    pub fn is_native(&self) -> bool {
        self.application_type == ApplicationType::Native
    }

    /// True if this redirect URI is registered.
    pub fn has_redirect_uri(&self, presented: &str) -> bool {
        self.redirect_uris.0.iter().any(|known| redirect_uri::matches(known, presented, self.is_native()))
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
            self.owner_id
        ]);
        sha256(parts.to_string().as_bytes())
    }
}

/// The fields of a client that people set.
#[derive(Clone, Debug)]
pub struct ClientSpec {
    /// Shown to people.
    pub name: String,
    /// Shown to people.
    pub description: Option<String>,
    /// Whether it can keep a secret.
    pub client_type: ClientType,
    /// Decides about redirect URIs; none means: native if every redirect URI is loopback or private-use.
    pub application_type: Option<ApplicationType>,
    /// What it may do.
    pub grants: Vec<Grant>,
    /// The most it may ask for.
    pub scopes: Scope,
    /// Where answers may go.
    pub redirect_uris: Vec<String>,
    /// Resources its client credentials may name.
    pub resources: Resources,
    /// Audiences it may introspect; none means the default audience.
    pub audiences: Option<Vec<String>>,
    /// Which lifetimes apply.
    pub token_profile: TokenProfile,
    /// S256 although confidential; none means the default.
    pub pkce_required: Option<bool>,
    /// First-party: no consent page.
    pub skip_consent: bool,
    /// Private claim.
    pub project: Option<String>,
    /// Private claim.
    pub service_account: Option<String>,
}

impl ClientSpec {
    /// What a client has if nothing else is said (contract 4.1).
    pub fn new(client_type: ClientType) -> Self {
        Self {
            name: String::new(),
            description: None,
            client_type,
            application_type: None,
            grants: Vec::new(),
            scopes: ["email", "profile"].map(str::to_owned).into_iter().collect(),
            redirect_uris: Vec::new(),
            resources: Resources::default(),
            audiences: None,
            token_profile: TokenProfile::Standard,
            pkce_required: None,
            skip_consent: false,
            project: None,
            service_account: None,
        }
    }

    /// The spec that an existing client would have been made from.
    pub fn of(client: &Client) -> Self {
        Self {
            name: client.name.clone(),
            description: client.description.clone(),
            client_type: client.client_type,
            application_type: Some(client.application_type),
            grants: client.grants.0.clone(),
            scopes: client.scopes.clone(),
            redirect_uris: client.redirect_uris.0.clone(),
            resources: client.resources.0.clone(),
            audiences: Some(client.audiences.0.clone()),
            token_profile: client.token_profile,
            pkce_required: Some(client.pkce_required),
            skip_consent: client.skip_consent,
            project: client.project.clone(),
            service_account: client.service_account.clone(),
        }
    }

    /// Refuses what cannot be, with the contract's messages (4.2).
    fn check(&mut self, policy: &Policy) -> Result<ApplicationType> {
        let refuse = |why: String| Err(Error::refused(Code::InvalidRequest, why));
        self.name = self.name.trim().to_owned();
        if self.name.is_empty() || self.name.len() > MAX_NAME || self.name.chars().any(char::is_control) {
            return refuse(format!(
                "client name is required (at most {MAX_NAME} bytes, no control characters)"
            ));
        }
        if self.name.to_lowercase().starts_with("client:") {
            return refuse("a client name never begins with client:, as subjects of this server do".into());
        }
        if self.description.as_deref().is_some_and(|text| text.len() > MAX_DESCRIPTION) {
            return refuse(format!("description is longer than {MAX_DESCRIPTION} bytes"));
        }
        let audience =
            |text: &String| text.len() <= resource::MAX_BYTES && text.bytes().all(|b| b.is_ascii_graphic());
        if self.audiences.iter().flatten().any(|text| !audience(text)) {
            return refuse(format!(
                "an audience has at most {} visible ASCII characters",
                resource::MAX_BYTES
            ));
        }
        if self.redirect_uris.len() > MAX_LIST || self.audiences.iter().flatten().count() > MAX_LIST {
            return refuse(format!("at most {MAX_LIST} redirect URIs and {MAX_LIST} audiences"));
        }
        self.grants.sort_by_key(|grant| grant.as_str());
        self.grants.dedup();
        if self.grants.iter().all(|grant| *grant == Grant::Refresh) {
            return refuse("at least one grant type must be enabled besides refresh_token".into());
        }
        if self.grants.contains(&Grant::ClientCredentials) && self.client_type == ClientType::Public {
            return refuse("client credentials flow requires a confidential client".into());
        }
        if self.grants.contains(&Grant::AuthorizationCode) && self.redirect_uris.is_empty() {
            return refuse(
                "at least one redirect URI is required when Authorization Code Flow is enabled".into(),
            );
        }
        check_name(self.project.as_deref(), 64, "_.-", "project")?;
        check_name(self.service_account.as_deref(), 255, "_.@-", "service_account")?;
        let own_origin =
            url::Url::parse(&policy.issuer).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
        let rules = redirect_uri::Rules {
            own_origin: &own_origin,
            native: self.application_type != Some(ApplicationType::Web),
            schemes: &policy.redirect_schemes,
            http_hosts: &policy.compat.http_redirects,
        };
        let kinds = self.redirect_uris.iter().map(|uri| redirect_uri::check(uri, rules));
        let kinds = kinds.collect::<Result<Vec<Kind>, String>>().or_else(refuse_kinds)?;
        let of_native = |kind: &Kind| matches!(kind, Kind::Loopback | Kind::PrivateUse);
        let native = !kinds.is_empty() && kinds.iter().all(of_native);
        let derived = if native { ApplicationType::Native } else { ApplicationType::Web };
        let decided = self.application_type.unwrap_or(derived);
        if decided == ApplicationType::Web && kinds.contains(&Kind::PrivateUse) {
            return refuse("private-use redirect URI schemes are for native clients".into());
        }
        Ok(decided)
    }
}

fn refuse_kinds(why: String) -> Result<Vec<Kind>> {
    Err(Error::refused(Code::InvalidRequest, why))
}

fn check_name(text: Option<&str>, longest: usize, signs: &str, what: &str) -> Result<()> {
    let Some(text) = text else { return Ok(()) };
    let plain = |c: char| c.is_ascii_alphanumeric() || signs.contains(c);
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if text.len() > longest || !text.chars().all(plain) || !ends(text.chars().next()) {
        let why = format!(
            "{what} has 1 to {longest} letters, digits or the signs {signs}, and begins with a letter or digit"
        );
        return Err(Error::refused(Code::InvalidRequest, why));
    }
    Ok(())
}

/// Makes a client; a confidential one gets a secret, which is returned this once.
pub fn create(
    tx: &mut Tx<'_>,
    mut spec: ClientSpec,
    made_by: &'static str,
    policy: &Policy,
    origin: &Origin,
    ctx: &Context,
) -> Result<(Client, Option<Secret>)> {
    let application_type = spec.check(policy)?;
    let public = spec.client_type == ClientType::Public;
    let client = Client {
        id: ctx.id().to_string(),
        name: spec.name,
        description: spec.description,
        uri: None,
        owner_id: None,
        created_by: None,
        origin: made_by.into(),
        client_type: spec.client_type,
        application_type,
        auth_method: if public { "none" } else { "client_secret_basic" }.into(),
        status: ClientStatus::Active,
        grants: Json(spec.grants),
        scopes: spec.scopes,
        redirect_uris: Json(spec.redirect_uris),
        post_logout_redirect_uris: Json(Vec::new()),
        backchannel_logout_uri: None,
        backchannel_logout_session: false,
        resources: Json(spec.resources),
        audiences: Json(spec.audiences.unwrap_or_else(|| policy.default_audience.clone())),
        extra_claims: Json(Vec::new()),
        token_profile: spec.token_profile,
        pkce_required: spec.pkce_required.unwrap_or(policy.pkce_required),
        skip_consent: spec.skip_consent,
        remember_consent: true,
        secretless: false,
        userinfo_any_audience: false,
        id_token_alg: String::new(),
        id_token_claims: true,
        jwks: None,
        project: spec.project,
        service_account: spec.service_account,
        registration_token_hash: None,
        epoch: 1,
        last_used_at: None,
        created_at: ctx.now(),
        updated_at: ctx.now(),
    };
    client.insert(tx)?;
    let secret = if public { None } else { Some(add_secret(tx, &client.id, ctx)?) };
    let details = serde_json::json!({
        "client_name": client.name, "grant_types": client.grants.0, "scopes": client.scopes.to_string(),
        "token_profile": client.token_profile,
    });
    Event::info("CLIENT_CREATED", "OAuth client created")
        .on("CLIENT", &client.id)
        .with(details)
        .write(tx, origin, ctx)?;
    Ok((client, secret))
}

/// Changes the fields that people set.
pub fn update(
    tx: &mut Tx<'_>,
    client: &Client,
    mut spec: ClientSpec,
    policy: &Policy,
    origin: &Origin,
    ctx: &Context,
) -> Result<()> {
    if spec.client_type != client.client_type {
        return Err(Error::refused(
            Code::InvalidRequest,
            "the type of a client cannot change: create a new one",
        ));
    }
    let application_type = spec.check(policy)?;
    tx.execute(
        "UPDATE clients SET name = ?2, description = ?3, application_type = ?4, grants = ?5, scopes = ?6, \
         redirect_uris = ?7, resources = ?8, audiences = ?9, token_profile = ?10, pkce_required = ?11, \
         skip_consent = ?12, project = ?13, service_account = ?14, updated_at = ?15 WHERE id = ?1",
        params![
            &client.id,
            &spec.name,
            &spec.description,
            application_type,
            &Json(spec.grants),
            &spec.scopes,
            &Json(spec.redirect_uris),
            &Json(spec.resources),
            &Json(spec.audiences.unwrap_or_else(|| policy.default_audience.clone())),
            spec.token_profile,
            spec.pkce_required.unwrap_or(policy.pkce_required),
            spec.skip_consent,
            &spec.project,
            &spec.service_account,
            ctx.now(),
        ],
    )?;
    let changed_profile = spec.token_profile != client.token_profile;
    let kind = "CLIENT_UPDATED";
    let action = "OAuth client updated";
    let event = if changed_profile { Event::warning(kind, action) } else { Event::info(kind, action) };
    let details = serde_json::json!({
        "client_name": spec.name, "token_profile": spec.token_profile, "previous_token_profile": client.token_profile,
    });
    event.on("CLIENT", &client.id).with(details).write(tx, origin, ctx)
}

fn add_secret(tx: &mut Tx<'_>, client_id: &str, ctx: &Context) -> Result<Secret> {
    let secret = Secret::new(format!("ago_{}", base32(&ctx.bytes::<32>())));
    tx.execute(
        "INSERT INTO client_secrets (id, client_id, hash, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![ctx.id().to_string(), client_id, secret.sha256(), ctx.now()],
    )?;
    Ok(secret)
}

/// Lower-case base32 without padding (RFC 4648 6), as the contract's client secrets are written.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let (mut text, mut buffer, mut bits) = (String::new(), 0u32, 0);
    for byte in bytes {
        buffer = buffer << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[(buffer >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[(buffer << (5 - bits) & 31) as usize]));
    }
    text
}

/// Replaces a client's secrets by a new one, which is returned this once.
pub fn rotate_secret(tx: &mut Tx<'_>, client: &Client, origin: &Origin, ctx: &Context) -> Result<Secret> {
    if client.is_public() {
        return Err(Error::refused(Code::InvalidRequest, "a public client has no secret"));
    }
    tx.execute("DELETE FROM client_secrets WHERE client_id = ?1", params![&client.id])?;
    let secret = add_secret(tx, &client.id, ctx)?;
    Event::warning("CLIENT_SECRET_REGENERATED", "OAuth client secret regenerated")
        .on("CLIENT", &client.id)
        .write(tx, origin, ctx)?;
    Ok(secret)
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

/// Switches a client on or off. Switching off raises the epoch: its tokens die.
pub fn set_status(
    tx: &mut Tx<'_>,
    client: &Client,
    status: ClientStatus,
    origin: &Origin,
    ctx: &Context,
) -> Result<()> {
    let changed = tx.execute(
        "UPDATE clients SET status = ?1, epoch = epoch + 1, updated_at = ?2 WHERE id = ?3 AND status <> ?1",
        params![status, ctx.now(), &client.id],
    )?;
    if changed == 0 {
        return Err(Error::refused(Code::InvalidRequest, format!("client is already {}", status.as_str())));
    }
    let details = serde_json::json!({"client_name": client.name, "status": status});
    Event::info("CLIENT_UPDATED", "OAuth client updated")
        .on("CLIENT", &client.id)
        .with(details)
        .write(tx, origin, ctx)
}

/// Ends every token and consent of a client by raising its epoch.
pub fn revoke_all(tx: &mut Tx<'_>, client: &Client, origin: &Origin, ctx: &Context) -> Result<()> {
    tx.execute(
        "UPDATE clients SET epoch = epoch + 1, updated_at = ?1 WHERE id = ?2",
        params![ctx.now(), &client.id],
    )?;
    tx.execute(
        "UPDATE consents SET status = 'withdrawn', epoch = epoch + 1, withdrawn_at = ?1 WHERE client_id = ?2 AND status = 'active'",
        params![ctx.now(), &client.id],
    )?;
    let event = Event {
        severity: crate::audit::Severity::Critical,
        ..Event::info("CLIENT_TOKENS_REVOKED_ALL", "All client tokens revoked by administrator")
    };
    event.on("CLIENT", &client.id).write(tx, origin, ctx)
}

/// Deletes a client: what was issued to it dies with it.
pub fn delete(tx: &mut Tx<'_>, client: &Client, origin: &Origin, ctx: &Context) -> Result<()> {
    tx.execute("DELETE FROM clients WHERE id = ?1", params![&client.id])?;
    tx.execute("DELETE FROM client_secrets WHERE client_id = ?1", params![&client.id])?;
    tx.execute("DELETE FROM consents WHERE client_id = ?1", params![&client.id])?;
    let details = serde_json::json!({"client_name": client.name});
    Event::warning("CLIENT_DELETED", "OAuth client deleted")
        .on("CLIENT", &client.id)
        .with(details)
        .write(tx, origin, ctx)
}

/// What a client must prove at an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Its secret, if it is confidential (RFC 6749 3.2.1).
    Always,
    /// Its secret, unless the compatibility switch lets it go without.
    UnlessSecretless,
}

/// Authenticates a client (deviations D3, D12): confidential ones by their secret, public ones by their name alone.
pub fn authenticate(
    tx: &mut Tx<'_>,
    credentials: &Credentials,
    proof: Proof,
    policy: &Policy,
    now: i64,
) -> Result<Client> {
    let client = by_id(tx, &credentials.client_id)?.filter(|client| client.status == ClientStatus::Active);
    let client = client.ok_or_else(failed)?;
    match (&credentials.secret, client.is_public()) {
        (None, true) => Ok(client),
        (None, false) if proof == Proof::UnlessSecretless && is_secretless(&client, policy) => Ok(client),
        (Some(secret), false) if has_secret(tx, &client, secret, now)? => Ok(client),
        _ => Err(failed()),
    }
}

/// True if the compatibility switch lets this client go without its secret.
pub fn is_secretless(client: &Client, policy: &Policy) -> bool {
    client.secretless || policy.compat.secretless_clients && client.origin == "import"
}

fn has_secret(tx: &mut Tx<'_>, client: &Client, secret: &Secret, now: i64) -> Result<bool> {
    let sent = secret.sha256();
    let stored: Vec<(String,)> = tx.all(
        "SELECT hash FROM client_secrets WHERE client_id = ?1 AND (expires_at IS NULL OR expires_at > ?2)",
        &[Value::from(&client.id), Value::from(now)],
    )?;
    Ok(stored.iter().fold(false, |found, (hash,)| found | same(hash.as_bytes(), sent.as_bytes())))
}

/// One refusal for every reason, so that nothing is learnt from it.
fn failed() -> Error {
    Error::refused(Code::InvalidClient, "Client authentication failed")
}
