//! Every URL of the server, grouped by who calls it.
//!
//! All of them answer at `/` and, if the issuer has a path, under that path too: a reverse proxy may strip it or not.

mod endpoint;
#[cfg(debug_assertions)]
mod failpoint;
pub(crate) mod unmatched;

use std::future::ready;

use actix_web::HttpRequest;
use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::web::{self, ServiceConfig};

use crate::app::App;
use crate::config::Config;
use crate::oauth::{
    authorize, device, discovery, introspect, jwks, logout, register, revoke, token, tokeninfo, userinfo,
};
use crate::{account, admin, assets, device_page, health, login, metrics, swagger};

pub use endpoint::{Endpoint, at};

/// What is there only if the operator wants it.
#[derive(Clone, Copy, Debug)]
pub struct Optional {
    /// For Prometheus.
    pub metrics: bool,
    /// The description of everything else.
    pub swagger: bool,
}

impl Optional {
    fn of(config: &Config) -> Self {
        Self { metrics: config.metrics.enabled, swagger: config.server.swagger }
    }
}

/// Endpoints, in the order in which they were added.
#[derive(Default)]
pub struct Routes(Vec<Endpoint>);

impl Routes {
    /// What a server answers.
    pub fn all(optional: Optional) -> Self {
        let mut routes = Self::default();
        programs(&mut routes);
        metadata(&mut routes);
        registrations(&mut routes);
        people(&mut routes);
        operators(&mut routes);
        if optional.metrics {
            routes.service(at("/metrics").get(metrics::get));
        }
        if optional.swagger {
            documentation(&mut routes);
        }
        routes
    }

    /// Each of them.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.0
    }

    fn service(&mut self, endpoint: Endpoint) -> &mut Self {
        self.0.push(endpoint);
        self
    }
}

impl HttpServiceFactory for Routes {
    fn register(self, config: &mut AppService) {
        self.0.into_iter().for_each(|endpoint| endpoint.register(config));
    }
}

/// Registers everything.
pub fn configure(app: &App) -> impl Fn(&mut ServiceConfig) + use<> {
    let (path, optional) = (app.config.server.issuer_path.clone(), Optional::of(&app.config));
    move |services| {
        services.service(well_known_of_path(&path)).service(Routes::all(optional));
        if !path.is_empty() {
            services.service(web::scope(&path).service(Routes::all(optional)));
        }
        services.default_service(web::to(|request: HttpRequest| ready(unmatched::not_found(&request))));
    }
}

/// Clients and resource servers.
fn programs(services: &mut Routes) {
    services
        .service(at("/oauth/token").post(token::post).cross_origin())
        .service(at("/oauth/device/code").post(device::post).cross_origin())
        .service(at("/oauth/introspect").post(introspect::post).cross_origin())
        .service(at("/oauth/revoke").post(revoke::post).cross_origin())
        .service(at("/oauth/register").post(register::post).cross_origin())
        .service(at("/oauth/tokeninfo").get(tokeninfo::get).cross_origin())
        .service(at("/oauth/userinfo").get(userinfo::answer).post(userinfo::answer).cross_origin());
}

/// Whoever wants to know what this server can do (RFC 8414, OpenID Connect Discovery).
fn metadata(services: &mut Routes) {
    services
        .service(at("/.well-known/openid-configuration").get(discovery::openid).cross_origin())
        .service(at("/.well-known/oauth-authorization-server").get(discovery::oauth).cross_origin())
        .service(at("/.well-known/jwks.json").get(jwks::jwks).cross_origin());
}

/// Clients that registered themselves. Behind what is asked for all the time: routes are tried one by one, and a pattern costs
/// more than a text.
fn registrations(services: &mut Routes) {
    services.service(
        at("/oauth/register/{client_id}")
            .get(register::get)
            .put(register::put)
            .delete(register::delete)
            .cross_origin(),
    );
}

/// Browsers.
fn people(services: &mut Routes) {
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
fn operators(services: &mut Routes) {
    services
        .service(at("/admin/audit/api").get(admin::audit::list))
        .service(at("/admin/audit/api/stats").get(admin::audit::stats))
        .service(at("/admin/audit/export").get(admin::audit::export))
        .service(at("/health").get(health::health))
        .service(at("/livez").get(health::livez))
        .service(at("/readyz").get(health::readyz));
}

/// Authors of clients, if the operator lets them.
fn documentation(services: &mut Routes) {
    for base in swagger::BASES {
        services
            .service(at(base).get(swagger::index))
            .service(at(&format!("{base}/{{file:.*}}")).get(swagger::file));
    }
}

/// The documents of an issuer with a path, which RFC 8414 3.1 looks for at the root with the path behind. No other
/// suffix is answered: there is one issuer.
fn well_known_of_path(path: &str) -> Routes {
    let mut services = Routes::default();
    if !path.is_empty() {
        let of_path = |document: &str| format!("/.well-known/{document}{path}");
        services
            .service(at(&of_path("openid-configuration")).get(discovery::openid).cross_origin())
            .service(at(&of_path("oauth-authorization-server")).get(discovery::oauth).cross_origin());
    }
    services
}
