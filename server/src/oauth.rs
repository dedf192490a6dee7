//! The endpoints of OAuth 2.1 and OpenID Connect.

pub mod bearer;
pub mod client_auth;
pub mod discovery;
pub mod jwks;
