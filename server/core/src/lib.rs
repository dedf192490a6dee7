//! The nouns and grants of the authorization server, as plain synchronous functions over a database transaction.
//!
//! No HTTP, no actors, and no clock of its own: time and randomness arrive as a [`context::Context`].

pub mod audit;
pub mod client;
pub mod context;
pub mod credentials;
pub mod db;
pub mod error;
pub mod form;
pub mod jwt;
pub mod keys;
pub mod master;
pub mod pkce;
pub mod policy;
pub mod private_file;
pub mod redirect_uri;
pub mod resource;
pub mod scope;
pub mod secret;
pub mod seed;
pub mod user;

#[cfg(test)]
mod testing;
