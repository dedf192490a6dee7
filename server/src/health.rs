//! Probes: `/health` of the contract, `/livez` (is the process there) and `/readyz` (should it get requests).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use authgate_core::db;
use serde_json::json;

use crate::app::App;
use crate::reply;

/// `GET /health`.
pub async fn health(app: Data<App>) -> HttpResponse {
    match has_database(&app).await {
        true => reply::json(StatusCode::OK, &json!({ "database": "connected", "status": "healthy" })),
        false => reply::json(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({ "database": "disconnected", "status": "unhealthy" }),
        ),
    }
}

/// `GET /livez`: a process that answers lives.
pub async fn livez() -> HttpResponse {
    reply::json(StatusCode::OK, &json!({ "status": "alive" }))
}

/// `GET /readyz`: 503 names what does not work.
pub async fn readyz(app: Data<App>) -> HttpResponse {
    let actors = app.health.actors();
    let mut failing: Vec<&str> =
        actors.iter().filter(|actor| actor.gave_up).map(|actor| actor.name).collect();
    if !has_database(&app).await {
        failing.insert(0, "database");
    }
    match failing.is_empty() {
        true => reply::json(StatusCode::OK, &json!({ "status": "ready" })),
        false => reply::json(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({ "status": "unavailable", "failing": failing }),
        ),
    }
}

async fn has_database(app: &App) -> bool {
    let version = app.read(db::version).await;
    version.inspect_err(|error| tracing::error!(%error, "the database does not answer")).is_ok()
}
