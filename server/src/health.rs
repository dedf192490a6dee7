//! Probes: `/health` of the contract, `/livez` (is the process there) and `/readyz` (should it get requests).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use authgate_actors::supervisor::ActorHealth;
use authgate_core::db;
use serde_json::json;

use crate::app::App;
use crate::reply;

/// `GET /health`.
pub async fn health(app: Data<App>) -> HttpResponse {
    if has_database(&app).await {
        reply::json(StatusCode::OK, &json!({ "database": "connected", "status": "healthy" }))
    } else {
        let body = json!({ "database": "disconnected", "status": "unhealthy" });
        reply::json(StatusCode::SERVICE_UNAVAILABLE, &body)
    }
}

/// `GET /livez`: a process that answers lives.
pub async fn livez() -> HttpResponse {
    reply::json(StatusCode::OK, &json!({ "status": "alive" }))
}

/// `GET /readyz`: 503 names what does not work, or `stopping`.
pub async fn readyz(app: Data<App>) -> HttpResponse {
    let mut failing = failing(has_database(&app).await, &app.health.actors());
    if app.is_draining() {
        failing.push("stopping");
    }
    if failing.is_empty() {
        reply::json(StatusCode::OK, &json!({ "status": "ready" }))
    } else {
        let body = json!({ "status": "unavailable", "failing": failing });
        reply::json(StatusCode::SERVICE_UNAVAILABLE, &body)
    }
}

fn failing(has_database: bool, actors: &[ActorHealth]) -> Vec<&'static str> {
    let database = (!has_database).then_some("database");
    database.into_iter().chain(actors.iter().filter(|actor| actor.gave_up).map(|actor| actor.name)).collect()
}

async fn has_database(app: &App) -> bool {
    let version = app.read(db::version).await;
    version.inspect_err(|error| tracing::error!(%error, "the database does not answer")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_named() {
        let actor =
            |name, gave_up| ActorHealth { name, restarts: 0, queue: 0, capacity: 1, turned_away: 0, gave_up };
        assert!(failing(true, &[actor("issuer", false), actor("limiter", false)]).is_empty());
        let actors = [actor("issuer", true), actor("limiter", false), actor("devices", true)];
        assert_eq!(failing(false, &actors), ["database", "issuer", "devices"]);
    }
}
