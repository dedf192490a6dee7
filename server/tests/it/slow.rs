//! Clients that take their time, take nothing, or take too much: they cost others nothing.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use actix_web::rt::task::spawn_blocking;

use crate::tls;
use crate::util::TestApp;
use crate::util::process::Process;

const SOON: Duration = Duration::from_millis(300);
/// Only a server that hangs takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// One request on a connection that stays.
fn ask(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n")?;
    let mut answer = Vec::new();
    let mut part = [0; 1024];
    while !answer.ends_with(br#"{"status":"alive"}"#) {
        let read = stream.read(&mut part)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        answer.extend_from_slice(&part[..read]);
    }
    Ok(())
}

/// True once the server has closed; it panics if that takes too long.
fn is_closed(stream: &mut TcpStream) -> bool {
    let mut part = [0; 1024];
    loop {
        match stream.read(&mut part) {
            Ok(1..) => {}
            Ok(0) => return true,
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "it hangs");
                return true;
            }
        }
    }
}

#[actix_web::test]
async fn adv_15_a_later_head_that_does_not_end_is_not_waited_for() {
    let (app, _) = TestApp::init().with_timeouts(SOON, PATIENCE).start();
    let addr = app.addr;
    let talk = move || {
        let mut stream = connect(addr);
        for _ in 0..3 {
            ask(&mut stream).unwrap();
        }
        stream.write_all(b"GET /livez HTT").unwrap();
        assert!(is_closed(&mut stream));
    };
    spawn_blocking(talk).await.unwrap();
}

#[actix_web::test]
async fn a_connection_that_idles_between_requests_is_kept() {
    let (app, _) = TestApp::init().with_timeouts(Duration::from_millis(50), PATIENCE).start();
    let addr = app.addr;
    let talk = move || {
        let mut stream = connect(addr);
        for _ in 0..3 {
            ask(&mut stream).unwrap();
            // Nothing comes while it waits four times as long as a head may take.
            stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            assert!(
                stream.read(&mut [0; 1]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
            );
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
        }
    };
    spawn_blocking(talk).await.unwrap();
}

#[actix_web::test]
async fn a_connection_that_asks_nothing_more_is_closed() {
    let (app, _) = TestApp::init().with_patience(|timeouts| timeouts.keep_alive = SOON).start();
    let addr = app.addr;
    let talk = move || {
        let mut stream = connect(addr);
        ask(&mut stream).unwrap();
        assert!(is_closed(&mut stream));
    };
    spawn_blocking(talk).await.unwrap();
}

#[actix_web::test]
async fn adv_15_who_never_reads_is_not_written_to_for_ever() {
    let (app, anon) = TestApp::init().with_patience(|timeouts| timeouts.write = SOON).start();
    let addr = app.addr;
    let talk = move || {
        let mut stream = connect(addr);
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let requests = b"GET /login HTTP/1.1\r\nhost: a\r\n\r\n".repeat(1000);
        // Until the server closes: its answers fill every buffer on the way, and it stops reading.
        let error = std::iter::repeat_with(|| stream.write_all(&requests)).find_map(Result::err).unwrap();
        assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "it hangs");
    };
    spawn_blocking(talk).await.unwrap();
    assert_eq!(anon.get("/livez").send().await.status, 200);
}

#[actix_web::test]
async fn one_address_holds_half_of_the_connections_at_most() {
    let (app, _) = TestApp::init().with("MAX_CONNECTIONS", "16").start();
    let addr = app.addr;
    let talk = move || {
        let mut held: Vec<_> = (0..8).map(|_| connect(addr)).collect();
        for stream in &mut held {
            ask(stream).unwrap();
        }
        let mut ninth = connect(addr);
        assert!(ask(&mut ninth).is_err());
        for stream in &mut held {
            ask(stream).unwrap();
        }
        held.pop();
        while ask(&mut connect(addr)).is_err() {}
    };
    spawn_blocking(talk).await.unwrap();
}

#[test]
fn connections_may_be_more_than_the_soft_limit_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("prlimit");
    command.args(["--nofile=100:4096", "--", env!("CARGO_BIN_EXE_authgate"), "serve"]);
    command.current_dir(folder.path()).env_clear().env("SERVER_ADDR", "127.0.0.1:0");
    let process = Process::spawn(&mut command);
    let mut held: Vec<_> = (0..200).map(|_| connect(process.addr)).collect();
    for stream in &mut held {
        ask(stream).unwrap();
    }
}

/// Kilobytes of memory that a process really has.
fn resident(process: &Process) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn adv_15_five_hundred_slow_clients_cost_a_normal_one_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]);
    let mut normal = connect(process.addr);
    for _ in 0..100 {
        ask(&mut normal).unwrap();
        ask(&mut connect(process.addr)).unwrap();
    }
    let before = resident(&process);
    let body = "POST /oauth/token HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                content-length: 60000\r\n\r\ngrant_type=";
    let slow: Vec<_> = (0..500)
        .map(|n| {
            let mut stream = connect(process.addr);
            let begun = ["", "GET /livez HTTP/1.1\r\nhost: a\r\nx-a: a", body][n % 3];
            stream.write_all(begun.as_bytes()).unwrap();
            stream
        })
        .collect();
    for _ in 0..100 {
        ask(&mut normal).unwrap();
        ask(&mut connect(process.addr)).unwrap();
    }
    let grown = resident(&process) - before;
    assert!(grown < 500 * 64, "{grown} kB for {} clients", slow.len());
}

#[test]
fn adv_15_five_hundred_handshakes_that_do_not_end_keep_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (tls::file("cert.pem"), tls::file("key.pem"));
    let process = Process::start(folder.path(), &[("TLS_CERT_FILE", &cert), ("TLS_KEY_FILE", &key)]);
    let hello = [&b""[..], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"];
    let slow: Vec<_> = (0..500)
        .map(|n| {
            let mut stream = connect(process.addr);
            stream.write_all(hello[n % 2]).unwrap();
            stream
        })
        .collect();
    for _ in 0..50 {
        tls::served(process.addr);
    }
    drop(slow);
}
