//! `/health`, `/livez`, `/readyz`.

use actix_web::http::Method;
use serde_json::json;

use crate::util::TestApp;

#[actix_web::test]
async fn health_is_as_the_contract_has_it() {
    let (_app, anon) = TestApp::init().start();
    let reply = anon.get("/health").send().await;
    assert_eq!((reply.status, reply.text()), (200, r#"{"database":"connected","status":"healthy"}"#));
    assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"));
    // Probes of containers use HEAD.
    let reply = anon.request(Method::HEAD, "/health").send().await;
    assert_eq!((reply.status, reply.body.len()), (200, 0));
}

#[actix_web::test]
async fn a_server_that_can_work_is_ready() {
    let (_app, anon) = TestApp::init().start();
    assert_eq!(anon.get("/livez").send().await.json(), json!({ "status": "alive" }));
    let reply = anon.get("/readyz").send().await;
    assert_eq!((reply.status, reply.json()), (200, json!({ "status": "ready" })));
}

#[actix_web::test]
async fn a_database_that_does_not_answer_is_told() {
    let (app, anon) = TestApp::init().with("DB_MAX_OPEN_CONNS", "1").start();
    // The only reader is taken, so a read fails after the pool's patience.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (taken, is_taken) = tokio::sync::oneshot::channel();
    let store = app.app.store.clone();
    let reader = std::thread::spawn(move || {
        store.read(|_| {
            taken.send(()).unwrap();
            held.recv().unwrap_err();
            Ok(())
        })
    });
    is_taken.await.unwrap();
    let ready = actix_web::rt::spawn(anon.get("/readyz").send());
    let reply = anon.get("/health").send().await;
    assert_eq!((reply.status, reply.text()), (503, r#"{"database":"disconnected","status":"unhealthy"}"#));
    let reply = ready.await.unwrap();
    assert_eq!(reply.status, 503);
    assert_eq!(reply.json(), json!({ "status": "unavailable", "failing": ["database"] }));
    assert_eq!(anon.get("/livez").send().await.status, 200);
    drop(release);
    reader.join().unwrap().unwrap();
    assert_eq!(anon.get("/health").send().await.status, 200);
}
