//! What is logged, and what never is. `secrets.rs` looks for every secret there is.

use std::io;
use std::sync::{Arc, Mutex, OnceLock};

use authgate::logging::lines;
use authgate_core::error::Result;
use authgate_core::trace::SPANS;
use serde_json::Value;
use tracing::Instrument as _;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::util::{PASSWORD, TestApp};

/// What somebody sends who wants a line of their own, in whatever reads the log.
const FORGED: &str = "x\r\n2026-01-01T00:00:00Z  INFO forged\u{1b}[2J\u{2028}forged\u{85}forged";

/// Everything that this process logs, in both formats. The other tests log here too, so look for what is unique.
#[derive(Clone, Default)]
struct Captured {
    text: Buffer,
    json: Buffer,
}

impl Captured {
    fn start() -> Self {
        static CAPTURED: OnceLock<Captured> = OnceLock::new();
        let start = || {
            let captured = Captured::default();
            let text = lines(false, "info", false, captured.text.clone());
            let json = lines(true, "info", false, captured.json.clone());
            tracing_subscriber::registry().with(text).with(json).init();
            captured
        };
        CAPTURED.get_or_init(start).clone()
    }

    /// The lines in which this stands.
    fn text(&self, part: &str) -> Vec<String> {
        self.text.lines().into_iter().filter(|line| line.contains(part)).collect()
    }

    /// The same as JSON.
    fn json(&self, part: &str) -> Vec<Value> {
        let lines = self.json.lines().into_iter().filter(|line| line.contains(part));
        lines
            .map(|line| serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Buffer {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[actix_web::test]
async fn adv_39_a_line_has_the_route_and_no_secret() {
    let captured = Captured::start();
    let (_app, anon, _alice) = TestApp::init().with_user("alice").await;
    let request = anon.post("/oauth/token/?code=query-secret").basic("client", "basic-secret");
    let request = request.form(&[("code", "form-secret"), ("client_secret", "form-secret")]);
    let reply = request.header("cookie", "oauth_session=cookie-secret").send().await;
    assert_eq!(reply.status, 307);
    let reply = anon.get("/oauth/userinfo?access_token=query-secret").bearer("bearer-secret").send().await;
    let id = reply.header("x-request-id").unwrap();
    let line = captured.text(id).pop().unwrap_or_else(|| panic!("no line of {id}"));
    for part in ["method=\"GET\"", "route=\"/oauth/userinfo\"", "status=400", "address=\"127.0.0.1\""] {
        assert!(line.contains(part), "{line}");
    }
    let json = captured.json(id).pop().unwrap();
    assert_eq!((&json["route"], &json["status"]), (&"/oauth/userinfo".into(), &400.into()));
    assert_eq!((&json["level"], &json["target"]), (&"INFO".into(), &"authgate::access".into()));
    for secret in ["-secret", PASSWORD] {
        assert_eq!(captured.text(secret), Vec::<String>::new());
        assert_eq!(captured.json(secret), Vec::<Value>::new());
    }
}

#[actix_web::test]
async fn adv_39_a_path_that_no_route_has_is_not_logged() {
    let captured = Captured::start();
    let (_app, anon) = TestApp::init().start();
    for (path, route) in [
        ("/oauth/token/agr_pathsecret", "/oauth/token/*"),
        ("/oauth/register/pathsecret/pathsecret", "/oauth/register/{client_id}/*"),
        ("/account/sessions/pathsecret/revoke", "/account/sessions/{id}/revoke"),
        ("/static/pathsecret/pathsecret", "/static/{file:.*}"),
        ("/pathsecret", "/*"),
    ] {
        let reply = anon.get(path).send().await;
        let json = captured.json(reply.header("x-request-id").unwrap()).pop().unwrap();
        assert_eq!(json["route"], route);
    }
    assert_eq!(captured.text("pathsecret"), Vec::<String>::new());
}

#[actix_web::test]
async fn adv_27_nothing_that_a_caller_sends_makes_a_line() {
    let captured = Captured::start();
    let (app, anon) = TestApp::init().start();
    app.raw(
        "GET /x%0Aforged%1b[2J HTTP/1.1\r\nhost: a\r\nuser-agent: \x1bforged\r\nconnection: close\r\n\r\n",
    )
    .await;
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("client_id", FORGED), ("redirect_uri", FORGED), ("state", FORGED)])
        .finish();
    anon.get(&format!("/oauth/authorize?{query}")).send().await.is_page(400);
    anon.sign_in(FORGED, FORGED).await;
    anon.post("/oauth/token").form(&[("grant_type", FORGED), ("client_id", FORGED)]).send().await;
    // What is logged of it, in a field or in a sentence, shows what it is.
    tracing::warn!(debug = FORGED, display = %FORGED, "here: {FORGED}");
    assert_eq!(captured.text("forged").len(), 1, "{:?}", captured.text("forged"));
    let json = captured.json("forged").pop().unwrap();
    assert_eq!((&json["debug"], &json["display"]), (&FORGED.into(), &FORGED.into()));
    for line in captured.text.lines().into_iter().chain(captured.json.lines()) {
        assert!(line.starts_with("20") || line.starts_with("{\"timestamp\""), "{line:?}");
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{2028}'), "{line:?}");
    }
}

#[actix_web::test]
async fn a_line_says_whose_request_it_was() {
    let captured = Captured::start();
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let of = |reply: &crate::util::Reply| captured.json(reply.header("x-request-id").unwrap()).pop().unwrap();
    let line = of(&alice.open("/account/sessions").await);
    assert_eq!(line["user_id"], app.user_id("alice").await);
    let line = of(&web.token(&anon, &[("grant_type", "refresh_token"), ("refresh_token", "x")]).await);
    assert_eq!((&line["status"], &line["client_id"]), (&400.into(), &web.id.as_str().into()));
    // A name that is nobody's may be anything.
    let wrong =
        anon.post("/oauth/token").basic("no client", "x").form(&[("grant_type", "client_credentials")]);
    let line = of(&wrong.send().await);
    assert_eq!((&line["status"], &line["client_id"]), (&401.into(), &Value::Null));
}

#[actix_web::test]
async fn every_line_of_a_request_has_its_id() {
    let captured = Captured::start();
    let (app, _) = TestApp::init().start();
    let app = &app.app;
    let says = |place: &'static str| {
        move || -> Result<()> {
            tracing::warn!("line of {place}");
            Ok(())
        }
    };
    let work = async {
        app.read(move |_| says("a reader")()).await.unwrap();
        app.issuer.write(move |_| says("the issuer")()).await.unwrap();
        app.hasher.run(says("the hasher")).await.unwrap().unwrap();
        says("the handler")().unwrap();
    };
    let span = tracing::error_span!(target: SPANS, "request", request_id = "0123456789abcdef");
    work.instrument(span).await;
    for place in ["a reader", "the issuer", "the hasher", "the handler"] {
        let line = captured.json(&format!("line of {place}")).pop().unwrap();
        assert_eq!(line["request_id"], "0123456789abcdef", "{place}");
        assert!(captured.text(place)[0].contains("request_id=\"0123456789abcdef\""), "{place}");
    }
}
