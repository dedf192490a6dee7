//! Every secret there is, sent where it belongs and where a person might put it by mistake: nobody finds it in the log,
//! the audit trail, an error or a trace (ADV 39).

mod mistakes;
mod use_of_all;

use std::collections::BTreeMap;
use std::fs::{self, File};

use authgate::config;
use authgate_core::db::Store;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use rustix::process::Signal;

use crate::util::collector::Collector;
use crate::util::process::Process;

/// What must not be found, by what it is.
#[derive(Clone, Default)]
struct Secrets(BTreeMap<String, String>);

impl Secrets {
    fn keep(&mut self, what: &str, secret: &str) {
        assert!(secret.len() >= 8, "{what} is too short to be looked for: {secret}");
        self.0.insert(what.to_owned(), secret.to_owned());
    }

    /// Asserts that none is in this text, however it is written.
    fn are_not_in(&self, place: &str, text: &str) {
        for (what, secret) in &self.0 {
            for form in forms(secret) {
                if let Some(at) = text.find(&form) {
                    let line = text[..at].rfind('\n').map_or(0, |at| at + 1);
                    let line: String =
                        text[line..].lines().next().unwrap_or_default().chars().take(800).collect();
                    panic!("{what} is in {place}: {line}");
                }
            }
        }
    }
}

/// The secret as it is, in an address or a form, and as base64.
fn forms(secret: &str) -> [String; 5] {
    let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    [
        secret.to_owned(),
        encoded.replace('+', "%20"),
        encoded,
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
    ]
}

/// The private key of other tests.
const PEM: &str = include_str!("tls/key.pem");

/// The program with all of its secrets set, and `more`.
async fn everything_is_kept(more: &[(&'static str, &'static str)]) {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start();
    let mut secrets = Secrets::default();
    for (name, value) in use_of_all::SETTINGS {
        secrets.keep(name, value);
    }
    for line in PEM.lines().filter(|line| line.len() == 64) {
        secrets.keep(&format!("the private key at {}", &line[..4]), line);
    }
    let headers = format!("api-key={}", use_of_all::SETTINGS[0].1);
    let mut env = vec![
        ("RUST_LOG", "trace"),
        ("METRICS_ENABLED", "true"),
        ("ENABLE_RATE_LIMIT", "false"),
        ("ENABLE_DYNAMIC_CLIENT_REGISTRATION", "true"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.uri.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", headers.as_str()),
    ];
    env.extend(use_of_all::SETTINGS[1..].iter().chain(more));
    let log = File::create(folder.path().join("log")).unwrap();
    let mut process = Process::logging(folder.path(), &env, log);

    let (config, warnings) = config::load(&|name| {
        env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    })
    .unwrap();
    secrets.are_not_in("the configuration", &format!("{config:?} {warnings:?}"));
    let place =
        use_of_all::Place { process: &process, folder: folder.path(), env: &env, listener: &collector };
    let mut answers = use_of_all::run(&place, &mut secrets).await;
    mistakes::typed(&process, &secrets).await;
    let database = folder.path().join("data/authgate.db");
    let store = Store::sqlite(&database, 1).unwrap();
    // From here on nothing works, and the log says why.
    store.write(|tx| tx.execute("ALTER TABLE clients RENAME TO gone", &[])).unwrap();
    answers.extend(mistakes::make(&process, &secrets).await);
    process.signal(Signal::TERM);
    let code = actix_web::rt::task::spawn_blocking(move || process.code()).await.unwrap();
    assert_eq!(code, Some(0));

    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("no such table: clients"), "{log}");
    secrets.are_not_in("the log", &log);
    // The stop has moved what was still in the spool.
    let audit: Vec<(String,)> = store.read(|tx| tx.all(AUDIT, &[])).unwrap();
    let audit = audit.into_iter().map(|(row,)| row).collect::<Vec<_>>().join("\n");
    assert!(audit.contains("AUTHENTICATION_FAILURE") && audit.contains("REFRESH_TOKEN"), "{audit}");
    secrets.are_not_in("the audit trail", &audit);
    let traces = collector.batches();
    assert!(!traces.is_empty());
    for batch in traces {
        secrets.are_not_in("a trace", &String::from_utf8_lossy(&batch.body));
    }
    for (request, answer) in answers {
        secrets.are_not_in(&format!("the answer to {request}"), &answer);
    }
}

const AUDIT: &str = "SELECT event_type || ' ' || COALESCE(actor_user_id, '') || ' ' || COALESCE(actor_username, '') || ' ' || \
    COALESCE(resource_id, '') || ' ' || action || ' ' || COALESCE(details, '') || ' ' || COALESCE(error_message, '') \
    || ' ' || COALESCE(user_agent, '') || ' ' || COALESCE(request_path, '') FROM audit_logs";

#[actix_web::test]
async fn adv_39_no_secret_is_in_text() {
    everything_is_kept(&[("JWT_SIGNING_ALGORITHM", "HS256")]).await;
}

#[actix_web::test]
async fn adv_39_no_secret_is_in_json() {
    everything_is_kept(&[("LOG_FORMAT", "json"), ("JWT_PRIVATE_KEY_PEM", PEM)]).await;
}

#[test]
fn a_secret_would_be_found_in_every_form() {
    let mut secrets = Secrets::default();
    secrets.keep("it", "pass word/?");
    secrets.are_not_in("a place", "pass words");
    for form in
        ["pass word/?", "x=pass+word%2F%3F", "/pass%20word%2F%3F;", "cGFzcyB3b3JkLz8=", "cGFzcyB3b3JkLz8"]
    {
        let found = std::panic::catch_unwind(|| secrets.are_not_in("a place", &format!("line\n{form}")));
        assert!(found.is_err(), "{form}");
    }
}
