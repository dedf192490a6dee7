//! The program itself: what it prints, and how it stops.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A server process that is killed with the test.
struct Process {
    child: Child,
    /// What it printed until it was ready.
    printed: String,
    addr: String,
    _folder: TempDir,
}

impl Process {
    fn start(shutdown_timeout: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_authgate"))
            .arg("serve")
            .current_dir(folder.path())
            .env_clear()
            .env("SERVER_ADDR", "127.0.0.1:0")
            .env("SERVER_SHUTDOWN_TIMEOUT", shutdown_timeout)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let printed = lines.by_ref().take_while(|line| !line.contains("verification_uri_complete"));
        let printed = printed.collect::<Vec<_>>().join("\n");
        let addr = printed.split("listening on ").nth(1).and_then(|rest| rest.split(')').next());
        let addr = addr.unwrap_or_else(|| panic!("no address in {printed}")).to_owned();
        Self { child, printed, addr, _folder: folder }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The code it ends with, once it has.
    fn code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// A request that waits for the rest of its body; its handler runs.
    fn unfinished_request(&self) -> TcpStream {
        let mut stream = TcpStream::connect(&self.addr).unwrap();
        let head = "POST /oauth/token HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                    content-length: 12\r\nexpect: 100-continue\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        stream.read_exact(&mut [0; 25]).unwrap();
        stream
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_prints_what_a_newcomer_needs_and_stops_on_sigterm_and_sigint() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut process = Process::start("5s");
        for part in [
            "http://localhost:8080/login",
            "authgate-credentials.txt",
            "curl http://localhost:8080/oauth/device/code",
        ] {
            assert!(process.printed.contains(part), "{part} in {}", process.printed);
        }
        let mut stream = TcpStream::connect(&process.addr).unwrap();
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
    let mut process = Process::start("10m");
    let unfinished = process.unfinished_request();
    process.signal(Signal::TERM);
    while TcpStream::connect(&process.addr).is_ok() {}
    process.signal(Signal::TERM);
    assert_eq!(process.code(), Some(1));
    drop(unfinished);
}
