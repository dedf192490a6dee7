//! OAuth 2.1 and OpenID Connect authorization server: HTTP, pages, configuration and wiring around
//! [`authgate_core`], which has the rules.

pub mod config;
pub mod environment;
pub mod logging;
pub mod open;
pub mod policy;
pub mod seed;

#[cfg(test)]
mod testing;
