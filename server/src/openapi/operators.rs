//! Probes and monitoring.

use super::answer;
use super::operation::{Operation, get};
use super::security::{METRICS_TOKEN, NONE};

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
        get("/metrics", "metrics", "What Prometheus reads")
            .says("Only with `METRICS_ENABLED=true`.")
            .secured(&[METRICS_TOKEN, NONE])
            .answers(200, answer::with(answer::text_file("text/plain", "Every metric."), "NoStore"))
            .answers(
                401,
                answer::with(
                    answer::json("MetricsRefusal", "The token is missing or wrong."),
                    "BearerChallenge",
                ),
            )
            .answers(404, answer::not_found()),
    ]
}
