//! `authgate client`.

mod fields;

use authgate::config;
use authgate_core::client::{self, ClientSpec, ClientStatus, ClientType};
use authgate_core::db::Tx;
use authgate_core::env::Env;
use authgate_core::error::Result;
use authgate_core::registration;
use authgate_core::secret::Secret;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::answer::{Answer, fields as lines, table};
use super::input;
use super::installation::{Installation, unknown};
use fields::Fields;

/// What people look for.
const FIRST: &[&str] = &["client_id", "client_secret", "name", "type", "status", "grant_types", "scope"];

#[derive(Subcommand)]
pub enum Client {
    /// Register a client; a confidential one gets a secret, which is printed once, or keeps the one it has elsewhere
    Create(Box<Create>),
    /// List every client
    List(List),
    /// Show a client
    Show(Named),
    /// Change a client; a list replaces the whole list, and an empty value clears it
    Update(Box<Update>),
    /// Let a client ask for tokens
    Enable(Named),
    /// Let a client that registered itself ask for tokens
    Approve(Approve),
    /// Turn a client that registered itself down
    Reject(Named),
    /// Let a client ask for nothing, and end all that was issued to it
    Disable(Named),
    /// End every token and consent of a client, which stays usable
    RevokeAll(Named),
    /// Replace a client's secret; the old one is void at once, or after --keep-old
    RotateSecret(RotateSecret),
    /// Delete a client and all that was issued to it
    Delete(Named),
}

#[derive(Args)]
pub struct Create {
    /// Whether it can keep a secret: confidential or public
    #[arg(long = "type", default_value = "confidential", value_parser = fields::client_type)]
    client_type: ClientType,
    /// File with the bcrypt hash of the secret it has on another server, or - for stdin; it keeps that secret
    #[arg(long, value_name = "FILE")]
    secret_hash_file: Option<String>,
    #[command(flatten)]
    fields: Fields,
}

#[derive(Args)]
pub struct Update {
    #[command(flatten)]
    client: Named,
    #[command(flatten)]
    fields: Fields,
}

#[derive(Args)]
pub struct Approve {
    #[command(flatten)]
    client: Named,
    /// The `registration_digest` that `client show` printed: what you looked at is what you approve
    #[arg(long)]
    digest: String,
}

#[derive(Args)]
pub struct List {
    /// Only those that are pending, active or inactive
    #[arg(long, value_parser = fields::status)]
    status: Option<ClientStatus>,
}

#[derive(Args)]
pub struct RotateSecret {
    #[command(flatten)]
    client: Named,
    /// How long the old secret stays valid beside the new one, such as 24h; at most 720h
    #[arg(long, default_value = "0s", value_parser = keep_old)]
    keep_old: i64,
}

fn keep_old(text: &str) -> Result<i64, String> {
    config::seconds(text, &(0..=client::MAX_KEPT))
}

#[derive(Args)]
pub struct Named {
    /// The `client_id`
    client_id: String,
}

impl Named {
    fn find(&self, tx: &mut Tx<'_>) -> Result<client::Client> {
        client::by_id(tx, &self.client_id)?.ok_or_else(|| unknown("client", &self.client_id))
    }

    /// Changes the client and shows what became of it.
    fn change(
        &self,
        installation: &Installation,
        job: impl FnOnce(&mut Tx<'_>, Env<'_>, &client::Client) -> Result<()>,
    ) -> Result<Answer> {
        let client = installation.write(|tx, env| {
            let client = self.find(tx)?;
            job(tx, env, &client)?;
            self.find(tx)
        })?;
        Ok(shown(&client, None))
    }
}

impl Client {
    pub fn run(self, installation: &Installation) -> Result<Answer> {
        match self {
            Client::Create(create) => create.run(installation),
            Client::List(list) => list.run(installation),
            Client::Show(named) => show(&named, installation),
            Client::Update(update) => update.run(installation),
            Client::Enable(named) => named.change(installation, |tx, env, client| {
                client::set_status(tx, client, ClientStatus::Active, env.origin, env.ctx)
            }),
            Client::Approve(Approve { client: named, digest }) => {
                named.change(installation, |tx, env, client| registration::approve(tx, env, client, &digest))
            }
            Client::Reject(named) => named.change(installation, registration::reject),
            Client::Disable(named) => named.change(installation, |tx, env, client| {
                client::set_status(tx, client, ClientStatus::Inactive, env.origin, env.ctx)
            }),
            Client::RevokeAll(named) => named
                .change(installation, |tx, env, client| client::revoke_all(tx, client, env.origin, env.ctx)),
            Client::RotateSecret(rotate) => rotate.run(installation),
            Client::Delete(named) => delete(&named, installation),
        }
    }
}

impl Create {
    fn run(self, installation: &Installation) -> Result<Answer> {
        let mut spec = ClientSpec::new(self.client_type);
        self.fields.apply(&mut spec)?;
        let hash = self.secret_hash_file.as_deref().map(input::line).transpose()?;
        let (client, secret) = installation.write(|tx, env| match &hash {
            Some(hash) => Ok((client::import(tx, spec, hash, env.policy, env.origin, env.ctx)?, None)),
            None => client::create(tx, spec, "admin", env.policy, env.origin, env.ctx),
        })?;
        Ok(shown(&client, secret.as_ref()))
    }
}

impl Update {
    fn run(self, installation: &Installation) -> Result<Answer> {
        self.client.change(installation, |tx, env, client| {
            let mut spec = ClientSpec::of(client);
            self.fields.apply(&mut spec)?;
            client::update(tx, client, spec, env.policy, env.origin, env.ctx)
        })
    }
}

impl List {
    fn run(&self, installation: &Installation) -> Result<Answer> {
        let mut clients = installation.read(client::all)?;
        clients.retain(|client| self.status.is_none_or(|status| client.status == status));
        let row = |client: &client::Client| {
            let grants: Vec<_> = client.grants.0.iter().map(|grant| grant.short()).collect();
            [
                client.name.clone(),
                client.client_type.as_str().to_owned(),
                client.status.as_str().to_owned(),
                grants.join(" "),
                client.id.clone(),
            ]
        };
        let rows: Vec<_> = clients.iter().map(row).collect();
        let text = table(["NAME", "TYPE", "STATUS", "GRANTS", "CLIENT_ID"], &rows);
        Ok(Answer::new(text, clients.iter().map(object).collect()))
    }
}

impl RotateSecret {
    fn run(self, installation: &Installation) -> Result<Answer> {
        let (secret, old) = installation.write(|tx, env| {
            let client = self.client.find(tx)?;
            let secret = client::rotate_secret(tx, &client, self.keep_old, env.origin, env.ctx)?;
            let live = client::live_secrets(tx, &client, env.now())?;
            Ok((secret, live.iter().find_map(|secret| secret.expires_at)))
        })?;
        let object = json!({
            "client_id": self.client.client_id, "client_secret": secret.expose(), "old_secret_until": old,
        });
        Ok(Answer::new(lines(&object, FIRST), object))
    }
}

fn show(named: &Named, installation: &Installation) -> Result<Answer> {
    let now = installation.env().now();
    let (client, secrets) = installation.read(|tx| {
        let client = named.find(tx)?;
        let secrets = client::live_secrets(tx, &client, now)?;
        Ok((client, secrets))
    })?;
    let mut object = object(&client);
    let spans = secrets.iter().map(|one| json!({"created_at": one.created_at, "expires_at": one.expires_at}));
    object["client_secrets"] = spans.collect();
    if client.registered_from.is_some() {
        object["registration_digest"] = registration::digest(&client).into();
    }
    Ok(Answer::new(lines(&object, FIRST), object))
}

fn delete(named: &Named, installation: &Installation) -> Result<Answer> {
    let client = installation.write(|tx, env| {
        let client = named.find(tx)?;
        client::delete(tx, &client, env.origin, env.ctx)?;
        Ok(client)
    })?;
    let text = format!("deleted {} ({})", client.id, client.name);
    Ok(Answer::new(text, json!({"client_id": client.id, "deleted": true})))
}

fn shown(client: &client::Client, secret: Option<&Secret>) -> Answer {
    let mut object = object(client);
    if let Some(secret) = secret {
        object["client_secret"] = secret.expose().into();
    }
    Answer::new(lines(&object, FIRST), object)
}

fn object(client: &client::Client) -> Value {
    json!({
        "client_id": client.id, "name": client.name, "description": client.description,
        "type": client.client_type, "application_type": client.application_type, "status": client.status,
        "token_endpoint_auth_method": client.auth_method, "grant_types": client.grants.0,
        "scope": client.scopes.to_string(), "redirect_uris": client.redirect_uris.0,
        "post_logout_redirect_uris": client.post_logout_redirect_uris.0,
        "backchannel_logout_uri": client.backchannel_logout_uri,
        "backchannel_logout_session": client.backchannel_logout_session,
        "resources": client.resources.0, "audiences": client.audiences.0,
        "extra_claims": client.extra_claims.0, "token_profile": client.token_profile,
        "pkce_required": client.pkce_required, "skip_consent": client.skip_consent,
        "remember_consent": client.remember_consent, "secretless": client.secretless,
        "userinfo_any_audience": client.userinfo_any_audience,
        "id_token_signed_response_alg": client.id_token_alg, "id_token_claims": client.id_token_claims,
        "project": client.project, "service_account": client.service_account, "origin": client.origin,
        "last_used_at": client.last_used_at, "created_at": client.created_at, "updated_at": client.updated_at,
        "client_uri": client.uri, "registered_from": client.registered_from,
    })
}
