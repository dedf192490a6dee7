//! OpenID Connect Core on the wire, by its sections.

mod backchannel;
mod claims;
mod logout;
mod parameters;
mod tokens;
