//! Every URL of the server, grouped by who calls it.
//!
//! All of them answer at `/` and, if the issuer has a path, under that path too: a reverse proxy may strip it or not.

mod endpoint;
pub(crate) mod unmatched;

use std::future::ready;

use actix_web::HttpRequest;
use actix_web::web::{self, ServiceConfig};

use crate::app::App;
use crate::oauth::{
    authorize, device, discovery, introspect, jwks, logout, register, revoke, token, tokeninfo, userinfo,
};
use crate::{account, admin, assets, device_page, health, login};

pub use endpoint::{Endpoint, at};

/// Registers everything.
pub fn configure(app: &App) -> impl Fn(&mut ServiceConfig) + use<> {
    let path = app.config.server.issuer_path.clone();
    move |services| {
        well_known_of_path(services, &path);
        groups(services);
        if !path.is_empty() {
            services.service(web::scope(&path).configure(groups));
        }
        services.default_service(web::to(|request: HttpRequest| ready(unmatched::not_found(&request))));
    }
}

fn groups(services: &mut ServiceConfig) {
    programs(services);
    metadata(services);
    people(services);
    operators(services);
}

/// Clients and resource servers.
fn programs(services: &mut ServiceConfig) {
    services
        .service(at("/oauth/token").post(token::post).cross_origin())
        .service(at("/oauth/device/code").post(device::post).cross_origin())
        .service(at("/oauth/introspect").post(introspect::post).cross_origin())
        .service(at("/oauth/revoke").post(revoke::post).cross_origin())
        .service(at("/oauth/register").post(register::post).cross_origin())
        .service(
            at("/oauth/register/{client_id}")
                .get(register::get)
                .put(register::put)
                .delete(register::delete)
                .cross_origin(),
        )
        .service(at("/oauth/tokeninfo").get(tokeninfo::get).cross_origin())
        .service(at("/oauth/userinfo").get(userinfo::answer).post(userinfo::answer).cross_origin());
}

/// Whoever wants to know what this server can do (RFC 8414, OpenID Connect Discovery).
fn metadata(services: &mut ServiceConfig) {
    services
        .service(at("/.well-known/openid-configuration").get(discovery::openid).cross_origin())
        .service(at("/.well-known/oauth-authorization-server").get(discovery::oauth).cross_origin())
        .service(at("/.well-known/jwks.json").get(jwks::jwks).cross_origin());
}

/// Browsers.
fn people(services: &mut ServiceConfig) {
    services
        .service(at("/").get(account::home).page())
        .service(at("/login").get(login::show).post(login::submit).page())
        .service(at("/logout").get(login::ask).post(login::logout).page())
        .service(at("/oauth/authorize").get(authorize::get).post(authorize::post).page())
        .service(at(logout::PATH).get(logout::get).post(logout::post).page())
        .service(at("/device").get(device_page::show).page())
        .service(at("/device/verify").post(device_page::verify).page())
        .service(at("/account/sessions").get(account::sessions).page())
        .service(at("/account/sessions/revoke-all").post(account::revoke_all).page())
        .service(at("/account/sessions/{id}/revoke").post(account::revoke_session).page())
        .service(at("/account/authorizations").get(account::authorizations).page())
        .service(at("/account/authorizations/{id}/revoke").post(account::revoke_authorization).page())
        .service(at("/favicon.ico").get(assets::favicon))
        .service(at("/static/{file:.*}").get(assets::file));
}

/// Administrators, probes and monitoring.
fn operators(services: &mut ServiceConfig) {
    services
        .service(at("/admin/audit/api").get(admin::audit::list))
        .service(at("/admin/audit/api/stats").get(admin::audit::stats))
        .service(at("/admin/audit/export").get(admin::audit::export))
        .service(at("/health").get(health::health))
        .service(at("/livez").get(health::livez))
        .service(at("/readyz").get(health::readyz));
}

/// The documents of an issuer with a path, which RFC 8414 3.1 looks for at the root with the path behind. No other
/// suffix is answered: there is one issuer.
fn well_known_of_path(services: &mut ServiceConfig, path: &str) {
    if path.is_empty() {
        return;
    }
    let of_path = |document: &str| format!("/.well-known/{document}{path}");
    services
        .service(at(&of_path("openid-configuration")).get(discovery::openid).cross_origin())
        .service(at(&of_path("oauth-authorization-server")).get(discovery::oauth).cross_origin());
}
