//! What is logged, and what never is.

use std::io;
use std::sync::{Arc, Mutex, OnceLock};

use tracing_subscriber::fmt::MakeWriter;

use crate::util::{PASSWORD, TestApp};

/// Everything that this process logs. The other tests log here too, so look for what is unique.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn start() -> Self {
        static CAPTURED: OnceLock<Captured> = OnceLock::new();
        let start = || {
            let captured = Captured::default();
            tracing_subscriber::fmt().with_ansi(false).with_writer(captured.clone()).init();
            captured
        };
        CAPTURED.get_or_init(start).clone()
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[actix_web::test]
async fn adv_39_a_line_has_the_path_and_no_secret() {
    let captured = Captured::start();
    let (_app, anon, _alice) = TestApp::init().with_user("alice").await;
    let request = anon.post("/oauth/token/?code=query-secret").basic("client", "basic-secret");
    let request = request.form(&[("code", "form-secret"), ("client_secret", "form-secret")]);
    let reply = request.header("cookie", "oauth_session=cookie-secret").send().await;
    assert_eq!(reply.status, 307);
    let reply = anon.get("/oauth/userinfo?access_token=query-secret").bearer("bearer-secret").send().await;
    let log = captured.text();
    let id = reply.header("x-request-id").unwrap();
    let line = log.lines().find(|line| line.contains(id)).unwrap_or_else(|| panic!("no line of {id}: {log}"));
    for part in ["method=\"GET\"", "path=\"/oauth/userinfo\"", "status=400", "address=\"127.0.0.1\""] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!log.contains("-secret"), "{log}");
    assert!(!log.contains(PASSWORD), "{log}");
}

#[actix_web::test]
async fn adv_27_a_line_is_one_line() {
    let captured = Captured::start();
    let (app, _) = TestApp::init().start();
    app.raw("GET /adv27%0Aforged%1b[2J HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    let log = captured.text();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("forged")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("/adv27%0Aforged%1b"), "{}", lines[0]);
}
