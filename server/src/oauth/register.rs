//! `/oauth/register` (RFC 7591) and the client configuration endpoint beneath it (RFC 7592).

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use authgate_core::client::{self, Client, Grant};
use authgate_core::error::{Code, Error, Result};
use authgate_core::keys::Algorithm;
use authgate_core::registration::{self, Metadata, Registered};
use authgate_core::secret::{Secret, same};
use serde::Serialize;

use crate::app::App;
use crate::error::ApiError;
use crate::form::Body;
use crate::middleware::limit::{self, REGISTER, REGISTRATION_CHANGE};
use crate::oauth::bearer;
use crate::reply;

/// RFC 7591 3.2.1, RFC 7592 3. A member that is not there was not registered.
#[derive(Serialize)]
struct Information<'a> {
    client_id: &'a str,
    client_id_issued_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    /// 0: it does not expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret_expires_at: Option<i64>,
    registration_access_token: &'a str,
    registration_client_uri: String,
    client_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_uri: Option<&'a str>,
    redirect_uris: &'a [String],
    grant_types: &'a [Grant],
    response_types: &'static [&'static str],
    scope: String,
    token_endpoint_auth_method: &'a str,
    application_type: client::ApplicationType,
    subject_type: &'static str,
    id_token_signed_response_alg: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    post_logout_redirect_uris: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    backchannel_logout_uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backchannel_logout_session_required: Option<bool>,
}

/// Registers a client.
pub async fn post(app: Data<App>, request: HttpRequest, Body(body): Body) -> Result<HttpResponse, ApiError> {
    require_enabled(&app)?;
    let from = limit::address(&request);
    limit::note(&request, limit::take(&app, &request, &REGISTER, &from).await?);
    require_initial_access_token(&app, &request)?;
    let metadata = metadata(&request, &body)?;
    let made = app.write_env(&request, move |tx, env| registration::register(tx, env, metadata, &from));
    let Registered { client, secret, registration_access_token } = made.await?;
    let mut information = information(&app, &client, &registration_access_token);
    information.client_secret = secret.as_ref().map(Secret::expose);
    information.client_secret_expires_at = secret.as_ref().map(|_| 0);
    Ok(reply::json(StatusCode::CREATED, &information))
}

/// Reads a registration. The secret is stored as a hash and not repeated.
pub async fn get(app: Data<App>, request: HttpRequest, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let token = registration_access_token(&app, &request)?;
    let presented = token.clone();
    let client = app.read(move |tx| registration::authenticate(tx, &id, &presented)).await?;
    Ok(reply::json(StatusCode::OK, &information(&app, &client, &token)))
}

/// Replaces a registration.
pub async fn put(
    app: Data<App>,
    request: HttpRequest,
    id: Path<String>,
    Body(body): Body,
) -> Result<HttpResponse, ApiError> {
    let token = registration_access_token(&app, &request)?;
    let (asked, presented) = (id.clone(), token.clone());
    let client = app.read(move |tx| registration::authenticate(tx, &asked, &presented)).await?;
    // Each change is a write and an event, so one client makes few of them. Strangers use nothing of that up.
    limit::note(&request, limit::take(&app, &request, &REGISTRATION_CHANGE, &client.id).await?);
    let presented = token.clone();
    // Whoever has no token learns nothing about what would be accepted.
    let metadata = metadata(&request, &body);
    let changed = app.write_env(&request, move |tx, env| {
        let client = registration::authenticate(tx, &id, &presented)?;
        registration::update(tx, env, &client, metadata?)
    });
    Ok(reply::json(StatusCode::OK, &information(&app, &changed.await?, &token)))
}

/// Deletes a client and ends all that was issued to it.
pub async fn delete(
    app: Data<App>,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let token = registration_access_token(&app, &request)?;
    let deleted = app.write_env(&request, move |tx, env| {
        let client = registration::authenticate(tx, &id, &token)?;
        client::delete(tx, &client, env.origin, env.ctx)
    });
    deleted.await?;
    let mut response = HttpResponse::NoContent().finish();
    reply::forbid_storing(response.headers_mut());
    Ok(response)
}

fn require_enabled(app: &App) -> Result<()> {
    if app.policy.registration.enabled {
        return Ok(());
    }
    let words = "Dynamic client registration is not enabled on this server";
    Err(Error::refused(Code::RegistrationNotSupported, words))
}

/// RFC 7591 3: the token that the operator hands out, if there is one.
fn require_initial_access_token(app: &App, request: &HttpRequest) -> Result<(), ApiError> {
    let Some(expected) = &app.config.registration.token else { return Ok(()) };
    let missing =
        || ApiError::no_token("invalid_token", "An initial access token is required for client registration");
    let token = bearer::token(request)?.ok_or_else(missing)?;
    // Hashes are of one length, so nothing is learnt about the token's.
    if same(token.sha256().as_bytes(), expected.sha256().as_bytes()) {
        return Ok(());
    }
    Err(Error::refused(Code::InvalidToken, "The initial access token is invalid").into())
}

fn registration_access_token(app: &App, request: &HttpRequest) -> Result<Secret, ApiError> {
    require_enabled(app)?;
    let missing = || ApiError::no_token("invalid_token", "The registration access token is required");
    bearer::token(request)?.ok_or_else(missing)
}

fn metadata(request: &HttpRequest, body: &[u8]) -> Result<Metadata> {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|text| text.split(';').next()).unwrap_or_default();
    if !essence.trim().eq_ignore_ascii_case("application/json") {
        return Err(Error::refused(Code::InvalidClientMetadata, "the Content-Type must be application/json"));
    }
    Metadata::parse(body)
}

fn information<'a>(app: &App, client: &'a Client, token: &'a Secret) -> Information<'a> {
    let algorithm = app.keyring.now().keys.id_token(Algorithm::parse(&client.id_token_alg)).algorithm;
    Information {
        client_id: &client.id,
        client_id_issued_at: client.created_at,
        client_secret: None,
        client_secret_expires_at: None,
        registration_access_token: token.expose(),
        registration_client_uri: format!("{}/oauth/register/{}", app.policy.issuer, client.id),
        client_name: &client.name,
        client_uri: client.uri.as_deref(),
        redirect_uris: &client.redirect_uris.0,
        grant_types: &client.grants.0,
        response_types: if client.may(Grant::AuthorizationCode) { &["code"] } else { &[] },
        scope: client.scopes.to_string(),
        token_endpoint_auth_method: &client.auth_method,
        application_type: client.application_type,
        subject_type: "public",
        id_token_signed_response_alg: algorithm.as_str(),
        post_logout_redirect_uris: &client.post_logout_redirect_uris.0,
        backchannel_logout_uri: client.backchannel_logout_uri.as_deref(),
        backchannel_logout_session_required: client
            .backchannel_logout_uri
            .as_ref()
            .map(|_| client.backchannel_logout_session),
    }
}
