//! The endpoints of OAuth 2.1 and OpenID Connect.

pub mod answer;
pub mod authorize;
pub mod bearer;
pub mod client_auth;
pub mod consent_page;
pub mod device;
pub mod discovery;
pub mod introspect;
pub mod jwks;
pub mod logout;
pub mod register;
pub mod revoke;
pub mod token;
pub mod tokeninfo;
pub mod userinfo;
