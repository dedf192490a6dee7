//! The program itself: what it prints, and how it stops.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use rustix::process::Signal;

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
