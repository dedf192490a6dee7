//! `POST /oauth/revoke` (RFC 7009).

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use authgate_core::client::{self, Proof};
use authgate_core::credentials::Credentials;
use authgate_core::db::Tx;
use authgate_core::env::Env;
use authgate_core::error::{Code, Error, Result};
use authgate_core::revocation::{self, Given};
use authgate_core::secret::Secret;

use crate::app::App;
use crate::error::ApiError;
use crate::form::Form;
use crate::middleware::limit::TOKEN;
use crate::oauth::client_auth::{credentials, guarded};
use crate::reply;

/// Revokes a client's own token; 200 for every other token too (deviation D4).
pub async fn post(app: Data<App>, request: HttpRequest, Form(form): Form) -> Result<HttpResponse, ApiError> {
    let asked = Arc::new((credentials(&request, &form)?, form.secret("token")));
    let attempt = || revoke(&app, &request, Arc::clone(&asked));
    guarded(&app, &request, &TOKEN, &asked.0, attempt).await?;
    let mut response = HttpResponse::Ok().finish();
    reply::forbid_storing(response.headers_mut());
    Ok(response)
}

async fn revoke(app: &App, request: &HttpRequest, asked: Arc<(Credentials, Option<Secret>)>) -> Result<()> {
    app.caller(request, &asked.0, Proof::Always).await?;
    let missing = || Error::refused(Code::InvalidRequest, "token parameter is required");
    let text = asked.1.as_ref().ok_or_else(missing)?;
    // Before the transaction, in which everybody would wait for the signature to be verified.
    let given = Given::read(text, |text| Ok(app.genuine(text)?.jti.clone()));
    let Some(given) = given else { return Ok(()) };
    let write = move |tx: &mut Tx<'_>, env: Env<'_>| {
        let client = client::authenticate(tx, &asked.0, Proof::Always, env.policy, env.now())?;
        revocation::revoke(tx, env, &client, &given)
    };
    app.write_env(request, write).await
}
