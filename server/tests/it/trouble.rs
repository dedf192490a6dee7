//! What goes wrong around a server: its clock, its disk, its files. It says so, goes on where it can, and loses nothing.

use std::fs;
use std::process::{Command, Stdio};

use authgate_core::audit;
use serde_json::Value;

use crate::util::process::Process;
use crate::util::{DEVICE_GRANT, PASSWORD, TestApp};
use authgate_core::client::{ClientType, Grant};

const YEARS: i64 = 10 * 365 * 86_400;

#[actix_web::test]
async fn a_clock_that_jumps_ends_nothing_but_what_is_over() {
    let (app, anon, _) = TestApp::init().with("LOGIN_RATE_LIMIT", "2").with_user("alice").await;
    let machine = app.machine("read", &[]).await;
    let tv = app.client_of(ClientType::Confidential, |spec| spec.grants.push(Grant::Device)).await;
    let grant = [("grant_type", "client_credentials")];
    for jump in [YEARS, -YEARS, -3600, 7200] {
        let before = machine.token(&anon, &grant).await.member("access_token");
        let device = tv.device(&anon, &[("scope", "read")]).await;
        for _ in 0..3 {
            anon.sign_in("alice", "wrong").await;
        }
        assert_eq!(anon.sign_in("alice", PASSWORD).await.status, 429, "{jump}");
        app.clock.advance(jump);
        // Nobody is locked out until the clock is where it was.
        let alice = app.client();
        assert_eq!(alice.sign_in("alice", PASSWORD).await.status, 303, "{jump}");
        assert_eq!(anon.get("/readyz").send().await.status, 200, "{jump}");
        let token = machine.token(&anon, &grant).await.member("access_token");
        assert_eq!(machine.introspect(&anon, &[("token", &token)]).await["active"], true, "{jump}");
        let is_alive = machine.introspect(&anon, &[("token", &before)]).await["active"] == true;
        assert_eq!(is_alive, jump < 0, "{jump}: what was over by then is over");
        // A device is never told to wait for a time that has passed.
        for _ in 0..20 {
            app.clock.advance(5);
            tv.poll(&anon, &device).await;
        }
        app.clock.advance(600);
        let polled =
            tv.token(&anon, &[("grant_type", DEVICE_GRANT), ("device_code", &device.device_code)]).await;
        let expected = if jump > 0 { "expired_token" } else { "authorization_pending" };
        assert_eq!(polled.error(), expected, "{jump}");
    }
    app.trail().await;
    let (_, verdict) = app.app.read(|tx| audit::verify(tx, &[])).await.unwrap();
    assert!(verdict.problems.is_empty(), "{:?}", verdict.problems);
}

#[actix_web::test]
async fn a_full_disk_refuses_what_it_cannot_keep_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_authgate"))
            .args(args)
            .current_dir(folder.path())
            .env_clear()
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice::<Value>(&done.stdout).unwrap_or_default()
    };
    // The first start makes what a server needs.
    drop(Process::start(folder.path(), &[("DEFAULT_ADMIN_PASSWORD", PASSWORD)]));
    let made = run(&[
        "client",
        "create",
        "--json",
        "--name",
        "M",
        "--scope",
        "read",
        "--grant",
        "client_credentials",
    ]);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let (id, secret) = (text("client_id"), text("client_secret"));
    // No file may grow beyond 2 MiB: the database's log reaches that soon.
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 4096; exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_authgate"),
            "serve",
        ])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("SERVER_ADDR", "127.0.0.1:0")
        .env("DEFAULT_ADMIN_PASSWORD", PASSWORD)
        .stderr(Stdio::from(log));
    let server = Process::with_log(&mut command);
    let anon = server.client();
    let grant = [("grant_type", "client_credentials")];
    let mut tokens = Vec::new();
    let refused = loop {
        let reply = anon.post("/oauth/token").basic(&id, &secret).form(&grant).send().await;
        if reply.status != 200 {
            break reply;
        }
        tokens.push(reply.member("access_token"));
        assert!(tokens.len() < 20_000, "the disk does not fill");
    };
    refused.is_error(503, "temporarily_unavailable");
    let newest = tokens.last().unwrap().clone();
    let live = anon.get("/oauth/tokeninfo").bearer(&newest).send().await;
    assert_eq!(live.status, 200, "what only reads goes on: {}", live.text());
    drop(server);
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("a commit failed") && log.contains("disk"), "{log}");

    let server = Process::start(folder.path(), &[("DEFAULT_ADMIN_PASSWORD", PASSWORD)]);
    let anon = server.client();
    for token in [&tokens[0], &tokens[tokens.len() / 2], &newest] {
        assert_eq!(anon.status_with("/oauth/tokeninfo", token).await, 200, "it was given out");
    }
    anon.post("/oauth/token").basic(&id, &secret).form(&grant).send().await.ok();
    drop(server);
    run(&["audit", "verify", "--json"]);
}

#[actix_web::test]
async fn a_disk_that_was_full_for_a_moment_is_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_authgate"), "serve"])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("SERVER_ADDR", "127.0.0.1:0")
        .env("DEFAULT_ADMIN_PASSWORD", PASSWORD)
        .env("LOGIN_RATE_LIMIT", "1000000");
    let server = Process::spawn(&mut command);
    let files_may_have = |bytes: &str| {
        let process = format!("--pid={}", server.id());
        let limit = format!("--fsize={bytes}:");
        assert!(Command::new("prlimit").args([process, limit]).status().unwrap().success());
    };
    let anon = server.client();
    let guess = async || anon.sign_in("nobody", "wrong").await.status;
    assert_eq!(guess().await, 401);
    files_may_have("1000");
    assert_eq!(guess().await, 503, "what cannot be written down is refused");
    assert_eq!(guess().await, 503);
    files_may_have("unlimited");
    assert_eq!(guess().await, 401);
    server.signal(rustix::process::Signal::TERM);
    let mut server = server;
    assert_eq!(server.code(), Some(0), "and everything comes to the database");
    let listed = Command::new(env!("CARGO_BIN_EXE_authgate"))
        .args(["audit", "list", "--json", "--type", "AUTHENTICATION_FAILURE"])
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap();
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let count = listed.as_array().unwrap().len();
    assert!(
        (2..=4).contains(&count),
        "those that were answered, and perhaps those that were refused: {count}"
    );
}

#[test]
fn files_that_cannot_be_used_are_named() {
    for (name, content, expected) in [
        (
            "data/authgate.db",
            Some(
                "not a database, but as long as the head of one would have to be, which it is not".repeat(4),
            ),
            "authgate.db",
        ),
        ("data/audit-spool", Some("a file".to_owned()), "audit-spool"),
        ("data/master.key", Some("no key".to_owned()), "master.key"),
        ("data/authgate.db", None, "authgate.db"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match &content {
            Some(text) => fs::write(&path, text).unwrap(),
            None => fs::create_dir(&path).unwrap(),
        }
        let done = Command::new(env!("CARGO_BIN_EXE_authgate"))
            .arg("serve")
            .current_dir(folder.path())
            .env_clear()
            .env("SERVER_ADDR", "127.0.0.1:0")
            .output()
            .unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{name}: {said}");
        assert!(said.contains(expected), "{name}: {said}");
        assert_eq!(content, fs::read_to_string(&path).ok(), "{name} is left as it is");
    }
}
