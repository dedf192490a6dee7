//! `/oauth/userinfo` (OpenID Connect Core 5.3).

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use authgate_core::claims::{self, ClaimsRequest};
use authgate_core::error::{Code, Error, Result};
use authgate_core::secret::Secret;
use authgate_core::{client, family, jwt, user};
use serde_json::{Map, Value};

use crate::app::App;
use crate::error::ApiError;
use crate::oauth::bearer;
use crate::reply;

/// The claims about the person that the token's scope allows; `openid` is not needed (contract).
pub async fn answer(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let missing = || ApiError::no_token("invalid_token", "Bearer token required");
    let token = bearer::token(&request)?.ok_or_else(missing)?;
    let begun = app.clock.monotonic();
    let claims = claims_of(&app, &request, &token).await;
    app.metrics.oauth.presented(&claims, app.clock.monotonic().duration_since(begun));
    Ok(reply::json(StatusCode::OK, &*claims?))
}

async fn claims_of(app: &App, request: &HttpRequest, token: &Secret) -> Result<Arc<Map<String, Value>>> {
    let live = app.present(request, token).await?;
    app.claims(request, &live, |tx, env, live| {
        let token = &live.token;
        let client = client::by_id(tx, &token.client_id)?.ok_or_else(jwt::invalid_token)?;
        let any = client.userinfo_any_audience;
        let here = |audience: &String| env.policy.userinfo_audience.contains(audience);
        if !any && !token.audience.0.is_empty() && !token.audience.0.iter().any(here) {
            return Err(Error::refused(Code::InvalidToken, "the token is for another resource"));
        }
        let nobody = || Error::refused(Code::InvalidToken, "User not found");
        let user = user::by_id(tx, token.user_id.as_deref().ok_or_else(nobody)?)?.ok_or_else(nobody)?;
        let mut claims = claims::standard(&user, &|name| token.scope.has(name));
        if let Some(family) = token.family_id.as_ref().map(|id| family::by_id(tx, id)).transpose()?.flatten()
        {
            let asked = ClaimsRequest::of_row(&family.claims)?;
            claims::add(&mut claims, &user, &asked.userinfo, &|scope| client.scopes.has(scope));
        }
        claims.insert("sub".into(), user.id.into());
        claims.insert("iss".into(), env.policy.issuer.as_str().into());
        Ok(claims)
    })
    .await
}
