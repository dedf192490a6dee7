//! The shapes of JSON, by their names among the components.

use authgate_core::claims;
use utoipa::openapi::Schema;

use super::field::{
    Field, flag, integer, list, list_of, maybe_flag, maybe_list, maybe_text, object, one_of, record, text,
    text_or_list,
};

/// Every shape.
pub fn all() -> Vec<(&'static str, Schema)> {
    let mut all = vec![("Error", error())];
    all.extend(tokens());
    all.extend(registration());
    all.extend(metadata());
    all.extend(super::admin::schemas());
    all.extend(probes());
    all
}

fn error() -> Schema {
    object(
        "Why a request was refused (RFC 6749 5.2).",
        [
            text("error", "A code, for programs.").required(),
            text("error_description", "Words, for the person who writes the program."),
        ],
    )
}

fn tokens() -> Vec<(&'static str, Schema)> {
    vec![
        (
            "TokenResponse",
            object(
                "RFC 6749 5.1.",
                [
                    text("access_token", "A JWT (RFC 9068).").required(),
                    one_of("token_type", &["Bearer"], "How it is sent.").required(),
                    integer("expires_in", "Seconds it lives.").required(),
                    text("scope", "What it allows.").required(),
                    text("refresh_token", "Opaque; if the client may refresh."),
                    text("id_token", "A JWT; if `openid` was granted."),
                ],
            ),
        ),
        (
            "DeviceRequest",
            object(
                "The request as JSON.",
                [
                    maybe_text("client_id", "Who asks, unless HTTP Basic says it."),
                    maybe_text("client_secret", "The client's secret, unless HTTP Basic has it."),
                    maybe_text("scope", "Names with spaces between."),
                    list("resource", "For which resources (RFC 8707)."),
                ],
            ),
        ),
        (
            "DeviceResponse",
            object(
                "RFC 8628 3.2.",
                [
                    text("device_code", "What the device polls with.").required(),
                    text("user_code", "What the person types.").required(),
                    text("verification_uri", "Where the person types it.").required(),
                    text("verification_uri_complete", "The same with the code in it, for a QR code.")
                        .required(),
                    integer("expires_in", "Seconds both codes live.").required(),
                    integer("interval", "Seconds between polls, at least.").required(),
                ],
            ),
        ),
        (
            "Introspection",
            object(
                "RFC 7662 2.2. Only `active` if the token is not, or is not for this client's eyes.",
                [
                    flag("active", "True if the token holds now.").required(),
                    text("scope", "What it allows."),
                    text("client_id", "To whom it was issued."),
                    text("username", "The person, if there is one."),
                    one_of("token_type", &["Bearer"], "Absent for a refresh token."),
                    integer("exp", "When it ends, in unix seconds."),
                    integer("iat", "When it was issued, in unix seconds."),
                    text("sub", "The person, or `client:` and the client."),
                    audience(),
                    text("iss", "This server."),
                    text("jti", "Its name."),
                ],
            ),
        ),
        (
            "TokenInfo",
            object(
                "A live access token.",
                [
                    flag("active", "True.").required(),
                    text("user_id", "The person, or `client:` and the client.").required(),
                    text("client_id", "To whom it was issued.").required(),
                    text("scope", "What it allows.").required(),
                    integer("exp", "When it ends, in unix seconds.").required(),
                    text("iss", "This server.").required(),
                    one_of("subject_type", &["user", "client"], "Whom it speaks for.").required(),
                    audience(),
                ],
            ),
        ),
        ("UserInfo", user_info()),
    ]
}

fn audience() -> Field {
    text_or_list("aud", "For whom it is: one as text, several as a list.")
}

fn user_info() -> Schema {
    let own = [text("sub", "The person's id.").required(), text("iss", "This server.").required()];
    // Claims may come from elsewhere, so that only those of our own columns are surely of their type.
    let known = claims::names().map(|name| match name {
        "updated_at" => integer(name, "When the profile last changed, in unix seconds."),
        "email_verified" | "phone_number_verified" => flag(name, "True if the person was seen to have it."),
        "address" => record(name, "A postal address (OpenID Connect Core 5.1.1)."),
        _ => text(name, "OpenID Connect Core 5.1."),
    });
    object("Claims (OpenID Connect Core 5.3.2). What is unknown is left out.", own.into_iter().chain(known))
}

fn registration() -> Vec<(&'static str, Schema)> {
    let asked = || {
        [
            maybe_text("client_name", "What people read."),
            maybe_text("client_uri", "Its home page; never a link here."),
            maybe_list("redirect_uris", "Where its answers go; at most ten."),
            maybe_list("grant_types", "`authorization_code` if left out."),
            maybe_list("response_types", "`code`, if it has the code grant."),
            maybe_text("scope", "Names with spaces between; all that may be had if left out."),
            maybe_text(
                "token_endpoint_auth_method",
                "`client_secret_basic` if left out; `none` for a public client.",
            ),
            maybe_text("application_type", "`web` or `native`."),
            maybe_text("subject_type", "`public`."),
            maybe_text("id_token_signed_response_alg", "`RS256` or `ES256`."),
            maybe_list("post_logout_redirect_uris", "Where people go after `/oauth/logout`; at most ten."),
            maybe_text("backchannel_logout_uri", "Where it hears that a person signed out."),
            maybe_flag("backchannel_logout_session_required", "True if it wants `sid` there."),
        ]
    };
    let update = [
        text("client_id", "The client's own.").required(),
        maybe_text("client_secret", "If it is there, the client's own."),
    ];
    let registered = [
        text("client_id", "Its name.").required(),
        integer("client_id_issued_at", "When it was registered, in unix seconds.").required(),
        text("client_secret", "Its secret; only in the answer to its registration, if it is confidential."),
        integer("client_secret_expires_at", "0: it does not expire."),
        text("registration_access_token", "What reads and changes this registration.").required(),
        text("registration_client_uri", "Where that is done.").required(),
        text("client_name", "What people read.").required(),
        text("client_uri", "Its home page."),
        list("redirect_uris", "Where its answers go.").required(),
        list("grant_types", "What it may exchange.").required(),
        list("response_types", "What it may ask people for.").required(),
        text("scope", "What it may ask for.").required(),
        text("token_endpoint_auth_method", "How it authenticates.").required(),
        one_of("application_type", &["web", "native"], "Where it runs.").required(),
        one_of("subject_type", &["public"], "`sub` is the same for every client.").required(),
        text("id_token_signed_response_alg", "How its ID tokens are signed.").required(),
        list("post_logout_redirect_uris", "Where people go after `/oauth/logout`."),
        text("backchannel_logout_uri", "Where it hears that a person signed out."),
        flag("backchannel_logout_session_required", "True if it gets `sid` there."),
    ];
    vec![
        ("ClientMetadata", object("RFC 7591 2.", asked())),
        ("ClientUpdate", object("RFC 7592 2.2.", asked().into_iter().chain(update))),
        ("Registered", object("RFC 7591 3.2.1, RFC 7592 3.", registered)),
    ]
}

fn metadata() -> Vec<(&'static str, Schema)> {
    let both = || {
        let urls = [
            "issuer",
            "authorization_endpoint",
            "token_endpoint",
            "device_authorization_endpoint",
            "introspection_endpoint",
            "revocation_endpoint",
            "jwks_uri",
        ];
        let lists = [
            "scopes_supported",
            "response_types_supported",
            "response_modes_supported",
            "grant_types_supported",
            "code_challenge_methods_supported",
            "token_endpoint_auth_methods_supported",
            "introspection_endpoint_auth_methods_supported",
            "revocation_endpoint_auth_methods_supported",
        ];
        let flags = [
            "authorization_response_iss_parameter_supported",
            "resource_indicators_supported",
            "resource_parameter_supported",
            "claims_parameter_supported",
            "request_parameter_supported",
            "request_uri_parameter_supported",
        ];
        let mut members = members(&urls, &lists, &flags);
        members.push(text("registration_endpoint", "If clients can register themselves."));
        members.push(integer(
            "refresh_retry_seconds",
            "For how long a refresh may be repeated; of this server alone.",
        ));
        members
    };
    let only_provider = members(
        &["userinfo_endpoint", "end_session_endpoint"],
        &[
            "subject_types_supported",
            "id_token_signing_alg_values_supported",
            "claims_supported",
            "claim_types_supported",
            "acr_values_supported",
            "display_values_supported",
            "ui_locales_supported",
        ],
        &["backchannel_logout_supported", "backchannel_logout_session_supported"],
    );
    let key = [
        one_of("kty", &["EC", "RSA"], "Its family.").required(),
        text("kid", "Its name in token headers.").required(),
        text("alg", "Its algorithm.").required(),
        text("use", "`sig`.").required(),
        text("crv", "The curve of an EC key."),
        text("x", "Of an EC key."),
        text("y", "Of an EC key."),
        text("n", "Of an RSA key."),
        text("e", "Of an RSA key."),
    ];
    vec![
        ("ServerMetadata", object("RFC 8414 2.", both())),
        (
            "ProviderMetadata",
            object("OpenID Connect Discovery 1.0 3.", both().into_iter().chain(only_provider)),
        ),
        ("Key", object("A public key (RFC 7517 4).", key)),
        ("KeySet", object("RFC 7517 5.", [list_of("keys", "Key", "The keys.").required()])),
    ]
}

/// Members that are always there, by their types; their names say what they are.
fn members(urls: &[&'static str], lists: &[&'static str], flags: &[&'static str]) -> Vec<Field> {
    let urls = urls.iter().map(|name| text(name, "A URL."));
    let lists = lists.iter().map(|name| list(name, "Which."));
    let flags = flags.iter().map(|name| flag(name, "Whether."));
    urls.chain(lists).chain(flags).map(Field::required).collect()
}

fn probes() -> Vec<(&'static str, Schema)> {
    vec![
        (
            "Health",
            object(
                "The contract of probes.",
                [
                    one_of("status", &["healthy", "unhealthy"], "In a word.").required(),
                    one_of("database", &["connected", "disconnected"], "Whether the database answers.")
                        .required(),
                ],
            ),
        ),
        (
            "MetricsRefusal",
            object(
                "Why the metrics are not shown.",
                [text("error", "A code.").required(), text("message", "Words.").required()],
            ),
        ),
        ("Live", object("The process answers.", [one_of("status", &["alive"], "In a word.").required()])),
        (
            "Ready",
            object(
                "Whether requests should come.",
                [
                    one_of("status", &["ready", "stopping", "unavailable"], "In a word.").required(),
                    list("failing", "What does not work."),
                ],
            ),
        ),
    ]
}
