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

/// The secret as it is, in an address, and as base64.
fn forms(secret: &str) -> [String; 6] {
    let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let plain = |base64: String| base64.trim_end_matches('=').to_owned();
    [
        secret.to_owned(),
        encoded.replace('+', "%20"),
        encoded.clone(),
        encoded.to_lowercase(),
        plain(STANDARD_NO_PAD.encode(secret)),
        plain(URL_SAFE_NO_PAD.encode(secret)),
    ]
}

/// The program with all of its secrets set.
async fn everything_is_kept(format: &str) {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start();
    let mut secrets = Secrets::default();
    for (name, value) in use_of_all::SETTINGS {
        secrets.keep(name, value);
    }
    let headers = format!("api-key={}", use_of_all::SETTINGS[0].1);
    let mut env = vec![
        ("LOG_FORMAT", format),
        ("RUST_LOG", "trace"),
        ("JWT_SIGNING_ALGORITHM", "HS256"),
        ("ENABLE_RATE_LIMIT", "false"),
        ("ENABLE_DYNAMIC_CLIENT_REGISTRATION", "true"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.uri.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", headers.as_str()),
    ];
    env.extend(&use_of_all::SETTINGS[1..]);
    let log = File::create(folder.path().join("log")).unwrap();
    let mut process = Process::logging(folder.path(), &env, log);

    let (config, warnings) = config::load(&|name| {
        env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    })
    .unwrap();
    secrets.are_not_in("the configuration", &format!("{config:?} {warnings:?}"));
    let mut answers = use_of_all::run(&process, folder.path(), &env, &mut secrets).await;
    answers.extend(mistakes::make(&process, &secrets).await);
    let database = folder.path().join("data/authgate.db");
    let store = Store::sqlite(&database, 1).unwrap();
    let audit: Vec<(String,)> = store.read(|tx| tx.all(AUDIT, &[])).unwrap();
    // From here on nothing works, and the log says why.
    store.write(|tx| tx.execute("ALTER TABLE clients RENAME TO gone", &[])).unwrap();
    answers.extend(mistakes::make(&process, &secrets).await);
    process.signal(Signal::TERM);
    let code = actix_web::rt::task::spawn_blocking(move || process.code()).await.unwrap();
    assert_eq!(code, Some(0));

    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("no such table: clients"), "{log}");
    secrets.are_not_in("the log", &log);
    let audit = audit.into_iter().map(|(row,)| row).collect::<Vec<_>>().join("\n");
    assert!(audit.contains("AUTHENTICATION_FAILURE") && audit.contains("REFRESH_TOKEN"), "{audit}");
    secrets.are_not_in("the audit trail", &audit);
    let traces = collector.taken();
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
    everything_is_kept("text").await;
}

#[actix_web::test]
async fn adv_39_no_secret_is_in_json() {
    everything_is_kept("json").await;
}
