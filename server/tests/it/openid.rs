//! OpenID Connect Core, and its logout, on the wire, by their sections.

mod backchannel;
mod claims;
mod logout;
mod offline_access;
mod parameters;
mod requests;
mod subject;
mod tokens;
