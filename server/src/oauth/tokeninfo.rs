//! `GET /oauth/tokeninfo`: what the bearer of an access token may know about it.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use authgate_core::error::Result;
use authgate_core::jwt::Audience;
use serde::Serialize;

use crate::app::App;
use crate::error::ApiError;
use crate::oauth::bearer;
use crate::reply;

#[derive(Serialize)]
struct Answer {
    active: bool,
    user_id: String,
    client_id: String,
    scope: String,
    exp: i64,
    iss: String,
    subject_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<Audience>,
}

/// Takes any live access token and reports its `aud` (deviation D38).
pub async fn get(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let missing = || ApiError::no_token("missing_token", "");
    let token = bearer::token(&request)?.ok_or_else(missing)?;
    let begun = app.clock.monotonic();
    let found = app.present(&request, &token).await;
    app.metrics.oauth.presented(&found, app.clock.monotonic().duration_since(begun));
    let live = found?;
    let token = &live.token;
    let answer = Answer {
        active: true,
        subject_type: if token.user_id.is_some() { "user" } else { "client" },
        user_id: token.subject(),
        scope: token.scope.to_string(),
        exp: token.expires_at,
        iss: app.config.server.issuer.clone(),
        aud: Audience::of(&token.audience.0),
        client_id: token.client_id.clone(),
    };
    Ok(reply::json(StatusCode::OK, &answer))
}
