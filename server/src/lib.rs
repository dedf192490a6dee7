//! OAuth 2.1 and OpenID Connect authorization server: HTTP, pages, configuration and wiring around
//! [`authgate_core`], which has the rules.

pub mod account;
pub mod admin;
pub mod app;
mod assets;
pub mod backchannel;
pub mod browser;
pub mod client_address;
pub mod config;
pub mod device_page;
pub mod environment;
pub mod error;
pub mod form;
pub mod hasher;
mod health;
pub mod keyring;
pub mod logging;
pub mod login;
pub mod metrics;
pub mod middleware;
pub mod oauth;
pub mod open;
pub mod openapi;
pub mod outgoing;
pub mod page;
pub mod policy;
pub mod public_address;
pub mod reply;
pub mod routes;
pub mod seed;
pub mod seen;
pub mod serve;
pub mod session;
mod swagger;
pub mod tls;
pub mod traces;
pub mod verdicts;

#[cfg(test)]
mod testing;
