//! OpenID Connect Core on the wire, by its sections.

mod claims;
mod offline_access;
mod parameters;
mod requests;
mod subject;
mod tokens;
