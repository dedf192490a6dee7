//! `POST /oauth/introspect` (RFC 7662).

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use authgate_core::audit::Event;
use authgate_core::client::Proof;
use authgate_core::credentials::Credentials;
use authgate_core::db::Tx;
use authgate_core::env::Env;
use authgate_core::error::{Code, Error, Result};
use authgate_core::family::Presented;
use authgate_core::introspection::{self, Answer};
use authgate_core::secret::Secret;
use serde_json::{Value, json};

use crate::app::App;
use crate::error::ApiError;
use crate::form::Form;
use crate::middleware::limit::INTROSPECT;
use crate::oauth::client_auth::{credentials, guarded};
use crate::reply;

struct Asked {
    credentials: Credentials,
    token: Option<Secret>,
    is_refresh: bool,
}

/// Answers a confidential client about a token.
pub async fn post(app: Data<App>, request: HttpRequest, Form(form): Form) -> Result<HttpResponse, ApiError> {
    let asked = Asked {
        credentials: credentials(&request, &form)?,
        token: form.secret("token"),
        is_refresh: form.get("token_type_hint") == Some("refresh_token"),
    };
    let attempt = || answer(&app, &request, &asked);
    let begun = app.clock.monotonic();
    let (answer, caller) = guarded(&app, &request, &INTROSPECT, &asked.credentials, attempt).await?;
    let took = app.clock.monotonic().duration_since(begun);
    app.metrics.oauth.looked_up(answer.members["active"] == true, took);
    note(&app, &request, &caller, &answer.members)?;
    if answer.by_switch {
        app.write_env(&request, move |tx, env| env.note_compat(tx, "COMPAT_INTROSPECT_ANY", &caller)).await?;
    }
    Ok(reply::json(StatusCode::OK, &answer.members))
}

/// The answer, and who gets it.
async fn answer(app: &App, request: &HttpRequest, asked: &Asked) -> Result<(Answer, String)> {
    let known = app.caller(request, &asked.credentials, Proof::Always).await?;
    let caller = &known.client;
    let missing = || Error::refused(Code::InvalidRequest, "token parameter is required");
    let token = asked.token.as_ref().ok_or_else(missing)?;
    let answer = match Presented::parse(token) {
        Some(presented) if asked.is_refresh => {
            let known = Arc::clone(&known);
            let about = move |tx: &mut Tx<'_>, env: Env<'_>| {
                introspection::refresh(tx, env, &known.client, &presented)
            };
            app.read_env(request, about).await?
        }
        Some(_) => Answer::inactive(),
        None => match app.present(request, token).await {
            Ok(live) => introspection::access(&app.policy, caller, &live),
            Err(error) if error.code() == Some(Code::InvalidToken) => Answer::inactive(),
            Err(error) => return Err(error),
        },
    };
    Ok((answer, caller.id.clone()))
}

/// One event for each caller, token and minute (deviation D41). What the caller may not see is one token.
fn note(app: &App, request: &HttpRequest, caller: &str, members: &Value) -> Result<()> {
    let text = |name: &str| members[name].as_str().unwrap_or_default();
    let is_active = members["active"] == true;
    let (client, user, jti) = (text("client_id"), text("sub"), text("jti"));
    // A refresh token has no type here (RFC 7662 2.2), and no name but its client's and person's.
    let category = if members["token_type"].is_string() { "access" } else { "refresh" };
    let key = format!("{caller} {is_active} {category} {client} {user} {jti}");
    let first = || {
        let (origin, ctx) = (app.origin(request), app.context());
        let event = Event::info("TOKEN_INTROSPECTED", "Token introspected");
        let event = event.by(caller).with(json!({"caller_client_id": caller, "active": false}));
        if !is_active {
            return event.entry(&origin, &ctx);
        }
        let details = json!({
            "caller_client_id": caller, "active": true, "token_client_id": client, "token_user_id": user,
            "token_category": category,
        });
        event.on("TOKEN", jti).with(details).entry(&origin, &ctx)
    };
    Ok(app.audit.count(key, first)?)
}
