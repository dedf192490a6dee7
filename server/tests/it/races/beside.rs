//! An installation with the server as a process of its own, and commands beside it.

use std::process::Child;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::util::process::{self, Process};
use crate::util::{Client, Registered};

const PASSWORD: &str = "correct horse battery";
/// What the server starts with: everything comes from one address here, and a busy machine takes its time.
const SETTINGS: [(&str, &str); 3] =
    [("DEFAULT_ADMIN_PASSWORD", PASSWORD), ("ENABLE_RATE_LIMIT", "false"), ("REFRESH_RETRY_WINDOW", "120s")];

pub struct Installed {
    folder: TempDir,
    process: Process,
}

impl Installed {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let process = Process::start(folder.path(), &SETTINGS);
        Self { folder, process }
    }

    /// Asks the server to stop, and starts it again when it has.
    pub fn restart(&mut self) {
        self.process.signal(Signal::TERM);
        assert_eq!(self.process.code(), Some(0));
        self.process = Process::start(self.folder.path(), &SETTINGS);
    }

    pub fn client(&self) -> Client {
        self.process.client()
    }

    /// Begins a command, which reads `stdin`.
    fn begin(&self, args: &[&str], stdin: &str) -> Child {
        process::begin(process::program(self.folder.path()).args(args), stdin)
    }

    /// The JSON of a command that succeeds.
    pub fn command(&self, args: &[&str], stdin: &str) -> Value {
        let output = self.begin(&[args, &["--json"]].concat(), stdin).wait_with_output().unwrap();
        assert!(output.status.success(), "{args:?} {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The same while the server is talked to.
    pub async fn command_beside(&self, args: &[&str], stdin: &str) {
        let child = self.begin(args, stdin);
        let output = actix_web::web::block(|| child.wait_with_output()).await.unwrap().unwrap();
        assert!(output.status.success(), "{args:?} {}", String::from_utf8_lossy(&output.stderr));
    }

    /// A confidential client with these grants.
    pub fn register(&self, grants: &[&str]) -> Registered {
        process::client(process::program(self.folder.path()), grants)
    }

    /// A new user, and a browser in which they are signed in.
    pub async fn person(&self, name: &str) -> Client {
        self.command(&["user", "create", "--username", name, "--password-stdin"], PASSWORD);
        self.browser_of(name).await
    }

    pub async fn browser_of(&self, name: &str) -> Client {
        let browser = self.client();
        let reply = browser.sign_in(name, PASSWORD).await;
        assert_eq!(reply.status, 303, "{}", reply.text());
        browser
    }
}
