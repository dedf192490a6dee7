//! The audit trail, for administrators.

use utoipa::openapi::Schema;

use super::answer::{self, BUSY, FAILED, FORBIDDEN_PAGE, INVALID_REQUEST, Refusal};
use super::field::{Field, flag, integer, list_of, maybe_text, object, one_of, record, text};
use super::operation::{Operation, get};
use super::security::SESSION;

const REFUSALS: &[Refusal] = &[INVALID_REQUEST, FORBIDDEN_PAGE, FAILED, BUSY];
const SEVERITIES: [&str; 4] = ["INFO", "WARNING", "ERROR", "CRITICAL"];

/// All of them.
pub fn operations() -> Vec<Operation> {
    let login = || answer::redirect("To the login page, if nobody is signed in.");
    let ours = |operation: Operation| operation.secured(&[SESSION]).answers(302, login()).refuses(REFUSALS);
    let pages =
        [integer("page", "Which page, from 1."), integer("page_size", "Events of a page, at most 100.")];
    vec![
        ours(get("/admin/audit/api", "auditLog", "Events, newest first"))
            .query(pages.into_iter().chain(filter()))
            .answers(200, answer::json("AuditLog", "A page of them.")),
        ours(get("/admin/audit/api/stats", "auditStats", "How many events of which kind"))
            .says("In the last 30 days, unless `start_time` and `end_time` say otherwise.")
            .query(filter())
            .answers(200, answer::json("AuditStats", "The counts.")),
        ours(get("/admin/audit/export", "auditExport", "Every event that matches, as a file"))
            .query([one_of("format", &["csv", "jsonl", ""], "For spreadsheets, or every member as JSON.")])
            .query(filter())
            .answers(200, answer::download(&["text/csv", "application/jsonl"], "The file.")),
    ]
}

/// A form sends what was left empty, which is as if it were not sent.
fn filter() -> [Field; 10] {
    [
        text("search", "Part of the action, the resource's name or the actor's user name."),
        text("event_type", "Such as `LOGOUT`."),
        text("actor_user_id", "Who acted."),
        text("resource_type", "What kind of thing it was done to."),
        text("resource_id", "Which one."),
        one_of("severity", &[&SEVERITIES[..], &[""]].concat(), "How much it matters."),
        text("actor_ip", "Where it came from."),
        text("success", "`true` for what succeeded, anything else for what failed."),
        text("start_time", "Not before this time (RFC 3339)."),
        text("end_time", "Not after this time (RFC 3339)."),
    ]
}

/// Their shapes.
pub fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        ("AuditEvent", event()),
        (
            "AuditLog",
            object(
                "A page of events.",
                [
                    list_of("logs", "AuditEvent", "The events.").required(),
                    record("pagination", "`Total`, `TotalPages`, `CurrentPage`, `PageSize` and where to go from here.")
                        .required(),
                ],
            ),
        ),
        (
            "AuditStats",
            object(
                "How many events of which kind.",
                [
                    record("stats", "`total_events`, `events_by_type`, `events_by_severity`, `success_count`, `failure_count`.")
                        .required(),
                    text("start_time", "From when on (RFC 3339).").required(),
                    text("end_time", "Until when.").required(),
                ],
            ),
        ),
    ]
}

fn event() -> Schema {
    object(
        "Who did what, to what, from where.",
        [
            text("id", "UUID version 7.").required(),
            text("event_type", "Such as `LOGOUT`.").required(),
            text("event_time", "When (RFC 3339).").required(),
            text("created_at", "The same.").required(),
            one_of("severity", &SEVERITIES, "How much it matters.").required(),
            maybe_text("actor_user_id", "The user or `client:` id that acted."),
            maybe_text("actor_username", "Its user name."),
            maybe_text("actor_ip", "Where it came from."),
            maybe_text("resource_type", "What kind of thing it was done to."),
            maybe_text("resource_id", "Which one."),
            maybe_text("resource_name", "What people call it."),
            text("action", "What happened, in words.").required(),
            record("details", "More, by kind of event.").required(),
            flag("success", "Whether it worked.").required(),
            maybe_text("error_message", "Why not."),
            maybe_text("user_agent", "The program that asked."),
            maybe_text("request_path", "The path it asked for."),
            maybe_text("request_method", "How."),
            maybe_text("writer", "Whose chain it is a link of."),
            integer("sequence", "Its place in that chain."),
            maybe_text("hash", "Over the link before and this one."),
        ],
    )
}
