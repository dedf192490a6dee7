//! OAuth 2.1 and OpenID Connect over HTTP: routes, pages, sessions, configuration and operator commands.

pub mod config;
pub mod environment;
pub mod logging;
pub mod open;
pub mod page;
pub mod policy;
pub mod seed;

#[cfg(test)]
mod testing;
