//! `POST /oauth/device/code` (RFC 8628 3.1).

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use authgate_core::client::{self, Proof};
use authgate_core::credentials::Credentials;
use authgate_core::device::{self, Requested};
use authgate_core::error::{Code, Error, Result};
use authgate_core::form::Params;
use authgate_core::resource::Resources;
use authgate_core::scope::Scope;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::error::ApiError;
use crate::form::{self, Body};
use crate::middleware::limit::{self, DEVICE_CODE, TOKEN};
use crate::oauth::bearer;
use crate::oauth::client_auth::guarded;
use crate::reply;

/// RFC 8628 3.2.
#[derive(Serialize)]
struct Answer<'a> {
    device_code: &'a str,
    user_code: &'a str,
    verification_uri: String,
    verification_uri_complete: String,
    expires_in: i64,
    interval: i64,
}

/// The JSON form of the request, which the reference takes as well.
#[derive(Deserialize)]
struct Json {
    client_id: Option<String>,
    client_secret: Option<String>,
    scope: Option<String>,
    #[serde(default)]
    resource: Vec<String>,
}

/// Starts a device flow.
pub async fn post(app: Data<App>, request: HttpRequest, Body(body): Body) -> Result<HttpResponse, ApiError> {
    let requested = start(&app, &request, &body).await;
    app.metrics.oauth.device_code(&requested);
    let requested = requested?;
    let verification_uri = format!("{}/device", app.config.server.issuer);
    let user_code = requested.user_code.expose();
    let answer = Answer {
        device_code: requested.device_code.expose(),
        user_code,
        verification_uri_complete: format!("{verification_uri}?user_code={user_code}"),
        verification_uri,
        expires_in: device::LIFETIME,
        interval: device::INTERVAL,
    };
    Ok(reply::json(StatusCode::OK, &answer))
}

async fn start(app: &App, request: &HttpRequest, body: &[u8]) -> Result<Requested, ApiError> {
    let params = params(request, body)?;
    let missing = || Error::refused(Code::InvalidRequest, "client_id is required");
    let credentials = Credentials::read(bearer::authorization(request)?, &params)?.ok_or_else(missing)?;
    // A confidential client starts flows for many people from one address, and is counted by its name.
    if credentials.secret.is_none() {
        limit::note(request, limit::take(app, request, &DEVICE_CODE, &limit::address(request)).await?);
    }
    let scope = params.get("scope").map(Scope::parse).transpose()?.filter(|scope| !scope.is_empty());
    let resources = Resources::parse(params.all("resource"))?;
    let asked = Arc::new((credentials, scope, resources));
    let attempt = || {
        let asked = Arc::clone(&asked);
        app.write_env(request, move |tx, env| {
            let (credentials, scope, resources) = &*asked;
            let client =
                client::authenticate(tx, credentials, Proof::UnlessSecretless, env.policy, env.now())?;
            client::note_secretless(tx, env, &client, credentials)?;
            device::request(tx, env, &client, (scope.as_ref(), resources.clone()))
        })
    };
    guarded(app, request, &TOKEN, &asked.0, attempt).await
}

fn params(request: &HttpRequest, body: &[u8]) -> Result<Params> {
    if form::is_form(request) {
        return Params::parse(body);
    }
    let unreadable = || {
        let words = "send a form, or a JSON object with client_id, scope and resource (a list)";
        Error::refused(Code::InvalidRequest, words)
    };
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|text| text.split(';').next()).unwrap_or_default();
    if !essence.trim().eq_ignore_ascii_case("application/json") {
        return Err(unreadable());
    }
    // A list would be taken for the members in their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(unreadable());
    }
    let json: Json = serde_json::from_slice(body).map_err(|_| unreadable())?;
    let single =
        [("client_id", json.client_id), ("client_secret", json.client_secret), ("scope", json.scope)];
    let single = single.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Ok(single.chain(json.resource.into_iter().map(|value| ("resource".to_owned(), value))).collect())
}
