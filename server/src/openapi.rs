//! The OpenAPI 3.1 description of every URL: what it takes, what it answers, and with which headers.
//!
//! One file a group of [`crate::routes`], in the words of [`operation`], [`field`] and [`answer`]. A test compares it with
//! the registered routes, and the suite of clients holds a running server to it.

mod admin;
mod answer;
mod documentation;
mod field;
mod metadata;
mod operation;
mod operators;
mod people;
mod programs;
mod registration;
mod schemas;
mod security;
#[cfg(test)]
mod tests;

use utoipa::openapi::security::SecurityScheme;
use utoipa::openapi::tag::Tag;
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Paths, Server,
};

use crate::config::Config;
use operation::Operation;

const ABOUT: &str = "\
OAuth 2.1 and OpenID Connect authorization server.

What holds for every URL, and is not repeated below:

- A URL that answers `GET` answers `HEAD` too. Other methods are 405 with `Allow`.
- Every answer carries `X-Request-Id`, which the log has too, and the headers that tell browsers what it may do: \
`Content-Security-Policy`, `X-Content-Type-Options`, `X-Frame-Options`, `Referrer-Policy`, `Permissions-Policy` and, for \
an https issuer, `Strict-Transport-Security`.
- A parameter that is sent twice is refused, except `resource`; one without a value counts as not sent; one that is \
unknown is ignored.
- A client authenticates with HTTP Basic, or with `client_id` and `client_secret` in the form; a public one names its \
`client_id`.
- The endpoints for programs answer other origins as far as the operator allows (`CORS_ALLOWED_ORIGINS`).";

/// The groups, in the order in which they are shown: name, words, operations.
fn groups() -> [(&'static str, &'static str, Vec<Operation>); 7] {
    [
        ("OAuth", "Clients and resource servers.", programs::operations()),
        (
            "Registration",
            "Clients that register themselves (RFC 7591, RFC 7592).",
            registration::operations(),
        ),
        ("Metadata", "What this server can do, and the keys of its tokens.", metadata::operations()),
        ("Pages", "What browsers open and post. Answers are HTML.", people::operations()),
        ("Administration", "For signed-in administrators.", admin::operations()),
        ("Operation", "Probes and monitoring.", operators::operations()),
        ("Documentation", "This description.", documentation::operations()),
    ]
}

/// The document of a server with this configuration.
pub fn document(config: &Config) -> OpenApi {
    let about = InfoBuilder::new()
        .title("Authgate API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(LicenseBuilder::new().name("MIT").identifier(Some("MIT")).build()));
    let (mut paths, mut tags) = (Paths::new(), Vec::new());
    for (name, words, operations) in groups() {
        let mut tag = Tag::new(name);
        tag.description = Some(words.to_owned());
        tags.push(tag);
        for operation in operations {
            let (path, method, built) = operation.finish(name);
            paths.add_path_operation(path, vec![method], built);
        }
    }
    OpenApiBuilder::new()
        .info(about)
        .servers(Some([Server::new(&config.server.issuer)]))
        .paths(paths)
        .components(Some(components(security::schemes(config.sessions.cookie))))
        .tags(Some(tags))
        .build()
}

/// The same as text.
pub fn json(config: &Config) -> String {
    document(config).to_pretty_json().expect("a document is plain data with text keys")
}

fn components(schemes: Vec<(&'static str, SecurityScheme)>) -> utoipa::openapi::Components {
    let mut components = ComponentsBuilder::new();
    for (name, schema) in schemas::all() {
        components = components.schema(name, schema);
    }
    for refusal in answer::REFUSALS {
        components = components.response(refusal.name, refusal.response());
    }
    for (name, header) in answer::headers() {
        components = components.header(name, header);
    }
    for (name, scheme) in schemes {
        components = components.security_scheme(name, scheme);
    }
    components.build()
}
