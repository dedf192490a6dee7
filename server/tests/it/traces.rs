//! Traces, as a collector receives them from the program.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;

use opentelemetry_proto::tonic::trace::v1::Span;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::util::collector::{Collector, attributes};
use crate::util::process::Process;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// A server whose traces go to `uri`, and its log.
struct Traced {
    folder: TempDir,
    process: Process,
}

impl Traced {
    fn start(uri: &str, more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let endpoint = [("OTEL_EXPORTER_OTLP_ENDPOINT", uri), ("LOG_FORMAT", "json")];
        let process = Process::logging(folder.path(), &[&endpoint, more].concat(), log);
        Self { folder, process }
    }

    /// A token request that fails, in the trace of this `traceparent`, and the id of the request.
    async fn ask(&self, traceparent: &str) -> String {
        let http = self.process.client();
        let request = http.post("/oauth/token?query-secret").header("traceparent", traceparent);
        let form =
            [("grant_type", "client_credentials"), ("client_id", "x"), ("client_secret", "form-secret")];
        let reply = request.form(&form).send().await;
        assert_eq!(reply.status, 401, "{}", reply.text());
        reply.header("x-request-id").unwrap().to_owned()
    }

    /// Stops it, and gives its log.
    async fn stopped(mut self) -> String {
        self.process.signal(Signal::TERM);
        let folder = self.folder;
        let wait = move || (self.process.code(), read(folder.path()));
        let (code, log) = actix_web::rt::task::spawn_blocking(wait).await.unwrap();
        assert_eq!(code, Some(0), "{log}");
        log
    }
}

fn read(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap()
}

fn traceparent(trace: &str, flags: &str) -> String {
    format!("00-{trace}-{PARENT}-{flags}")
}

fn hex(bytes: &[u8]) -> String {
    authgate_core::secret::hex(bytes)
}

#[actix_web::test]
async fn a_token_request_is_one_trace_from_http_to_the_store() {
    let collector = Collector::start();
    let more = [("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20key"), ("OTEL_RESOURCE_ATTRIBUTES", "a=b")];
    let server = Traced::start(&collector.uri, &more);
    let id = server.ask(&traceparent(TRACE, "01")).await;
    let log = server.stopped().await;

    let taken = collector.taken().pop().expect("what waits is sent at the stop");
    assert_eq!((taken.path.as_str(), taken.key.as_deref()), ("/v1/traces", Some("a key")));
    let resource = collector.requests()[0].resource_spans[0].resource.clone().unwrap();
    let resource = attributes(&resource.attributes);
    assert_eq!((resource["service.name"].as_str(), resource["a"].as_str()), ("authgate", "b"));

    let spans = collector.spans();
    let spans: Vec<&Span> = spans.iter().filter(|span| hex(&span.trace_id) == TRACE).collect();
    let named = |name: &str| {
        let found = spans.iter().find(|span| span.name == name);
        *found
            .unwrap_or_else(|| panic!("no {name} in {:?}", spans.iter().map(|s| &s.name).collect::<Vec<_>>()))
    };
    let above = |span: &Span| *spans.iter().find(|above| above.span_id == span.parent_span_id).unwrap();
    let request = named("POST /oauth/token");
    assert_eq!(hex(&request.parent_span_id), PARENT);
    assert_eq!(request.kind, 2, "it serves");
    let said = attributes(&request.attributes);
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/oauth/token"),
        ("http.response.status_code", "401"),
        ("url.scheme", "http"),
        ("request_id", id.as_str()),
    ] {
        assert_eq!(said.get(name).map(String::as_str), Some(value), "{said:?}");
    }
    // The message waits, is handled in the request's name, and its statements and the commit stand below that.
    let commit = named("COMMIT");
    // What the server writes by itself may share the commit, without a handling of its own.
    let select = spans.iter().find(|span| span.name == "SELECT" && above(span).name == "handling");
    let select = *select.expect("the client was looked up");
    assert_eq!(attributes(&select.attributes)["db.system.name"], "sqlite");
    let (handling, shared) = (above(select), above(commit));
    assert_eq!((handling.name.as_str(), shared.name.as_str()), ("handling", "commit"));
    assert_eq!(attributes(&handling.attributes)["authgate.actor"], "issuer");
    assert!(attributes(&shared.attributes)["authgate.jobs"].parse::<u64>().unwrap() >= 1);
    assert_eq!(
        (above(handling).span_id.clone(), above(shared).span_id.clone()),
        (request.span_id.clone(), handling.span_id.clone())
    );
    assert_eq!(above(named("waiting")).span_id, request.span_id);
    for span in &spans {
        assert!(!format!("{span:?}").contains("-secret"), "{span:?}");
    }
    let line = log.lines().find(|line| line.contains(&id)).unwrap();
    assert!(line.contains(TRACE), "{line}");
    assert!(!log.contains("a key"), "{log}");
}

#[actix_web::test]
async fn callers_decide_whether_and_hostile_ones_nothing() {
    let collector = Collector::start();
    let server = Traced::start(&collector.uri, &[]);
    let not = "11111111111111111111111111111111";
    server.ask(&traceparent(not, "00")).await;
    let hostile = format!("00-{TRACE}-{PARENT}-01-{}", "x".repeat(4000));
    let id = server.ask(&hostile).await;
    server.stopped().await;
    let spans = collector.spans();
    assert!(spans.iter().all(|span| hex(&span.trace_id) != not && hex(&span.trace_id) != TRACE));
    let own = spans.iter().find(|span| attributes(&span.attributes).get("request_id") == Some(&id)).unwrap();
    assert!(own.parent_span_id.is_empty(), "it began here");
    // What the server does by itself is not traced.
    let roots = spans.iter().filter(|span| span.parent_span_id.is_empty());
    assert_eq!(roots.map(|span| span.name.as_str()).collect::<Vec<_>>(), ["POST /oauth/token"]);
}

#[actix_web::test]
async fn a_collector_that_is_away_costs_spans_and_no_request() {
    let away = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}", away.local_addr().unwrap());
    drop(away);
    let server = Traced::start(&uri, &[]);
    for _ in 0..20 {
        server.ask("").await;
    }
    let log = server.stopped().await;
    assert_eq!(log.matches("the collector takes no traces").count(), 1, "{log}");
    assert_eq!(log.matches("took no traces to the end").count(), 1, "{log}");
}

#[actix_web::test]
async fn a_collector_that_never_answers_costs_a_stop_of_seconds() {
    // Connections wait in its queue for ever.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Traced::start(&format!("http://{}", silent.local_addr().unwrap()), &[]);
    for _ in 0..20 {
        server.ask("").await;
    }
    let log = server.stopped().await;
    assert_eq!(log.matches("not all traces were sent").count(), 1, "{log}");
}
