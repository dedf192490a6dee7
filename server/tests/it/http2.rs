//! HTTP/2, which is there when the server ends TLS itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use actix_web::rt::spawn;
use actix_web::web::Bytes;
use authgate::app::Timeouts;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Reason, SendStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use crate::tls::{client_config, with_tls};

/// A connection, and what becomes of it.
struct Http2 {
    requests: SendRequest<Bytes>,
    ended: JoinHandle<Result<(), h2::Error>>,
}

impl Http2 {
    async fn to(addr: SocketAddr) -> Self {
        Self::with_window(addr, 64 * 1024).await
    }

    /// Takes so many bytes of each answer before it says that it has read them.
    async fn with_window(addr: SocketAddr, bytes: u32) -> Self {
        let connector = TlsConnector::from(Arc::new(client_config(rustls::ALL_VERSIONS, &["h2"])));
        let stream = TcpStream::connect(addr).await.unwrap();
        let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
        let (requests, connection) =
            Builder::new().initial_window_size(bytes).handshake(stream).await.unwrap();
        Self { requests, ended: spawn(connection) }
    }

    /// Sends the head of a request, with a body to come if it is a POST.
    async fn begin(
        &self,
        request: http::request::Builder,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        let request = request.body(()).unwrap();
        let is_whole = request.method() != http::Method::POST;
        self.requests.clone().ready().await?.send_request(request, is_whole)
    }

    async fn answer(&self, request: http::request::Builder) -> (http::HeaderMap, u16, String) {
        let (response, _) = self.begin(request).await.unwrap();
        let (head, mut body) = response.await.unwrap().into_parts();
        let mut text = Vec::new();
        while let Some(chunk) = body.data().await {
            let chunk = chunk.unwrap();
            body.flow_control().release_capacity(chunk.len()).unwrap();
            text.extend_from_slice(&chunk);
        }
        (head.headers, head.status.as_u16(), String::from_utf8(text).unwrap())
    }
}

fn get(path: &str) -> http::request::Builder {
    http::Request::get(format!("https://localhost{path}"))
}

fn form(path: &str) -> http::request::Builder {
    let post = http::Request::post(format!("https://localhost{path}"));
    post.header("content-type", "application/x-www-form-urlencoded")
}

#[actix_web::test]
async fn requests_are_answered_as_over_http1() {
    let (app, _) = with_tls().start();
    let connection = Http2::to(app.addr).await;
    let (headers, status, text) = connection.answer(get("/health")).await;
    assert_eq!((status, text.as_str()), (200, r#"{"database":"connected","status":"healthy"}"#));
    assert_eq!(headers["content-length"], text.len().to_string().as_str());
    assert!(headers.contains_key("date") && headers.contains_key("x-request-id"));
    let (_, status, page) = connection.answer(get("/login")).await;
    assert!(status == 200 && page.trim_end().ends_with("</html>"), "{page}");
    let (headers, status, text) = connection.answer(get("/health").method("HEAD")).await;
    assert_eq!((status, text.as_str()), (200, ""));
    assert!(headers["content-length"] != "0");

    let (response, mut body) = connection.begin(form("/oauth/token")).await.unwrap();
    body.send_data("grant_type=".into(), false).unwrap();
    body.send_data("x".into(), true).unwrap();
    let mut response = response.await.unwrap();
    assert_eq!(response.status(), 400);
    let text = response.body_mut().data().await.unwrap().unwrap();
    assert!(text.starts_with(br#"{"error":"unsupported_grant_type""#), "{text:?}");
}

#[actix_web::test]
async fn adv_15_heads_and_bodies_are_bounded() {
    let (app, _) = with_tls().start();
    let connection = Http2::to(app.addr).await;
    for (bytes, expected) in [(12, 200), (17, 431), (60, 431)] {
        let value = "a".repeat(bytes * 1024);
        assert_eq!(connection.answer(get("/livez").header("x-a", value)).await.1, expected, "{bytes} KiB");
    }
    let long = get(&format!("/oauth/authorize?state={}", "a".repeat(21 * 1024)));
    assert_eq!(connection.answer(long).await.1, 414);
    let (response, mut body) = connection.begin(form("/oauth/token")).await.unwrap();
    let _ = body.send_data(vec![b'a'; 65 * 1024].into(), true);
    assert_eq!(response.await.unwrap().status(), 413);
    assert_eq!(connection.answer(get("/livez")).await.1, 200);
    // What is far too large is not even read to its end.
    let (response, _) = connection.begin(get("/livez").header("x-a", "a".repeat(1024 * 1024))).await.unwrap();
    let error = response.await.unwrap_err();
    // The reason may be lost on a connection that is closed while this side still sends.
    assert!(error.is_io() || error.reason() == Some(Reason::ENHANCE_YOUR_CALM), "{error}");
}

#[actix_web::test]
async fn adv_15_streams_are_bounded() {
    let (app, _) = with_tls().start();
    let connection = Http2::to(app.addr).await;
    connection.answer(get("/livez")).await;
    let mut begun = Vec::new();
    for _ in 0..100 {
        begun.push(connection.begin(form("/oauth/token")).await.unwrap());
    }
    // As many as there may be, none with its body. One more has to wait; another connection does not notice.
    let (one_more, _) = connection.begin(get("/livez")).await.unwrap();
    let one_more = spawn(one_more);
    assert_eq!(Http2::to(app.addr).await.answer(get("/livez")).await.1, 200);
    assert!(!one_more.is_finished());
    let (response, mut body) = begun.pop().unwrap();
    body.send_data("grant_type=x".into(), true).unwrap();
    assert_eq!(response.await.unwrap().status(), 400);
    assert_eq!(one_more.await.unwrap().unwrap().status(), 200);
}

#[actix_web::test]
async fn adv_15_requests_that_are_reset_at_once_end_the_connection_or_cost_nothing() {
    let (app, anon) = with_tls().start();
    let connection = Http2::to(app.addr).await;
    for _ in 0..5_000 {
        let Ok((_, mut stream)) = connection.begin(form("/oauth/token")).await else { break };
        stream.send_reset(Reason::CANCEL);
    }
    drop(anon);
    assert_eq!(Http2::to(app.addr).await.answer(get("/livez")).await.1, 200);
}

#[actix_web::test]
async fn rfc9113_6_8_a_stop_says_goodbye_and_finishes_what_runs() {
    let (app, _) = with_tls().with("SERVER_SHUTDOWN_TIMEOUT", "10m").start();
    let idle = Http2::to(app.addr).await;
    idle.answer(get("/livez")).await;
    let busy = Http2::to(app.addr).await;
    let (response, mut body) = busy.begin(form("/oauth/token")).await.unwrap();
    body.send_data("grant_type=".into(), false).unwrap();
    // A later answer on the same connection shows that the server has the earlier request.
    busy.answer(get("/livez")).await;
    let stopped = spawn(app.running().stop());
    // It may close before it has read what this client says last.
    assert!(idle.ended.await.unwrap().map_or_else(|error| error.is_io(), |()| true));
    assert!(!stopped.is_finished());
    let goodbye = loop {
        match busy.begin(get("/livez")).await {
            Ok((response, _)) => drop(response.await),
            Err(goodbye) => break goodbye,
        }
    };
    assert_eq!(goodbye.reason(), Some(Reason::NO_ERROR), "{goodbye}");
    body.send_data("x".into(), true).unwrap();
    assert_eq!(response.await.unwrap().status(), 400);
    stopped.await.unwrap();
}

#[actix_web::test]
async fn adv_15_who_never_takes_an_answer_loses_it_and_who_idles_the_connection() {
    let soon = Duration::from_millis(300);
    let impatient = |timeouts: &mut Timeouts| (timeouts.write, timeouts.keep_alive) = (soon, soon);
    let (app, _) = with_tls().with_patience(impatient).start();
    let connection = Http2::with_window(app.addr, 10).await;
    let (response, _) = connection.begin(get("/livez")).await.unwrap();
    let mut body = response.await.unwrap().into_body();
    assert_eq!(body.data().await.unwrap().unwrap().len(), 10);
    assert_eq!(body.data().await.unwrap().unwrap_err().reason(), Some(Reason::CANCEL));
    // Nothing runs any more.
    let ended = connection.ended.await.unwrap();
    assert!(ended.map_or_else(|error| error.is_io(), |()| true));
}

#[actix_web::test]
async fn a_stop_does_not_wait_for_who_has_not_asked() {
    // With the usual timeout it would only take longer.
    let (app, _) = with_tls().with("SERVER_SHUTDOWN_TIMEOUT", "24h").start();
    let _silent = TcpStream::connect(app.addr).await.unwrap();
    let connector = TlsConnector::from(Arc::new(client_config(rustls::ALL_VERSIONS, &["h2"])));
    let stream = TcpStream::connect(app.addr).await.unwrap();
    let _no_preface = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    let idle = Http2::to(app.addr).await;
    idle.answer(get("/livez")).await;
    app.running().stop().await;
}
