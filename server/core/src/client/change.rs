//! What an administrator does to clients; each leaves its event.

use super::{Client, ClientSpec, ClientStatus, ClientType, secret};
use crate::audit::{Event, Origin, Severity};
use crate::context::Context;
use crate::db::{Json, Tx, params};
use crate::error::{Code, Error, Result};
use crate::imported;
use crate::policy::Policy;
use crate::secret::Secret;

/// Makes a client; a confidential one gets a secret, which is returned this once.
pub fn create(
    tx: &mut Tx<'_>,
    spec: ClientSpec,
    made_by: &'static str,
    policy: &Policy,
    origin: &Origin,
    ctx: &Context,
) -> Result<(Client, Option<Secret>)> {
    let client = insert(tx, spec, made_by, policy, origin, ctx)?;
    let secret = if client.is_public() { None } else { Some(secret::add(tx, &client.id, ctx)?) };
    Ok((client, secret))
}

/// Makes a confidential client that keeps the secret it has on another server, of which only the bcrypt hash is known.
pub fn import(
    tx: &mut Tx<'_>,
    spec: ClientSpec,
    secret_hash: &str,
    policy: &Policy,
    origin: &Origin,
    ctx: &Context,
) -> Result<Client> {
    if spec.client_type == ClientType::Public {
        return Err(Error::refused(Code::InvalidRequest, "a public client has no secret"));
    }
    imported::check_bcrypt(secret_hash)?;
    let client = insert(tx, spec, "import", policy, origin, ctx)?;
    secret::store(tx, &client.id, secret_hash, ctx)?;
    Ok(client)
}

fn insert(
    tx: &mut Tx<'_>,
    mut spec: ClientSpec,
    made_by: &'static str,
    policy: &Policy,
    origin: &Origin,
    ctx: &Context,
) -> Result<Client> {
    let application_type = spec.check(policy)?;
    let public = spec.client_type == ClientType::Public;
    let id_token_alg = spec.stored_id_token_alg().to_owned();
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
        post_logout_redirect_uris: Json(spec.post_logout_redirect_uris),
        backchannel_logout_uri: spec.backchannel_logout_uri,
        backchannel_logout_session: spec.backchannel_logout_session,
        resources: Json(spec.resources),
        audiences: Json(spec.audiences.unwrap_or_else(|| policy.default_audience.clone())),
        extra_claims: Json(spec.extra_claims),
        token_profile: spec.token_profile,
        pkce_required: spec.pkce_required.unwrap_or(policy.pkce_required),
        skip_consent: spec.skip_consent,
        remember_consent: spec.remember_consent,
        secretless: spec.secretless,
        userinfo_any_audience: spec.userinfo_any_audience,
        id_token_alg,
        id_token_claims: spec.id_token_claims,
        jwks: None,
        project: spec.project,
        service_account: spec.service_account,
        registration_token_hash: None,
        epoch: 1,
        last_used_at: None,
        created_at: ctx.now(),
        updated_at: ctx.now(),
        registered_from: None,
    };
    client.insert(tx)?;
    let details = serde_json::json!({
        "client_name": client.name, "grant_types": client.grants.0, "scopes": client.scopes.to_string(),
        "token_profile": client.token_profile,
    });
    Event::info("CLIENT_CREATED", "OAuth client created")
        .on("CLIENT", &client.id)
        .called(&client.name)
        .with(details)
        .write(tx, origin, ctx)?;
    Ok(client)
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
    let id_token_alg = spec.stored_id_token_alg();
    tx.execute(
        "UPDATE clients SET name = ?2, description = ?3, application_type = ?4, grants = ?5, scopes = ?6, \
         redirect_uris = ?7, resources = ?8, audiences = ?9, token_profile = ?10, pkce_required = ?11, \
         skip_consent = ?12, project = ?13, service_account = ?14, updated_at = ?15, remember_consent = ?16, \
         secretless = ?17, userinfo_any_audience = ?18, id_token_alg = ?19, id_token_claims = ?20, \
         post_logout_redirect_uris = ?21, backchannel_logout_uri = ?22, backchannel_logout_session = ?23, \
         extra_claims = ?24 WHERE id = ?1",
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
            spec.remember_consent,
            spec.secretless,
            spec.userinfo_any_audience,
            id_token_alg,
            spec.id_token_claims,
            &Json(spec.post_logout_redirect_uris),
            &spec.backchannel_logout_uri,
            spec.backchannel_logout_session,
            &Json(spec.extra_claims),
        ],
    )?;
    let changed_profile = spec.token_profile != client.token_profile;
    let kind = "CLIENT_UPDATED";
    let action = "OAuth client updated";
    let event = if changed_profile { Event::warning(kind, action) } else { Event::info(kind, action) };
    let details = serde_json::json!({
        "client_name": spec.name, "token_profile": spec.token_profile, "previous_token_profile": client.token_profile,
    });
    event.on("CLIENT", &client.id).called(&spec.name).with(details).write(tx, origin, ctx)
}

/// Switches a client on or off. Either raises the epoch: what was issued before is dead and stays so.
pub fn set_status(
    tx: &mut Tx<'_>,
    client: &Client,
    status: ClientStatus,
    origin: &Origin,
    ctx: &Context,
) -> Result<()> {
    if status == ClientStatus::Active && client.status == ClientStatus::Pending && client.self_registered() {
        let words = "this client registered itself and waits: approve or reject it";
        return Err(Error::refused(Code::InvalidRequest, words));
    }
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
        .called(&client.name)
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
    let alive: Option<(i64,)> = tx.one(
        "SELECT COUNT(*) FROM tokens WHERE client_id = ?1 AND status = 'active' AND expires_at > ?2",
        params![&client.id, ctx.now()],
    )?;
    let event = Event {
        severity: Severity::Critical,
        ..Event::info("CLIENT_TOKENS_REVOKED_ALL", "All client tokens revoked by administrator")
    };
    let details =
        serde_json::json!({"client_id": client.id, "revoked_count": alive.map_or(0, |(count,)| count)});
    event.on("CLIENT", &client.id).called(&client.name).with(details).write(tx, origin, ctx)
}

/// Deletes a client: what was issued to it dies with it.
pub fn delete(tx: &mut Tx<'_>, client: &Client, origin: &Origin, ctx: &Context) -> Result<()> {
    tx.execute("DELETE FROM clients WHERE id = ?1", params![&client.id])?;
    tx.execute("DELETE FROM client_secrets WHERE client_id = ?1", params![&client.id])?;
    for table in ["consents", "session_clients", "logout_notices"] {
        tx.execute(&format!("DELETE FROM {table} WHERE client_id = ?1"), params![&client.id])?;
    }
    let details = serde_json::json!({"client_name": client.name});
    Event::warning("CLIENT_DELETED", "OAuth client deleted")
        .on("CLIENT", &client.id)
        .called(&client.name)
        .with(details)
        .write(tx, origin, ctx)
}
