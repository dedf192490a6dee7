//! More than the server can bear: it answers what it can, refuses the rest at once, and is itself again afterwards.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use actix_web::rt::spawn;
use actix_web::rt::task::yield_now;
use authgate_core::db::{Store, Tx};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::time::Instant;

use crate::util::process::{self, Process};
use crate::util::{PASSWORD, Registered, TestApp};

/// Requests that wait for the writer: some commits' worth, from few enough connections for any limit of files.
const WAITING: usize = 300;
/// Requests whose refusal is timed.
const PROBES: usize = 100;
/// Only a server that hangs takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection that stays.
struct Connection(TcpStream);

impl Connection {
    fn to(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    /// A token request of this client.
    fn ask(&mut self, machine: &Registered) {
        let form = "grant_type=client_credentials";
        let secret = machine.secret.as_ref().unwrap().expose();
        let authorization = STANDARD.encode(format!("{}:{secret}", machine.id));
        let request = format!(
            "POST /oauth/token HTTP/1.1\r\nhost: a\r\nauthorization: Basic {authorization}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            form.len()
        );
        self.0.write_all(request.as_bytes()).unwrap();
    }

    /// The answer, head and body; `None` if there is none within `patience`.
    fn answer(&mut self, patience: Duration) -> Option<String> {
        self.0.set_read_timeout(Some(patience)).unwrap();
        let (mut answer, mut part) = (Vec::new(), [0; 4096]);
        while !answer.ends_with(b"}") {
            match self.0.read(&mut part) {
                Ok(read @ 1..) => answer.extend_from_slice(&part[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock && answer.is_empty() => return None,
                other => panic!("{other:?} after {}", String::from_utf8_lossy(&answer)),
            }
        }
        Some(String::from_utf8(answer).unwrap())
    }

    /// True for a token, false for a refusal as one is that may be repeated; nothing else is answered.
    fn is_served(&mut self) -> bool {
        let answer = self.answer(PATIENCE).unwrap();
        let (status, words) = if answer.starts_with("HTTP/1.1 200 ") {
            (true, [r#""access_token":"#, "cache-control: no-store\r\n"])
        } else {
            (false, [r#""error":"temporarily_unavailable""#, "retry-after: 1\r\n"])
        };
        assert!(words.iter().all(|words| answer.contains(words)), "{answer}");
        status
    }
}

/// Kilobytes of a line of a process's status, such as `VmRSS`.
fn memory(process: &Process, line: &str) -> i64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|found| found.strip_prefix(line)).unwrap();
    line.trim_matches([':', ' ', '\t', 'k', 'B']).parse().unwrap()
}

#[test]
fn adv_15_what_would_wait_too_long_for_the_writer_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[("ENABLE_RATE_LIMIT", "false")]);
    let machine = process::client(process::program(folder.path()), &["client_credentials"]);
    let store = Store::sqlite(&folder.path().join("data/authgate.db"), 1).unwrap();
    let mut waiting: Vec<_> = (0..WAITING).map(|_| Connection::to(server.addr)).collect();
    let mut other = Connection::to(server.addr);
    other.ask(&machine);
    assert!(other.is_served());
    let asked = Instant::now();
    other.ask(&machine);
    assert!(other.is_served());
    let usual = asked.elapsed();
    let mut grown = Vec::new();
    let before = memory(&server, "VmRSS");
    for _ in 0..4 {
        // Another process writes and does not end: nothing can be committed.
        let mut refusals = store
            .write(|_| {
                for connection in &mut waiting {
                    connection.ask(&machine);
                }
                // Who comes soon enough waits too.
                let mut probe = loop {
                    let mut probe = Connection::to(server.addr);
                    probe.ask(&machine);
                    if probe.answer(Duration::from_millis(100)).is_some() {
                        break probe;
                    }
                };
                let mut timed = Vec::new();
                for _ in 0..PROBES {
                    let asked = Instant::now();
                    probe.ask(&machine);
                    assert!(!probe.is_served());
                    timed.push(asked.elapsed());
                }
                Ok(timed)
            })
            .unwrap();
        refusals.sort();
        // The tenth part, and against what a token takes when nothing is wrong, since others may have the processors.
        assert!(refusals[PROBES / 10] < Duration::from_millis(50).max(2 * usual), "{usual:?}: {refusals:?}");
        // What was taken is done, and nobody else is refused any more.
        let tokens = waiting.iter_mut().map(Connection::is_served).filter(|served| *served).count();
        assert!(tokens >= 64, "{tokens}");
        other.ask(&machine);
        assert!(other.is_served());
        grown.push(memory(&server, "VmRSS") - before);
    }
    let peak = memory(&server, "VmHWM") - before;
    assert!(peak < 64 * 1024, "{peak} kB at the most, {grown:?} after each time");
    assert!(grown[3] - grown[0] < 8 * 1024, "each time adds to it: {grown:?} kB");
}

#[test]
fn adv_15_ten_times_what_it_can_bear_is_answered_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[("ENABLE_RATE_LIMIT", "false")]);
    let machine = process::client(process::program(folder.path()), &["client_credentials"]);
    let store = Store::sqlite(&folder.path().join("data/authgate.db"), 1).unwrap();
    thread::scope(|threads| {
        let (reports, answered) = mpsc::channel();
        for _ in 0..64 {
            let (reports, machine, addr) = (reports.clone(), &machine, server.addr);
            threads.spawn(move || {
                // Ten requests on their way at any time, so ten commits' worth for the server.
                let mut connections: Vec<_> = (0..10).map(|_| Connection::to(addr)).collect();
                loop {
                    for connection in &mut connections {
                        connection.ask(machine);
                    }
                    for connection in &mut connections {
                        if reports.send(connection.is_served()).is_err() {
                            return;
                        }
                    }
                }
            });
        }
        drop(reports);
        let wait_for = |is_served: bool, count: usize| {
            let counted = answered.iter().filter(|served| *served == is_served).take(count).count();
            assert_eq!(counted, count, "the clients are gone");
        };
        for _ in 0..3 {
            let refusals = |_: &mut Tx<'_>| {
                wait_for(false, 200);
                Ok(())
            };
            store.write(refusals).unwrap();
            wait_for(true, 1000);
        }
        drop(answered);
    });
    let mut after = Connection::to(server.addr);
    after.ask(&machine);
    assert!(after.is_served());
}

/// Threads that hash passwords in each server.
fn hashers() -> usize {
    (thread::available_parallelism().unwrap().get() / 2).clamp(1, 4)
}

#[actix_web::test]
async fn a_storm_of_logins_is_refused_beyond_its_queue_and_clients_get_their_tokens() {
    let (app, anon) = TestApp::init().with("LOGIN_RATE_LIMIT", "1000000").start();
    let machine = app.machine("read", &[]).await;
    let (release, held) = mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    let mut logins = Vec::new();
    while logins.len() < hashers() + 128 {
        let (server, held) = (Arc::clone(&app.app), Arc::clone(&held));
        let wait = move || held.lock().unwrap().recv().unwrap_err();
        let login = spawn(async move { server.hasher.run(wait).await });
        yield_now().await;
        // It was refused: no thread has taken the first from the queue yet.
        if !login.is_finished() {
            logins.push(login);
        }
    }
    for _ in 0..32 {
        let reply = anon.sign_in("admin", PASSWORD).await;
        reply.is_page(503).says("Back in a moment");
        assert_eq!(reply.header("retry-after"), Some("1"));
        machine.token(&anon, &[("grant_type", "client_credentials")]).await.ok();
    }
    drop(release);
    for login in logins {
        assert_eq!(login.await.unwrap(), Ok(mpsc::RecvError));
    }
    assert!(matches!(anon.sign_in("admin", PASSWORD).await.status, 302 | 303));
}

/// How nice the threads of this name are (`proc_pid_stat(5)`), and all others.
fn niceness(process: &Process, of: &str) -> (Vec<i32>, Vec<i32>) {
    let (mut named, mut others) = (Vec::new(), Vec::new());
    for task in fs::read_dir(format!("/proc/{}/task", process.id())).unwrap() {
        let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
        // The name stands in brackets and is the second field; niceness is the 19th.
        let (name, rest) = stat.split_once(" (").unwrap().1.rsplit_once(") ").unwrap();
        let nice = rest.split(' ').nth(16).unwrap().parse().unwrap();
        if name == of { &mut named } else { &mut others }.push(nice);
    }
    (named, others)
}

#[test]
fn passwords_are_hashed_by_few_threads_at_low_priority() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[]);
    let usual = niceness(&server, "authgate").0[0];
    let begun = Instant::now();
    // A thread lowers its priority when it first runs.
    while niceness(&server, "password").0 != vec![(usual + 10).min(19); hashers()] {
        assert!(begun.elapsed() < PATIENCE, "{:?}", niceness(&server, "password"));
    }
    let (_, others) = niceness(&server, "password");
    assert!(others.iter().all(|nice| *nice == usual), "{others:?}");
}
