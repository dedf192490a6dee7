//! The nouns and grants of the authorization server, as plain synchronous functions over a database transaction.
//!
//! No HTTP, no actors, and no clock of its own: time and randomness arrive as a [`context::Context`].

pub mod audit;
pub mod authorize;
pub mod backup;
pub mod claims;
pub mod cleaning;
pub mod client;
pub mod code;
pub mod consent;
pub mod context;
pub mod counting;
pub mod credentials;
pub mod db;
pub mod device;
pub mod env;
pub mod error;
pub mod extra_claims;
pub mod facts;
pub mod family;
pub mod form;
pub mod generation;
pub mod grants;
pub mod imported;
pub mod interaction;
pub mod introspection;
pub mod jwt;
pub mod keys;
pub mod logout;
pub mod master;
pub mod pkce;
pub mod policy;
pub mod private_file;
pub mod recovery;
pub mod redirect_uri;
pub mod registration;
pub mod resource;
pub mod revocation;
pub mod scope;
pub mod secret;
pub mod seed;
pub mod session;
mod settings;
pub mod token;
pub mod trace;
pub mod user;

#[cfg(test)]
mod testing;
