//! Every metric: name, kind, labels and meaning stand in one place, from which `docs/metrics.md` is checked.

use super::metric::{Kind, Metric, metrics};
use Kind::{Counter, Gauge, Histogram};

/// Prometheus's own choice, which the contract has for what takes milliseconds to seconds.
const USUAL: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const REQUEST: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// The same with microseconds below: what signatures and messages between threads take, unless something is wrong.
const SHORT: &[f64] = &[
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
    0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// People with a telephone in their hand; a device code lives for 1800 s.
const PERSON: &[f64] = &[5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0];
const SESSION: &[f64] = &[60.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0];
const BATCH: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

metrics! {
    "OAuth" {
        /// Device authorization requests.
        DEVICE_CODES = Counter, "oauth_device_codes_total" [result: "`success`, `error`"];
        /// Devices that a person approved.
        DEVICE_CODES_AUTHORIZED = Counter, "oauth_device_codes_authorized_total" [];
        /// Polls of devices whose client was authenticated. `slow_down` is `pending`, `access_denied` is `invalid`.
        DEVICE_CODE_VALIDATION = Counter, "oauth_device_code_validation_total"
            [result: "`success`, `expired`, `invalid`, `pending`"];
        /// Device codes that can still lead to tokens.
        DEVICE_CODES_ACTIVE = Gauge, "oauth_device_codes_active" [];
        /// Device codes that wait for a person.
        DEVICE_CODES_PENDING = Gauge, "oauth_device_codes_pending_authorization" [];
        /// From a device's request to its approval, in seconds.
        DEVICE_CODE_AUTHORIZATION_DURATION = Histogram(PERSON), "oauth_device_code_authorization_duration_seconds" [];
        /// Tokens issued, other than by refreshing.
        TOKENS_ISSUED = Counter, "oauth_tokens_issued_total"
            [token_type: "`access`, `refresh`"; grant_type: "`device_code`, `authorization_code`, `client_credentials`"];
        /// Tokens and grants that were ended one by one.
        TOKENS_REVOKED = Counter, "oauth_tokens_revoked_total" [reason: "`user_request`, `replay_detection`"];
        /// Refresh requests.
        TOKENS_REFRESHED = Counter, "oauth_tokens_refreshed_total" [result: "`success`, `error`"];
        /// Access tokens presented at userinfo and tokeninfo, and tokens introspected. An expired one is `invalid`.
        TOKEN_VALIDATION = Counter, "oauth_token_validation_total" [result: "`valid`, `invalid`"];
        /// Access tokens that are active and not over, and grants that can be refreshed.
        TOKENS_ACTIVE = Gauge, "oauth_tokens_active" [token_type: "`access`, `refresh`"];
        /// Signing the tokens of one answer, in seconds.
        TOKEN_GENERATION_DURATION = Histogram(SHORT), "oauth_token_generation_duration_seconds"
            [provider: "`local`"];
        /// Looking a presented token up, with all waiting, in seconds.
        TOKEN_VALIDATION_DURATION = Histogram(SHORT), "oauth_token_validation_duration_seconds"
            [provider: "`local`"];
    }
    "Signing in" {
        /// Passwords that were checked.
        ATTEMPTS = Counter, "auth_attempts_total" [method: "`local`"; result: "`success`, `failure`"];
        /// The same by where the account is; failures are `local`.
        LOGINS = Counter, "auth_login_total" [auth_source: "`local`"; result: "`success`, `failure`"];
        /// Sessions that were signed out.
        LOGOUTS = Counter, "auth_logout_total" [];
        /// Checking a password and making the session, in seconds.
        LOGIN_DURATION = Histogram(USUAL), "auth_login_duration_seconds" [method: "`local`"];
        /// Browser sessions that are live.
        SESSIONS_ACTIVE = Gauge, "sessions_active" [];
        /// Browser sessions that began.
        SESSIONS_CREATED = Counter, "sessions_created_total" [];
        /// Browser sessions that were ended by somebody.
        SESSIONS_EXPIRED = Counter, "sessions_expired_total" [reason: "`logout`"];
        /// From signing in to signing out, in seconds.
        SESSION_DURATION = Histogram(SESSION), "session_duration_seconds" [];
    }
    "HTTP" {
        /// Requests that were answered.
        REQUESTS = Counter, "http_requests_total"
            [method: "`GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`, `OPTIONS`, `other`";
             path: "the route, such as `/account/sessions/:id/revoke`, or `unknown`"; status: "such as `200`"];
        /// From the head of a request to its answer, in seconds.
        REQUEST_DURATION = Histogram(REQUEST), "http_request_duration_seconds"
            [method: "as above"; path: "as above"];
        /// Requests that are being answered.
        REQUESTS_IN_FLIGHT = Gauge, "http_requests_in_flight" [];
    }
    "Database and audit" {
        /// Counts for gauges that failed.
        QUERY_ERRORS = Counter, "database_query_errors_total"
            [operation: "`count_access_tokens`, `count_refresh_tokens`, `count_total_device_codes`, `count_pending_device_codes`, `count_sessions`"];
        /// Audit events that were lost: none is ever dropped, so this is 0.
        AUDIT_DROPPED = Counter, "audit_events_dropped_total" [];
        /// From asking for a reader to having one, in seconds.
        READ_WAIT = Histogram(SHORT), "authgate_database_read_wait_seconds" [];
        /// Reads refused with 503 because too many waited.
        READS_REFUSED = Counter, "authgate_database_reads_refused_total" [];
        /// Verdicts of the last second that were used again: live tokens, clients that authenticate, claims about people, device codes.
        CACHE_HITS = Counter, "cache_hits_total" [cache_name: "`token`, `client`, `user`, `device`"];
        /// Verdicts that had to be read.
        CACHE_MISSES = Counter, "cache_misses_total" [cache_name: "as above"];
        /// How long the writer waited for other processes that write, in seconds.
        WRITE_LOCK_WAIT = Histogram(SHORT), "authgate_database_write_lock_wait_seconds" [];
        /// Until a commit is safe on the disk, in seconds.
        COMMIT_DURATION = Histogram(SHORT), "authgate_commit_duration_seconds" [];
        /// Requests that shared a commit.
        COMMIT_BATCH = Histogram(BATCH), "authgate_commit_batch_size" [];
    }
    "Actors and passwords" {
        /// Messages in the mailbox of an actor, or in its hands.
        ACTOR_QUEUE = Gauge, "authgate_actor_queue" [actor: "its name, such as `issuer`"];
        /// The most that the mailbox takes.
        ACTOR_QUEUE_CAPACITY = Gauge, "authgate_actor_queue_capacity" [actor: "as above"];
        /// Panics that an actor was brought back from.
        ACTOR_RESTARTS = Counter, "authgate_actor_restarts_total" [actor: "as above"];
        /// Messages turned away because the mailbox was full, or would have kept them too long.
        ACTOR_REFUSED = Counter, "authgate_actor_refused_total" [actor: "as above"];
        /// From posting a message to the beginning of its handling, in seconds.
        ACTOR_WAIT = Histogram(SHORT), "authgate_actor_wait_seconds" [actor: "as above"];
        /// Passwords and imported secrets that wait to be hashed.
        HASH_QUEUE = Gauge, "authgate_password_hash_queue" [];
        /// How long they waited, in seconds.
        HASH_WAIT = Histogram(USUAL), "authgate_password_hash_wait_seconds" [];
        /// Those refused with 503 because too many waited.
        HASH_REFUSED = Counter, "authgate_password_hash_refused_total" [];
        /// Panics that were caught; what was in hand was answered with 503. Those of an actor are among its restarts.
        PANICS = Counter, "authgate_panics_total" [part: "`handler`, `transaction`, `read`, `password`"];
        /// Requests that only a compatibility switch let pass.
        COMPAT_USES = Counter, "authgate_compat_uses_total" [switch: "its name, such as `COMPAT_INTROSPECT_ANY`"];
    }
    "Process" {
        /// Always 1; the label says which program runs.
        BUILD_INFO = Gauge, "authgate_build_info" [version: "as `authgate --version` prints it"];
        /// Processor time used, in seconds.
        PROCESS_CPU = Counter, "process_cpu_seconds_total" [];
        /// When the process began, in unix seconds.
        PROCESS_START = Gauge, "process_start_time_seconds" [];
        /// Memory in use.
        PROCESS_RESIDENT = Gauge, "process_resident_memory_bytes" [];
        /// Addresses in use.
        PROCESS_VIRTUAL = Gauge, "process_virtual_memory_bytes" [];
        /// Open files and sockets.
        PROCESS_OPEN_FDS = Gauge, "process_open_fds" [];
        /// The most that may be open.
        PROCESS_MAX_FDS = Gauge, "process_max_fds" [];
        /// Threads.
        PROCESS_THREADS = Gauge, "process_threads" [];
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    use super::*;

    /// The tables of `docs/metrics.md`.
    fn reference(catalogue: &[Metric]) -> String {
        let (mut text, mut section) = (String::new(), "");
        for metric in catalogue {
            if metric.section != section {
                section = metric.section;
                let head = "| name | kind | labels and their values | what |\n|---|---|---|---|";
                let _ = write!(text, "\n## {section}\n\n{head}\n");
            }
            let label = |(name, values): &(&str, &str)| format!("`{name}`: {values}");
            let labels = metric.labels.iter().map(label).collect::<Vec<_>>().join("<br>");
            let (name, kind, help) = (metric.name, metric.kind.as_str(), metric.help);
            let _ = writeln!(text, "| `{name}` | {kind} | {labels} | {help}{} |", buckets(metric.kind));
        }
        text
    }

    fn buckets(kind: Kind) -> String {
        let Kind::Histogram(bounds) = kind else { return String::new() };
        let bounds = bounds.iter().map(f64::to_string).collect::<Vec<_>>().join(" ");
        format!(" Buckets: {bounds}.")
    }

    #[test]
    fn the_page_is_what_the_code_says() {
        let page = include_str!("../../../docs/metrics.md");
        let expected = reference(CATALOGUE);
        assert!(page.contains(&expected), "docs/metrics.md should have these tables:\n{expected}");
    }

    #[test]
    fn the_rules_for_operators_name_what_there_is() {
        let rules =
            include_str!("../../../docs/operations.md").lines().filter_map(|line| line.split_once("expr: "));
        let words = rules.flat_map(|(_, rule)| rule.split(|c: char| !c.is_ascii_lowercase() && c != '_'));
        let ours = ["oauth_", "auth_", "http_", "sessions_", "authgate_"];
        let named: BTreeSet<_> = words
            .filter(|word| ours.iter().any(|prefix| word.starts_with(prefix)))
            .map(|word| word.trim_end_matches("_bucket"))
            .collect();
        let known: BTreeSet<_> = CATALOGUE.iter().map(|metric| metric.name).collect();
        assert!(named.len() > 4 && named.is_subset(&known), "{:?}", named.difference(&known));
    }

    #[test]
    fn names_and_buckets_are_well_formed() {
        let names: BTreeSet<_> = CATALOGUE.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), CATALOGUE.len(), "no name stands twice");
        for metric in CATALOGUE {
            assert_eq!(metric.name.ends_with("_total"), matches!(metric.kind, Counter), "{}", metric.name);
            if let Histogram(buckets) = metric.kind {
                assert!(buckets.is_sorted_by(|a, b| a < b), "{}", metric.name);
            }
        }
    }
}
