//! The nouns and grants of the authorization server, as plain synchronous functions over a database transaction.
//!
//! No HTTP, no actors, and no clock of its own: time and randomness arrive as a [`context::Context`].

pub mod context;
pub mod db;
pub mod error;
pub mod secret;
