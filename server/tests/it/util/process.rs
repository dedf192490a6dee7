//! The built program, serving.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use authgate_core::secret::Secret;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{CALLBACK, Client, Registered};

/// A server process that is killed with the test.
pub struct Process {
    child: Child,
    /// What it printed until it was ready.
    pub printed: String,
    /// Where it listens.
    pub addr: SocketAddr,
}

impl Process {
    /// Starts it with its data in `folder` and nothing in its environment but `env`, and waits until it is ready.
    pub fn start(folder: &Path, env: &[(&str, &str)]) -> Self {
        Self::logging(folder, env, Stdio::null())
    }

    /// The same where its stderr goes to `log`.
    pub fn logging(folder: &Path, env: &[(&str, &str)], log: impl Into<Stdio>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_authgate"));
        command.arg("serve").current_dir(folder).env_clear().stderr(log);
        Self::ready(command.env("SERVER_ADDR", "127.0.0.1:0").envs(env.iter().copied()))
    }

    /// Starts a command that ends up as the server, and waits until it is ready.
    pub fn spawn(command: &mut Command) -> Self {
        Self::ready(command.stderr(Stdio::null()))
    }

    /// The same where it says itself where its stderr goes.
    pub fn with_log(command: &mut Command) -> Self {
        Self::ready(command)
    }

    fn ready(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let printed = lines.by_ref().take_while(|line| !line.contains("verification_uri_complete"));
        let printed = printed.collect::<Vec<_>>().join("\n");
        let addr = printed.split("listening on ").nth(1).and_then(|rest| rest.split(')').next());
        let addr =
            addr.and_then(|addr| addr.parse().ok()).unwrap_or_else(|| panic!("no address in {printed}"));
        Self { child, printed, addr }
    }

    /// A client without cookies.
    pub fn client(&self) -> Client {
        Client::new(self.addr)
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The code it ends with, once it has; none if a signal ended it.
    pub fn code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

/// The built program, to be run where its data are in `folder`, with nothing in its environment.
pub fn program(folder: &Path) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_authgate"));
    program.current_dir(folder).env_clear();
    program
}

/// Begins it, with something to read.
pub fn begin(program: &mut Command, stdin: &str) -> Child {
    let piped = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // A command that does not read closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child
}

/// The JSON that it prints.
pub fn json(program: &mut Command) -> Value {
    let done = program.output().unwrap();
    assert!(done.status.success(), "{program:?}: {}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap_or_else(|error| panic!("{program:?}: {error}"))
}

/// A confidential client made by the program, with these grants.
pub fn client(mut program: Command, grants: &[&str]) -> Registered {
    program.args(["client", "create", "--json", "--name", "Client", "--scope", "openid read offline_access"]);
    program.args(grants.iter().flat_map(|grant| ["--grant", grant]));
    if grants.contains(&"authorization_code") {
        program.args(["--redirect-uri", CALLBACK]);
    }
    let made = json(&mut program);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    Registered { id: text("client_id"), secret: Some(Secret::new(text("client_secret"))) }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
