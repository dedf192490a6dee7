//! `POST /oauth/introspect` (RFC 7662).

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use authgate_core::audit::Event;
use authgate_core::client::{self, Proof};
use authgate_core::error::{Code, Error, Result};
use authgate_core::introspection;
use serde_json::{Value, json};

use crate::app::App;
use crate::error::ApiError;
use crate::form::Form;
use crate::middleware::limit::INTROSPECT;
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
    let (answer, caller) = guarded(&app, &request, &INTROSPECT, &asked.0, attempt).await?;
    let took = app.clock.monotonic().duration_since(begun);
    app.metrics.oauth.looked_up(answer.members["active"] == true, took);
    note(&app, &request, &caller, &answer.members)?;
    if answer.by_switch {
        app.write_env(&request, move |tx, env| env.note_compat(tx, "COMPAT_INTROSPECT_ANY", &caller)).await?;
    }
    Ok(reply::json(StatusCode::OK, &answer.members))
}

/// One event for each caller, token and minute (deviation D41). What the caller may not see is one token.
fn note(app: &App, request: &HttpRequest, caller: &str, members: &Value) -> Result<()> {
    let text = |name: &str| members[name].as_str().unwrap_or_default().to_owned();
    let is_active = members["active"] == true;
    let (caller, client, user, jti) = (caller.to_owned(), text("client_id"), text("sub"), text("jti"));
    // A refresh token has no type here (RFC 7662 2.2), and no name but its client's and person's.
    let category = if members["token_type"].is_string() { "access" } else { "refresh" };
    let key = format!("{caller} {is_active} {category} {client} {user} {jti}");
    let (origin, ctx) = (app.origin(request), app.context());
    let first = move || {
        let event = Event::info("TOKEN_INTROSPECTED", "Token introspected");
        let event = event.by(&caller).with(json!({"caller_client_id": caller, "active": false}));
        if !is_active {
            return event.entry(&origin, &ctx);
        }
        let details = json!({
            "caller_client_id": caller, "active": true, "token_client_id": client, "token_user_id": user,
            "token_category": category,
        });
        event.on("TOKEN", &jti).with(details).entry(&origin, &ctx)
    };
    Ok(app.audit.count(key, first)?)
}
