//! `POST /oauth/revoke` (RFC 7009).

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use authgate_core::client::{self, Proof};
use authgate_core::error::{Code, Error, Result};
use authgate_core::revocation;

use crate::app::App;
use crate::error::ApiError;
use crate::form::Form;
use crate::middleware::limit::TOKEN;
use crate::oauth::client_auth::{credentials, guarded};
use crate::reply;

/// Revokes a client's own token; 200 for every other token too (deviation D4).
pub async fn post(app: Data<App>, request: HttpRequest, Form(form): Form) -> Result<HttpResponse, ApiError> {
    let asked = Arc::new((credentials(&request, &form)?, form.secret("token")));
    let attempt = || {
        let asked = Arc::clone(&asked);
        app.write_env(&request, move |tx, env| {
            let client = client::authenticate(tx, &asked.0, Proof::Always, env.policy, env.now())?;
            let missing = || Error::refused(Code::InvalidRequest, "token parameter is required");
            revocation::revoke(tx, env, &client, asked.1.as_ref().ok_or_else(missing)?)
        })
    };
    guarded(&app, &request, &TOKEN, &asked.0, attempt).await?;
    let mut response = HttpResponse::Ok().finish();
    reply::forbid_storing(response.headers_mut());
    Ok(response)
}
