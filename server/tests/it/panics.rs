//! A panic ends what is in hand and nothing else, wherever it happens, while others are served.

use std::cell::Cell;
use std::fs;
use std::rc::Rc;

use actix_web::rt::spawn;
use actix_web::rt::task::JoinHandle;
use actix_web::test::TestRequest;
use authgate::routes::{Optional, Routes};
use authgate_core::error::{Code, Result};

use crate::util::process::{self, Process};
use crate::util::{Client, DEVICE_GRANT, PASSWORD, Registered, Reply, TestApp};

const HEADER: &str = "x-panic";
const GRANT: [(&str, &str); 1] = [("grant_type", "client_credentials")];
/// Who asks at the same time.
const NEIGHBOURS: usize = 8;

/// The value of a series.
async fn metric(anon: &Client, series: &str) -> u64 {
    let reply = anon.get("/metrics").send().await;
    let value = reply.text().lines().find_map(|line| line.strip_prefix(series));
    value.unwrap_or_else(|| panic!("no {series} in {}", reply.text())).trim().parse().unwrap()
}

/// Asserts that this is what somebody learns whose request ended in a panic.
fn is_busy(reply: &Reply, html: bool, what: &str) {
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{what}: {}", reply.text());
    assert_eq!(reply.header("cache-control"), Some("no-store"), "{what}");
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{what}");
    let id = reply.header("x-request-id").unwrap_or_else(|| panic!("{what} has no id"));
    if html {
        reply.is_page(503).says("Back in a moment").says(id);
    } else {
        reply.is_error(503, "temporarily_unavailable");
    }
}

#[actix_web::test]
async fn every_handler_may_panic_and_ends_its_own_request() {
    let folder = tempfile::tempdir().unwrap();
    let switches = [("METRICS_ENABLED", "true"), ("ENABLE_SWAGGER", "true"), ("ENABLE_RATE_LIMIT", "false")];
    let server =
        Process::start(folder.path(), &[&switches[..], &[("AUTHGATE_PANIC_HEADER", HEADER)]].concat());
    let machine = process::client(process::program(folder.path()), &["client_credentials"]);
    let is_over = Rc::new(Cell::new(false));
    let neighbours = (0..NEIGHBOURS).map(|_| {
        let (id, secret) = (machine.id.clone(), machine.secret.clone());
        let (http, machine, is_over) = (server.client(), Registered { id, secret }, Rc::clone(&is_over));
        spawn(async move {
            let mut served = 0;
            while !is_over.get() {
                let token = machine.token(&http, &GRANT).await.member("access_token");
                assert_eq!(http.status_with("/oauth/tokeninfo", &token).await, 200);
                http.open("/login").await.is_page(200);
                served += 1;
            }
            served
        })
    });
    let neighbours: Vec<_> = neighbours.collect();
    let anon = server.client();
    let mut panics = 0;
    for endpoint in Routes::all(Optional { metrics: true, swagger: true }).endpoints() {
        let path = endpoint.path().replace("{file:.*}", "x").replace("{id}", "x").replace("{client_id}", "x");
        for method in endpoint.methods() {
            for (accept, html) in [("application/json", false), ("text/html,*/*", true)] {
                let what = format!("{method} {path} {accept}");
                let request = anon.request(method.clone(), &path).header("accept", accept);
                let reply = request.header(HEADER, "1").send().await;
                if method == "HEAD" {
                    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{what}");
                } else {
                    is_busy(&reply, html, &what);
                }
                panics += 1;
            }
        }
    }
    is_over.set(true);
    for neighbour in neighbours {
        assert!(neighbour.await.unwrap() > 0);
    }
    assert!(panics > 80, "{panics}");
    assert_eq!(metric(&anon, r#"authgate_panics_total{part="handler"}"#).await, panics);
    assert_eq!(anon.get("/readyz").send().await.status, 200);
}

#[actix_web::test]
async fn a_read_a_write_and_a_hash_may_panic() {
    let (app, anon) = TestApp::init().with("METRICS_ENABLED", "true").start();
    let request = TestRequest::default().to_http_request();
    let read: Result<()> = app.app.read(|_| panic!("a test asked for it")).await;
    let write: Result<()> = app.app.write_env(&request, |_, _| panic!("a test asked for it")).await;
    let hash: Result<()> = app.app.hasher.run(|| panic!("a test asked for it")).await;
    for (outcome, part) in [(read, "read"), (write, "transaction"), (hash, "password")] {
        assert_eq!(outcome.unwrap_err().code(), Some(Code::TemporarilyUnavailable), "{part}");
        let series = format!("authgate_panics_total{{part=\"{part}\"}}");
        assert_eq!(metric(&anon, &series).await, 1, "{part}");
    }
    let write = app.app.write_env(&request, |tx, _| tx.execute("DELETE FROM tokens", &[])).await;
    assert_eq!(write, Ok(0));
}

/// One of many who ask one actor; true for what is answered as ever, false for what only a panic explains.
type Ask = fn(Client, Rc<Registered>) -> JoinHandle<bool>;

/// Panics the actor once in the middle of a load; how many of those who asked were refused.
async fn refused(browser: impl Fn() -> Client, machine: &Rc<Registered>, failpoint: &str, ask: Ask) -> usize {
    let mut answers: Vec<_> = (0..NEIGHBOURS).map(|_| ask(browser(), Rc::clone(machine))).collect();
    let (mut refused, mut after) = (0, 0);
    while let Some(next) = answers.pop() {
        refused += usize::from(!next.await.unwrap());
        // Each who was answered is followed by another, until the panic is long past.
        after = if fs::exists(failpoint).unwrap() { 0 } else { after + 1 };
        if after < 3 * NEIGHBOURS {
            answers.insert(0, ask(browser(), Rc::clone(machine)));
        }
    }
    refused
}

#[actix_web::test]
async fn every_actor_may_panic_under_load_and_one_request_hears_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let failpoint = folder.path().join("failpoint");
    let failpoint = failpoint.to_str().unwrap();
    let quiet = [("ENABLE_EXPIRED_TOKEN_CLEANUP", "false"), ("AUDIT_LOG_RETENTION", "0")];
    let limits = [("TOKEN_RATE_LIMIT", "1000000"), ("DEFAULT_ADMIN_PASSWORD", PASSWORD)];
    let own = [("METRICS_ENABLED", "true"), ("AUTHGATE_FAILPOINT", failpoint)];
    let server = Process::start(folder.path(), &[quiet, limits, own].concat());
    let machine =
        Rc::new(process::client(process::program(folder.path()), &["client_credentials", "device_code"]));
    let (anon, admin) = (server.client(), server.client());
    assert!(matches!(admin.sign_in("admin", PASSWORD).await.status, 302 | 303));
    let actors: [(&str, Ask); 4] = [
        ("issuer", |http, machine| {
            spawn(async move {
                let reply = machine.token(&http, &GRANT).await;
                reply.status == 200 || busy(&reply)
            })
        }),
        ("limiter", |http, machine| {
            spawn(async move {
                let reply = http.post("/oauth/token").basic(&machine.id, "wrong").form(&GRANT).send().await;
                reply.status == 401 || busy(&reply)
            })
        }),
        ("devices", |http, machine| {
            spawn(async move {
                let device = machine.device(&http, &[]).await;
                let form = [("grant_type", DEVICE_GRANT), ("device_code", &device.device_code)];
                // The protocol's own word for it (RFC 8628 3.5).
                let error = machine.token(&http, &form).await.error();
                assert!(["authorization_pending", "slow_down"].contains(&error.as_str()), "{error}");
                error == "authorization_pending"
            })
        }),
        ("audit", |http, _| {
            spawn(async move {
                // Who looks at the trail is in the trail.
                let reply = http.get("/admin/audit/api").send().await;
                reply.status == 200 || busy(&reply)
            })
        }),
    ];
    for (actor, ask) in actors {
        let mut panics = 0;
        loop {
            let planted = format!("{failpoint}.new");
            fs::write(&planted, format!("panic {actor}")).unwrap();
            fs::rename(planted, failpoint).unwrap();
            let refused = refused(|| admin.at(server.addr), &machine, failpoint, ask).await;
            panics += 1;
            assert!(refused <= 1, "{actor}: {refused} were refused");
            // None, if it was a message of the server's own.
            if refused == 1 {
                break;
            }
        }
        let series = format!("authgate_actor_restarts_total{{actor=\"{actor}\"}}");
        assert_eq!(metric(&anon, &series).await, panics, "{actor}");
    }
    assert_eq!(anon.get("/readyz").send().await.status, 200);
}

/// False for the 503 of a program, after a look at it.
fn busy(reply: &Reply) -> bool {
    is_busy(reply, false, "a program's request");
    false
}
