//! `GET /.well-known/jwks.json`: the public keys that verify our tokens (RFC 7517 5).

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::app::App;
use crate::reply;

/// The key set.
pub async fn jwks(app: Data<App>) -> HttpResponse {
    reply::published(&app.keyring.now().metadata.jwks)
}
