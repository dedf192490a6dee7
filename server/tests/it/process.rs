//! The program itself: what it prints, and how it stops.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use authgate_core::db::Store;
use rustix::process::Signal;
use tokio::time::Instant;

use crate::util::process::Process;

/// A request that waits for the rest of its body; its handler runs.
fn unfinished_request(process: &Process) -> TcpStream {
    let mut stream = TcpStream::connect(process.addr).unwrap();
    let head = "POST /oauth/token HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                content-length: 12\r\nexpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream.read_exact(&mut [0; 25]).unwrap();
    stream
}

#[test]
fn it_prints_what_a_newcomer_needs_and_stops_on_sigterm_and_sigint() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Process::start(folder.path(), &[]);
        for part in [
            "http://localhost:8080/login",
            "authgate-credentials.txt",
            "curl http://localhost:8080/oauth/device/code",
        ] {
            assert!(process.printed.contains(part), "{part} in {}", process.printed);
        }
        let mut stream = TcpStream::connect(process.addr).unwrap();
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        process.signal(signal);
        assert_eq!(process.code(), Some(0));
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path(), &[("SERVER_SHUTDOWN_TIMEOUT", "10m")]);
    let unfinished = unfinished_request(&process);
    process.signal(Signal::TERM);
    while TcpStream::connect(process.addr).is_ok() {}
    process.signal(Signal::TERM);
    assert_eq!(process.code(), Some(1));
    drop(unfinished);
}

/// How long it takes to end after SIGTERM, and its exit code.
fn stopped(process: &mut Process) -> (Duration, Option<i32>) {
    let asked = Instant::now();
    process.signal(Signal::TERM);
    let code = process.code();
    (asked.elapsed(), code)
}

#[test]
fn a_request_that_hangs_is_waited_for_as_long_as_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path(), &[("SERVER_SHUTDOWN_TIMEOUT", "1s")]);
    let unfinished = unfinished_request(&process);
    let (took, code) = stopped(&mut process);
    assert_eq!(code, Some(0));
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(15), "{took:?}");
    drop(unfinished);
}

#[test]
fn a_connection_that_idles_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path(), &[("SERVER_SHUTDOWN_TIMEOUT", "10m")]);
    let mut stream = TcpStream::connect(process.addr).unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
    let (took, code) = stopped(&mut process);
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(30), "{took:?}");
}

/// An access token, `None` if the server was gone before it took the request; anything in between is a request that it lost.
fn token(process_addr: std::net::SocketAddr, authorization: &str) -> Option<String> {
    let mut stream = TcpStream::connect(process_addr).ok()?;
    let form = "grant_type=client_credentials";
    let request = format!(
        "POST /oauth/token HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: Basic {authorization}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    let mut answer = String::new();
    let read = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
    if answer.is_empty() {
        // What waits in the kernel's queue when the port is closed was never accepted.
        return None;
    }
    read.expect("an answer that began is whole");
    let (head, body) = answer.split_once("\r\n\r\n").expect("it has a head");
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    let body: serde_json::Value = serde_json::from_str(body).expect("it has its whole body");
    Some(body["access_token"].as_str().unwrap().to_owned())
}

#[test]
fn sigterm_under_load_loses_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path(), &[]);
    let made = Command::new(env!("CARGO_BIN_EXE_authgate"))
        .args([
            "client",
            "create",
            "--json",
            "--name",
            "Load",
            "--grant",
            "client_credentials",
            "--scope",
            "read",
        ])
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap();
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let (client_id, secret) = (text("client_id"), text("client_secret"));
    let authorization =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{client_id}:{secret}"));
    let (got, tokens) = mpsc::channel();
    let loads: Vec<_> = (0..4)
        .map(|_| {
            let (addr, authorization, got) = (process.addr, authorization.clone(), got.clone());
            thread::spawn(move || {
                while let Some(token) = token(addr, &authorization) {
                    got.send(token).unwrap();
                }
            })
        })
        .collect();
    drop(got);
    let mut acknowledged: Vec<String> = tokens.iter().take(40).collect();
    let (took, code) = stopped(&mut process);
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(30), "{took:?}");
    for load in loads {
        load.join().unwrap();
    }
    acknowledged.extend(tokens);
    let store = Store::sqlite(&folder.path().join("data/authgate.db"), 1).unwrap();
    let stored: Option<(i64,)> = store
        .read(|tx| tx.one("SELECT COUNT(*) FROM tokens WHERE client_id = ?1", &[(&client_id).into()]))
        .unwrap();
    assert!(
        stored.unwrap().0 >= i64::try_from(acknowledged.len()).unwrap(),
        "{} were answered",
        acknowledged.len()
    );
}

#[test]
fn a_database_that_cannot_be_opened_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path(), &[]);
    assert_eq!(stopped(&mut process).1, Some(0));
    let store = Store::sqlite(&folder.path().join("data/authgate.db"), 1).unwrap();
    // Somebody else writes, and does not end.
    let ended = store.write(|_| {
        let command = Command::new(env!("CARGO_BIN_EXE_authgate"))
            .arg("serve")
            .current_dir(folder.path())
            .env_clear()
            .envs([("SERVER_ADDR", "127.0.0.1:0"), ("DB_INIT_TIMEOUT", "500ms")])
            .output();
        Ok(command.unwrap())
    });
    let ended = ended.unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("the database could not be opened within DB_INIT_TIMEOUT=500ms"), "{said}");
}

#[test]
fn a_database_that_cannot_be_closed_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path(), &[("DB_CLOSE_TIMEOUT", "500ms")]);
    let store = Store::sqlite(&folder.path().join("data/authgate.db"), 1).unwrap();
    // Somebody else writes, and does not end; the issuer would wait ten seconds for it.
    let (took, code) = store.write(|_| Ok(stopped(&mut process))).unwrap();
    assert_eq!(code, Some(1));
    assert!(took < Duration::from_secs(9), "{took:?}");
}
