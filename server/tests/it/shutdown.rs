//! Stopping: nothing new is accepted, what runs is finished.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc;

use actix_web::rt::task::{spawn_blocking, yield_now};
use tokio::sync::oneshot;

use crate::util::TestApp;

#[actix_web::test]
async fn a_running_request_is_finished_and_no_other_accepted() {
    let (app, _) = TestApp::init().start();
    let addr = app.addr;
    let (begun, has_begun) = oneshot::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let request = spawn_blocking(move || {
        let mut stream = TcpStream::connect(addr).unwrap();
        let head = "POST /oauth/token HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                    content-length: 12\r\nexpect: 100-continue\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let mut first = [0; 25];
        stream.read_exact(&mut first).unwrap();
        assert!(first.starts_with(b"HTTP/1.1 100 "));
        begun.send(()).unwrap();
        may_go_on.recv().unwrap();
        stream.write_all(b"grant_type=x").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    has_begun.await.unwrap();
    let stopped = actix_web::rt::spawn(app.running().stop());
    while TcpStream::connect(addr).is_ok() {
        yield_now().await;
    }
    assert!(!stopped.is_finished());
    go_on.send(()).unwrap();
    let answer = request.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("unsupported_grant_type"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    stopped.await.unwrap();
}

#[actix_web::test]
async fn a_server_that_stops_is_not_ready() {
    let (app, anon) = TestApp::init().start();
    app.app.drain();
    let reply = anon.get("/readyz").send().await;
    assert_eq!((reply.status, reply.json()["failing"][0].as_str()), (503, Some("stopping")));
    assert_eq!(anon.get("/livez").send().await.status, 200);
}
