//! `POST /oauth/introspect` (RFC 7662).

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use authgate_core::client::{self, Proof};
use authgate_core::error::{Code, Error, Result};
use authgate_core::introspection;

use crate::app::App;
use crate::error::ApiError;
use crate::form::Form;
use crate::middleware::limit::INTROSPECT_ADDRESS;
use crate::oauth::client_auth::{credentials, guarded};
use crate::reply;

/// Answers a confidential client about a token.
pub async fn post(app: Data<App>, request: HttpRequest, Form(form): Form) -> Result<HttpResponse, ApiError> {
    let hint = form.get("token_type_hint").map(str::to_owned);
    let asked = Arc::new((credentials(&request, &form)?, form.secret("token"), hint));
    let attempt = || {
        let asked = Arc::clone(&asked);
        app.read_env(&request, move |tx, env| {
            let (credentials, token, hint) = &*asked;
            let caller = client::authenticate(tx, credentials, Proof::Always, env.policy, env.now())?;
            let missing = || Error::refused(Code::InvalidRequest, "token parameter is required");
            let token = token.as_ref().ok_or_else(missing)?;
            Ok((introspection::introspect(tx, env, &caller, (token, hint.as_deref()))?, caller.id))
        })
    };
    let begun = app.clock.monotonic();
    let (answer, caller) = guarded(&app, &request, &INTROSPECT_ADDRESS, &asked.0, attempt).await?;
    let took = app.clock.monotonic().duration_since(begun);
    app.metrics.oauth.looked_up(answer.members["active"] == true, took);
    if answer.by_switch {
        app.write_env(&request, move |tx, env| env.note_compat(tx, "COMPAT_INTROSPECT_ANY", &caller)).await?;
    }
    Ok(reply::json(StatusCode::OK, &answer.members))
}
