//! Clients that register themselves.

use super::answer::{self, BUSY, FAILED, INVALID_REQUEST, INVALID_TOKEN, NOT_SUPPORTED, Refusal};
use super::answer::{TOO_LARGE, TOO_MANY_REQUESTS, TOO_SLOW};
use super::operation::{Operation, delete, get, post, put};
use super::security::{INITIAL_ACCESS_TOKEN, NONE, REGISTRATION_TOKEN};

const ITSELF: &str = "/oauth/register/{client_id}";
const ALL: &[Refusal] = &[INVALID_REQUEST, INVALID_TOKEN, NOT_SUPPORTED, FAILED, BUSY];
const WITH_BODY: &[Refusal] = &[TOO_SLOW, TOO_LARGE, TOO_MANY_REQUESTS];

/// All of them.
pub fn operations() -> Vec<Operation> {
    let registered = |words| answer::json("Registered", words);
    let itself = |operation: Operation| {
        operation.named("client_id", "The client's own.").secured(&[REGISTRATION_TOKEN]).refuses(ALL)
    };
    let deleted =
        answer::with(answer::nothing("The client and all that was issued to it are gone."), "NoStore");
    vec![
        post("/oauth/register", "register", "Register a client")
            .says(
                "RFC 7591 3.1. Off unless the operator allows it; an admin may have to approve the client first. Members \
                 that are not understood are ignored, and the answer says what was registered.",
            )
            .secured(&[NONE, INITIAL_ACCESS_TOKEN])
            .json("ClientMetadata")
            .answers(201, answer::limited(registered("The client, with what is shown this once.")))
            .refuses(ALL)
            .refuses(WITH_BODY),
        itself(get(ITSELF, "readRegistration", "Read a registration"))
            .says("RFC 7592 2.1. The secret is not repeated.")
            .answers(200, registered("The client.")),
        itself(put(ITSELF, "replaceRegistration", "Replace a registration"))
            .says("RFC 7592 2.2. What an admin approved is approved again when it changes.")
            .json("ClientUpdate")
            .answers(200, answer::limited(registered("The client.")))
            .refuses(WITH_BODY),
        itself(delete(ITSELF, "deleteRegistration", "Delete a client"))
            .says("RFC 7592 2.3.")
            .answers(204, deleted),
    ]
}
