//! OAuth 2.1 and OpenID Connect over HTTP: routes, pages, sessions, configuration and operator commands.

pub mod page;
