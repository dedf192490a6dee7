//! Probes.

use super::answer;
use super::operation::{Operation, get};

/// All of them.
pub fn operations() -> Vec<Operation> {
    vec![
        get("/health", "health", "Is the server healthy?")
            .answers(200, answer::json("Health", "It is."))
            .answers(503, answer::json("Health", "The database does not answer.")),
        get("/livez", "livez", "Is the process there?").answers(200, answer::json("Live", "It is.")),
        get("/readyz", "readyz", "Should it get requests?")
            .answers(200, answer::json("Ready", "It should."))
            .answers(503, answer::json("Ready", "It should not: `failing` says why.")),
    ]
}
