//! What is asked of every parser of ours, whatever bytes it gets: `make fuzz` looks for bytes that break it, and the tests
//! of the server replay those that were kept in `corpus/`.

pub mod audit_query;
pub mod backup;
pub mod basic;
pub mod bearer;
pub mod claims;
pub mod client_address;
pub mod config;
pub mod cookie;
pub mod extra_claims;
pub mod form;
pub mod installation;
pub mod jwt;
pub mod password_hash;
pub mod pem;
pub mod pkce;
pub mod redirect_uri;
pub mod refresh_token;
pub mod registration;
pub mod resource;
pub mod scope;
pub mod token_endpoint;
pub mod trace;
pub mod user_code;
pub mod way_back;

/// A name, which is that of its corpus, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// Each of them.
pub const TARGETS: [Target; 23] = [
    ("audit_query", audit_query::check),
    ("backup", backup::check),
    ("basic", basic::check),
    ("bearer", bearer::check),
    ("claims", claims::check),
    ("client_address", client_address::check),
    ("config", config::check),
    ("cookie", cookie::check),
    ("extra_claims", extra_claims::check),
    ("form", form::check),
    ("jwt", jwt::check),
    ("password_hash", password_hash::check),
    ("pem", pem::check),
    ("pkce", pkce::check),
    ("redirect_uri", redirect_uri::check),
    ("refresh_token", refresh_token::check),
    ("registration", registration::check),
    ("resource", resource::check),
    ("scope", scope::check),
    ("token_endpoint", token_endpoint::check),
    ("trace", trace::check),
    ("user_code", user_code::check),
    ("way_back", way_back::check),
];

/// The input as lines of text, up to the last, which is all that is left; absent ones are empty.
fn lines<const N: usize>(data: &[u8]) -> Option<[&str; N]> {
    let mut lines = std::str::from_utf8(data).ok()?.splitn(N, '\n');
    Some([(); N].map(|()| lines.next().unwrap_or_default()))
}
