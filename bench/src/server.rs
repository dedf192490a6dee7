//! The program that is measured: started on a folder of its own, with a client and a person, and read from `/proc`.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::connection::{Connection, Failure, form};
use crate::limits;

const PASSWORD: &str = "correct horse battery staple";
/// Where codes are sent; nobody is there.
pub const CALLBACK: &str = "https://app.example.com/callback";
/// Limits stay on and never bite.
const UNLIMITED: [(&str, &str); 5] = [
    ("LOGIN_RATE_LIMIT", "1000000"),
    ("TOKEN_CLIENT_RATE_LIMIT", "1000000000"),
    ("INTROSPECT_CLIENT_RATE_LIMIT", "1000000000"),
    ("DEVICE_CODE_RATE_LIMIT", "1000000"),
    ("DEVICE_VERIFY_RATE_LIMIT", "1000000"),
];

/// A folder with a database in which there are a client and a person.
pub struct Installation {
    program: PathBuf,
    folder: TempDir,
    /// The client: confidential, of the first party, all grants.
    pub client: (String, String),
}

/// A running server.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub addr: SocketAddr,
    /// From its start to the first answer.
    pub started_in: Duration,
}

impl Installation {
    /// Makes one in a fresh folder.
    pub fn make(program: &Path) -> Result<Self, Failure> {
        let program = program.canonicalize().map_err(|error| format!("{}: {error}", program.display()))?;
        let folder = tempfile::Builder::new().prefix("authgate-bench").tempdir_in(".")?;
        let mut made = Self { program, folder, client: Default::default() };
        made.run(&["migrate"], "")?;
        made.run(&["user", "create", "--username", "bench", "--password-stdin"], PASSWORD)?;
        let client = made.run(
            &[
                "client",
                "create",
                "--json",
                "--name",
                "Bench",
                "--scope",
                "openid read offline_access",
                "--grant",
                "authorization_code",
                "--grant",
                "refresh_token",
                "--grant",
                "device_code",
                "--grant",
                "client_credentials",
                "--redirect-uri",
                CALLBACK,
                "--skip-consent",
                "true",
                "--id-token-alg",
                "ES256",
            ],
            "",
        )?;
        let client: Value = serde_json::from_str(&client)?;
        let text =
            |name: &str| client[name].as_str().map(str::to_owned).ok_or("`client create` printed no id");
        made.client = (text("client_id")?, text("client_secret")?);
        Ok(made)
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.folder.path()).env_clear().envs(UNLIMITED);
        command.env("SERVER_ADDR", "127.0.0.1:0").env("RUST_LOG", "error");
        command
    }

    fn run(&self, arguments: &[&str], stdin: &str) -> Result<String, Failure> {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        child.stdin.take().ok_or("no stdin")?.write_all(stdin.as_bytes())?;
        let done = child.wait_with_output()?;
        if !done.status.success() {
            return Err(format!("authgate {} failed", arguments.join(" ")).into());
        }
        Ok(String::from_utf8(done.stdout)?)
    }

    /// Adds rows of tokens that were issued before: two of three to the client itself, the others from grants of people.
    pub fn add_rows(&self, rows: usize) -> Result<(), Failure> {
        let database = rusqlite::Connection::open(self.folder.path().join("data/authgate.db"))?;
        database.execute(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1) \
             INSERT INTO tokens (jti, family_id, client_id, user_id, scope, audience, client_epoch, issued_at, expires_at, \
             status) SELECT printf('01900000-0000-7000-8000-%012x', n), \
             CASE WHEN n % 3 = 0 THEN printf('01900000-0000-7000-9000-%012x', n / 6) END, ?2, \
             CASE WHEN n % 3 = 0 THEN '01900000-0000-7000-a000-000000000000' END, 'read', '[]', 1, 1700000000, \
             4000000000, 'active' FROM n",
            (i64::try_from(rows)?, &self.client.0),
        )?;
        Ok(())
    }

    /// Starts the server with these settings.
    pub async fn serve(&self, settings: &[(&str, &str)]) -> Result<Server, Failure> {
        let begun = Instant::now();
        let mut command = self.command(&["serve"]);
        command.envs(settings.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = Server::spawn(&mut command)?;
        let mut first = Connection::open(server.addr).await?;
        first.get("/readyz", "").await?;
        first.expect(200)?;
        server.started_in = begun.elapsed();
        Ok(server)
    }
}

impl Server {
    /// Starts a process that says on its standard output where it listens.
    pub fn spawn(command: &mut Command) -> Result<Self, Failure> {
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().ok_or("no stdout")?;
        let mut lines = BufReader::new(stdout).lines();
        let addr = loop {
            let line = lines.next().ok_or("the server ended before it listened")??;
            if let Some(addr) = limits::address(&line) {
                break addr;
            }
        };
        // What it prints later must go somewhere, or it would wait for room in the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, addr, started_in: Duration::ZERO })
    }

    /// Processor time that it has used so far.
    pub fn cpu(&self) -> Result<Duration, Failure> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        // USER_HZ is 100 on every Linux there is.
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Memory it holds now and held at most, in MiB.
    pub fn memory(&self) -> Result<(u64, u64), Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kib = |name: &str| -> Result<u64, Failure> {
            let line = status.lines().find(|line| line.starts_with(name)).ok_or("no such line in status")?;
            Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse()?)
        };
        Ok((kib("VmRSS:")? / 1024, kib("VmHWM:")? / 1024))
    }

    /// Signs the person in; the header lines of her browser.
    pub async fn sign_in(&self) -> Result<String, Failure> {
        let mut browser = Connection::open(self.addr).await?;
        Self::log_in(&mut browser).await?;
        Ok(cookies(&browser.cookies))
    }

    /// Sends the login form.
    pub async fn log_in(browser: &mut Connection) -> Result<(), Failure> {
        let login = form(&[("username", "bench"), ("password", PASSWORD)]);
        browser.post("/login", "origin: http://localhost:8080\r\n", &login).await?;
        // Older builds, to which this one may be compared, redirected with 302.
        browser.expect(303).or_else(|_| browser.expect(302))
    }

    /// Stops it as an operator does.
    pub fn stop(mut self) -> Result<(), Failure> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM)?;
        if self.child.wait()?.success() { Ok(()) } else { Err("the server did not end well".into()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A failed run leaves no server behind; one that has ended cannot be killed, which is as well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The form's token in a page.
pub fn csrf(page: &str) -> Result<String, Failure> {
    let rest = page.split("name=\"csrf_token\"").nth(1).ok_or_else(|| format!("no csrf_token in {page}"))?;
    let value = rest
        .split("value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .ok_or("a token without value")?;
    Ok(value.to_owned())
}

/// What a browser sends back.
fn cookies(pairs: &[String]) -> String {
    format!("cookie: {}\r\n", pairs.join("; "))
}
