//! OpenID Connect Core on the wire, by its sections.

mod claims;
mod parameters;
mod tokens;
