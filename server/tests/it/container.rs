//! The image cannot be built where these tests run, so its parts are tested: the Dockerfile's user, environment and command,
//! in a root that has nothing but the program and libraries and cannot be written to, with the chart's settings.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::util::process::Process;

/// What the Dockerfile's last stage says.
struct Image {
    env: BTreeMap<String, String>,
    user: String,
    command: Vec<String>,
    check: Vec<String>,
    volume: Vec<String>,
    folder: String,
}

impl Image {
    fn read() -> Self {
        let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Dockerfile")).unwrap();
        let stage = text.rsplit("\nFROM ").next().unwrap();
        let all = |name: &'static str| {
            stage.lines().filter_map(move |line| line.strip_prefix(name)?.strip_prefix(' '))
        };
        let one = |name: &'static str| {
            let mut found = all(name);
            let value = found.next().unwrap_or_else(|| panic!("no {name}"));
            assert!(found.next().is_none(), "{name} stands twice");
            value.to_owned()
        };
        let list = |text: &str| serde_json::from_str::<Vec<String>>(text).unwrap();
        let env = all("ENV").flat_map(str::split_whitespace).map(|pair| pair.split_once('=').unwrap());
        Self {
            env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            user: one("USER"),
            command: list(&one("CMD")),
            check: list(one("HEALTHCHECK").split_once("CMD ").unwrap().1),
            volume: list(&one("VOLUME")),
            folder: one("WORKDIR"),
        }
    }
}

/// A tree like the image's, mounted for one process and what it starts: nothing can be written but /tmp and the volume.
const ROOT: &str = r#"
set -eu
root=$1 program=$2; shift 2
mount -t tmpfs -o mode=0755 root "$root"
mkdir -p "$root/bin" "$root/app/data" "$root/tmp" "$root/proc"
for folder in /lib /lib64 /usr /etc/ssl; do
  if [ -d "$folder" ]; then mkdir -p "$root$folder"; mount --bind "$folder" "$root$folder"; fi
done
touch "$root/bin/authgate"
mount --bind "$program" "$root/bin/authgate"
chown 1000:1000 "$root/app"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
mount -t tmpfs -o mode=0700,uid=1000,gid=1000 data "$root/app/data"
mount --rbind /proc "$root/proc"
mount -o remount,ro,mode=0755 root "$root"
cd "$root"
exec "$@"
"#;

/// A container, as far as a process can be one.
struct Container {
    image: Image,
    root: TempDir,
    process: Process,
}

impl Container {
    fn run(chart: &[(&str, &str)]) -> Self {
        let (image, root) = (Image::read(), tempfile::tempdir().unwrap());
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "--", "sh", "-c", ROOT, "sh"]);
        command.arg(root.path()).arg(env!("CARGO_BIN_EXE_authgate"));
        // In the container nobody has a capability, and nobody gets one.
        command.args(["setpriv", "--no-new-privs", "--bounding-set=-all,+sys_chroot,+setuid,+setgid", "--"]);
        command.arg("chroot").arg(format!("--userspec={}", image.user)).arg("--groups=").arg(root.path());
        command.args(["/usr/bin/env", "-C", &image.folder]);
        command.args(&image.command).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.envs(&image.env).envs(chart.iter().copied()).env("SERVER_ADDR", "127.0.0.1:0");
        let process = Process::spawn(&mut command);
        Self { image, root, process }
    }

    /// A path in the container, as it is seen from outside.
    fn at(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.process.id()))
    }

    fn check(&self, addr: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_authgate"));
        command.args(&self.image.check[1..]).current_dir(self.root.path()).env_clear();
        command.envs(&self.image.env).env("SERVER_ADDR", addr).output().unwrap()
    }
}

#[test]
fn d42_it_runs_as_the_image_and_the_chart_run_it() {
    for chart in [
        &[][..],
        &[
            ("BASE_URL", "https://id.example.com"),
            ("DATABASE_DRIVER", "sqlite"),
            ("DATABASE_DSN", "/app/data/oauth.db"),
            ("ENVIRONMENT", "production"),
            ("JWT_EXPIRATION", "1h"),
            ("RATE_LIMIT_STORE", "memory"),
            ("SERVER_SHUTDOWN_TIMEOUT", "5s"),
        ],
    ] {
        let mut container = Container::run(chart);
        let status = fs::read_to_string(format!("/proc/{}/status", container.process.id())).unwrap();
        for expected in ["Uid:\t1000\t1000\t1000\t1000", "Gid:\t1000\t1000\t1000\t1000", "NoNewPrivs:\t1"] {
            assert!(status.contains(expected), "{expected} in {status}");
        }
        for capabilities in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
            assert!(status.contains(&format!("{capabilities}:\t0000000000000000")), "{status}");
        }
        assert_eq!(container.image.volume, ["/app/data"]);
        let mut names: Vec<_> = fs::read_dir(container.at("/app/data"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let files = ["authgate-credentials.txt", "master.key", "oauth.db", "oauth.db-shm", "oauth.db-wal"];
        let expected: Vec<_> = ["audit-spool"].into_iter().chain(files).collect();
        assert_eq!(names, expected, "all it keeps lies in the volume");
        for name in expected {
            let metadata = fs::metadata(container.at("/app/data").join(name)).unwrap();
            let mode = if metadata.is_dir() { 0o700 } else { 0o600 };
            assert_eq!((metadata.uid(), metadata.mode() & 0o777), (1000, mode), "{name}");
        }
        assert!(fs::write(container.at("/app/x"), "").is_err() && fs::write(container.at("/x"), "").is_err());

        let addr = container.process.addr.to_string();
        let checked = container.check(&addr);
        assert_eq!(checked.status.code(), Some(0), "{checked:?}");
        let asked = Instant::now();
        container.process.signal(Signal::TERM);
        assert_eq!(container.process.code(), Some(0));
        assert!(asked.elapsed() < Duration::from_secs(30), "the chart's grace");
        let checked = container.check(&addr);
        assert_eq!(checked.status.code(), Some(1), "{checked:?}");
    }
}

#[test]
fn the_image_says_what_clients_of_the_reference_expect() {
    let image = Image::read();
    assert_eq!(image.command, ["/bin/authgate", "server"]);
    assert_eq!(image.check, ["/bin/authgate", "healthcheck"]);
    assert_eq!((image.user.as_str(), image.folder.as_str()), ("1000:1000", "/app"));
    assert_eq!(image.env["DATABASE_PATH"], "/app/data/oauth.db");
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Dockerfile")).unwrap();
    assert!(text.lines().any(|line| line == "EXPOSE 8080"));
    // The compiler is the one that everything else is built and tested with.
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let toolchain = fs::read_to_string(root.join("rust-toolchain.toml")).unwrap();
    let version =
        toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap().trim_matches('"');
    assert!(text.contains(&format!("\nFROM rust:{version}-")), "{version}");
}

/// A certificate's key pair in the environment of a server and its check.
fn tls() -> [(&'static str, &'static str); 2] {
    [
        ("TLS_CERT_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tls/cert.pem")),
        ("TLS_KEY_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tls/key.pem")),
    ]
}

fn healthcheck(args: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_authgate"));
    command.args([&["healthcheck", "--json"], args].concat()).current_dir(folder.path()).env_clear();
    let said = command.envs(env.iter().copied()).output().unwrap();
    (said.status.code(), String::from_utf8([said.stdout, said.stderr].concat()).unwrap())
}

#[test]
fn a_health_check_knows_the_address_and_tls() {
    for env in [&[][..], &tls()] {
        let folder = tempfile::tempdir().unwrap();
        let process = Process::start(folder.path(), env);
        // Who listens everywhere is asked on loopback.
        let addr = format!(":{}", process.addr.port());
        let env = [env, &[("SERVER_ADDR", addr.as_str())]].concat();
        let (code, said) = healthcheck(&[], &env);
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["status"], "healthy");
        let scheme = if env.len() > 1 { "https" } else { "http" };
        let (code, said) = healthcheck(&[&format!("{scheme}://{}/nowhere", process.addr)], &[]);
        assert_eq!(code, Some(1), "{said}");
    }
}

#[test]
fn a_health_check_believes_a_stranger_only_with_a_known_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &tls());
    let url = format!("https://localhost:{}/health", process.addr.port());
    let ca = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tls/ca.pem");
    let (code, said) = healthcheck(&[&url], &[("SSL_CERT_FILE", ca)]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(healthcheck(&[&url], &[]).0, Some(1));
}

#[test]
fn a_server_that_is_unwell_or_does_not_answer_is_unhealthy() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/health", listener.local_addr().unwrap());
    let unwell = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 5\r\n\r\nsorry").unwrap();
        listener
    });
    let (code, said) = healthcheck(&[&url], &[]);
    assert!(code == Some(1) && said.contains("503") && said.contains("sorry"), "{said}");
    // It listens on, and nobody answers.
    let silent = unwell.join().unwrap();
    let (code, said) = healthcheck(&[&url], &[]);
    assert!(code == Some(1) && said.to_lowercase().contains("timeout"), "{said}");
    drop(silent);
}
