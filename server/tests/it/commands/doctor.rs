//! `authgate doctor`: each finding provoked once.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::thread;

use actix_web::http::header::HttpDate;
use authgate_core::context::{Clock as _, SystemClock};
use authgate_core::db::Store;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

use super::Place;
use crate::util::process::Process;

/// What one run found.
struct Found(Value);

impl Place {
    fn doctor(&self) -> Found {
        self.doctor_with(&[])
    }

    fn doctor_with(&self, env: &[(&str, &str)]) -> Found {
        let done = self.doctor_command(env).output().unwrap();
        read(&done)
    }

    fn doctor_command(&self, env: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_authgate"));
        command.args(["doctor", "--json"]).current_dir(self.folder.path()).env_clear();
        command.envs(self.env.iter().map(|(name, value)| (name, value))).envs(env.iter().copied());
        command
    }
}

fn read(done: &Output) -> Found {
    assert_eq!(String::from_utf8_lossy(&done.stderr), "");
    let found = Found(serde_json::from_slice(&done.stdout).unwrap());
    let code = i32::from(found.has_problems());
    assert_eq!(done.status.code(), Some(code), "the status says whether there is a problem");
    found
}

impl Found {
    fn has_problems(&self) -> bool {
        self.all().iter().any(|finding| finding["level"] == "problem")
    }

    fn all(&self) -> &[Value] {
        self.0.as_array().unwrap()
    }

    /// The one finding with these words, which says what to do unless all is well.
    fn says(&self, level: &str, about: &str, words: &str) -> &Self {
        let of = |finding: &&Value| {
            finding["about"] == about && finding["found"].as_str().unwrap().contains(words)
        };
        let found: Vec<_> = self.all().iter().filter(of).collect();
        assert_eq!(found.len(), 1, "{words} in {:#}", self.0);
        assert_eq!(found[0]["level"], level, "{}", found[0]);
        assert_eq!(found[0]["do"] == "", level == "ok", "{}", found[0]);
        self
    }
}

/// A place with a database and keys, and no server.
fn used() -> Place {
    let place = Place::migrated();
    place.prints(&["key", "list"]);
    place
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_sound_server_has_no_problem() {
    let (place, port) = (Place::empty(), free_port());
    let (url, addr) = (format!("http://localhost:{port}"), format!("127.0.0.1:{port}"));
    let env = [("BASE_URL", url.as_str()), ("SERVER_ADDR", addr.as_str())];
    let _process = Process::start(place.folder.path(), &env);
    let found = place.doctor_with(&env);
    assert!(!found.has_problems(), "{:#}", found.0);
    found
        .says("ok", "configuration", "valid")
        .says("warning", "files", "authgate-credentials.txt is still there")
        .says("ok", "files", "master.key")
        .says("ok", "database", "is sound")
        .says("ok", "keys", "the master key fits")
        .says("ok", "issuer", "byte for byte")
        .says("ok", "clock", "0 s apart")
        .says("ok", "key set", "the 2 published keys are those of the database")
        .says("ok", "address", "sees this machine as 127.0.0.1");
    // What people read has what was found and, where something is to do, what.
    let text = Command::new(env!("CARGO_BIN_EXE_authgate"))
        .arg("doctor")
        .current_dir(place.folder.path())
        .env_clear()
        .envs(env)
        .output()
        .unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("ok       issuer        http://localhost:"), "{text}");
    assert!(text.contains("\n                       -> keep the password"), "{text}");
    assert!(text.contains("looked at: 0 problems"), "{text}");
}

#[test]
fn settings_that_are_wrong_or_weak() {
    let place = Place::empty()
        .with("BASE_URL", "ftp://x")
        .with("JWT_SECRET", "hunter2")
        .with("LOGIN_RATE_LIMIT", "x");
    let found = place.doctor();
    found.says("problem", "configuration", "BASE_URL=").says(
        "problem",
        "configuration",
        "LOGIN_RATE_LIMIT=x",
    );
    assert!(!found.0.to_string().contains("hunter2"));
    let found = used().with("ENABLE_RATE_LIMIT", "false").doctor();
    found.says("warning", "configuration", "ENABLE_RATE_LIMIT=false is weaker");
}

#[test]
fn nothing_is_there_yet() {
    let place = Place::empty();
    place.doctor().says("problem", "database", "there is no database").says(
        "warning",
        "disk",
        "is not there",
    );
    assert_eq!(fs::read_dir(place.folder.path()).unwrap().count(), 0, "looking makes nothing");
    let place = Place::migrated();
    place.doctor().says("warning", "keys", "there are none yet");
}

#[test]
fn files_that_others_may_read() {
    let place = used();
    chmod(&place.path("data/authgate.db"), 0o644);
    chmod(&place.path("data/master.key"), 0o640);
    fs::write(place.path("secret"), "0123456789abcdef0123456789abcdef").unwrap();
    chmod(&place.path("secret"), 0o604);
    fs::write(place.path(".env"), "JWT_SECRET=0123456789abcdef0123456789abcdef\n").unwrap();
    chmod(&place.path(".env"), 0o600);
    let found = place.doctor_with(&[("DEFAULT_ADMIN_PASSWORD_FILE", "secret")]);
    found
        .says("problem", "database", "may be used by others on this machine: mode 0644")
        .says("warning", "files", "master.key (the master key) may be used by group")
        .says(
            "problem",
            "files",
            "secret (DEFAULT_ADMIN_PASSWORD_FILE) may be used by everybody on this machine: mode 0604",
        )
        .says("ok", "files", ".env (secrets) is of user");
}

/// Root reads everything, so the command runs as nobody; whoever is not root locks themselves out by the mode.
fn as_somebody_else(place: &Place, env: &[(&str, &str)]) -> Found {
    let mut command = place.doctor_command(env);
    if rustix::process::geteuid().is_root() {
        chmod(place.folder.path(), 0o755);
        command.uid(65534).gid(65534);
    }
    read(&command.output().unwrap())
}

#[test]
fn files_that_the_server_cannot_read_are_named_with_their_owner_and_mode() {
    let place = used();
    chmod(&place.path("data"), 0o755);
    let me = rustix::process::geteuid().as_raw();
    for name in ["data/authgate.db", "data/master.key"] {
        chmod(&place.path(name), 0);
    }
    let found = as_somebody_else(&place, &[]);
    let owner = format!("it is of user {me}, mode 0000: Permission denied");
    found.says("problem", "database", &owner).says("problem", "files", &owner);
    let found = as_somebody_else(&place, &[("MASTER_KEY_FILE", "data/master.key")]);
    found.says("problem", "files", &owner).says(
        "problem",
        "configuration",
        "MASTER_KEY_FILE=data/master.key",
    );
    if me == 0 {
        found.says("problem", "files", "cannot be read by user 65534");
        chown(place.path("data/authgate.db"), Some(65534), Some(65534)).unwrap();
        chmod(&place.path("data/authgate.db"), 0o600);
        as_somebody_else(&place, &[]).says("problem", "disk", "cannot be written to by user 65534");
    }
}

#[test]
fn a_damaged_or_newer_database_and_one_from_the_future() {
    let place = used();
    let database = place.path("data/authgate.db");
    let execute = |sql: &str| Store::sqlite(&database, 1).unwrap().write(|tx| tx.execute(sql, &[])).unwrap();
    execute("INSERT INTO settings (name, value, updated_at) VALUES ('heartbeat', 'stopped', 32503680000)");
    place.doctor().says("problem", "database", "its newest entry is of 3000-01-01T00:00:00Z");
    execute("INSERT INTO migrations (version, name, applied_at) VALUES (99, 'future', 0)");
    place.doctor().says("problem", "database", "schema version 99");
    execute("DELETE FROM migrations WHERE version = 99");
    authgate_core::db::fold(&database).unwrap();
    let mut bytes = fs::read(&database).unwrap();
    let last_page = bytes.len() - 4096;
    bytes[last_page..].fill(0xff);
    fs::write(&database, bytes).unwrap();
    place.doctor().says("problem", "database", "damaged");
    fs::write(&database, "no database at all, but long enough to be taken for one".repeat(100)).unwrap();
    place.doctor().says("problem", "database", "not a database");
}

#[test]
fn keys_that_are_lost_foreign_or_overdue() {
    let place = used();
    let sql = "UPDATE signing_keys SET created_at = 1, activated_at = 1";
    Store::sqlite(&place.path("data/authgate.db"), 1).unwrap().write(|tx| tx.execute(sql, &[])).unwrap();
    place.doctor_with(&[("KEY_ROTATION_INTERVAL", "2160h")]).says(
        "warning",
        "keys",
        "KEY_ROTATION_INTERVAL is 90 days",
    );
    place.doctor().says("ok", "keys", "turned by hand");
    let wrong = [("MASTER_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")];
    place.doctor_with(&wrong).says("problem", "keys", "the master key");
    fs::remove_file(place.path("data/master.key")).unwrap();
    place.doctor().says("problem", "keys", "there is no master key");
}

#[test]
fn an_issuer_that_cannot_be_reached() {
    let place = used();
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let found = place.doctor_with(&[("BASE_URL", &nobody)]);
    found.says("warning", "issuer", "cannot be reached");
    assert!(found.0.to_string().contains("no server runs on this database"), "{:#}", found.0);
    let unknown = [("BASE_URL", "http://authgate.invalid"), ("COMPAT_HTTP_ISSUER", "true")];
    place.doctor_with(&unknown).says("warning", "issuer", "cannot be reached");
    let _process = Process::start(place.folder.path(), &[]);
    let found = place.doctor_with(&[("BASE_URL", &nobody)]);
    found.says("problem", "issuer", "cannot be reached");
    assert!(found.0.to_string().contains("nothing listens there"), "{:#}", found.0);
}

/// Answers every request for the document with `document`, for the key set with `keys`, and `head` among the headers.
/// Over TLS if there are a certificate and its key.
fn impostor(
    document: impl Fn(&str) -> Value,
    keys: &Value,
    head: &str,
    tls: Option<(&Path, &Path)>,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let issuer = format!("{scheme}://localhost:{}", listener.local_addr().unwrap().port());
    let (document, keys, head) = (document(&issuer).to_string(), keys.to_string(), head.to_owned());
    let tls = tls.map(|(chain, key)| {
        let chain = CertificateDer::pem_file_iter(chain).unwrap().map(Result::unwrap).collect();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        Arc::new(builder.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap())
    });
    thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = |stream: &mut dyn ReadWrite| {
                let mut asked = [0; 4096];
                let length = stream.read(&mut asked).unwrap_or(0);
                let asked = String::from_utf8_lossy(&asked[..length]).into_owned();
                let body = if asked.contains("jwks.json") { &keys } else { &document };
                let length = body.len();
                // Whoever does not trust us hangs up.
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n{head}\r\n{body}"
                );
                let _ = stream.flush();
            };
            let mut stream = stream.unwrap();
            match &tls {
                None => answer(&mut stream),
                Some(tls) => {
                    let connection = rustls::ServerConnection::new(Arc::clone(tls)).unwrap();
                    answer(&mut rustls::StreamOwned::new(connection, stream));
                }
            }
        }
    });
    issuer
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

fn metadata(issuer: &str) -> Value {
    json!({"issuer": issuer, "jwks_uri": format!("{issuer}/.well-known/jwks.json")})
}

#[test]
fn an_issuer_that_says_something_else() {
    let place = used();
    let slash = impostor(|issuer| metadata(&format!("{issuer}/")), &json!({}), "", None);
    place.doctor_with(&[("BASE_URL", &slash)]).says("problem", "issuer", "says that the issuer is");
    let page = impostor(|_| json!("Welcome"), &json!({}), "", None);
    place.doctor_with(&[("BASE_URL", &page)]).says("problem", "issuer", "no issuer");
    let elsewhere = |issuer: &str| json!({"issuer": issuer, "jwks_uri": "https://cdn.example.com/keys"});
    let elsewhere = impostor(elsewhere, &json!({}), "", None);
    place.doctor_with(&[("BASE_URL", &elsewhere)]).says("problem", "key set", "jwks_uri is");
}

#[test]
fn a_key_set_that_is_old_or_may_be_kept_too_long() {
    let place = used();
    let keys = place.json(&["key", "list"]);
    let sign = |key: &&Value| key["purpose"] == "sign";
    let set: Vec<_> =
        keys.as_array().unwrap().iter().filter(sign).map(|key| json!({"kid": key["kid"]})).collect();
    let issuer = impostor(metadata, &json!({"keys": set}), "cache-control: public, max-age=86400\r\n", None);
    let env = [("BASE_URL", issuer.as_str())];
    place
        .doctor_with(&env)
        .says("ok", "key set", "the 2 published keys")
        .says("problem", "key set", "caches may keep it for 86400 s")
        .says("warning", "address", "did not say");
    place.prints(&["key", "rotate"]);
    place.doctor_with(&env).says("problem", "key set", "other keys than the database");
    place.prints(&["key", "rotate", "--compromised"]);
    place.doctor_with(&env).says("problem", "key set", "which was ended as compromised");
}

#[test]
fn clocks_that_are_apart() {
    let place = used();
    for (ahead, level, words) in [(20, "warning", "20 s apart"), (-3600, "problem", "3600 s apart")] {
        // A second passes now and then while the program starts, so the clock is asked again.
        loop {
            let seconds = u64::try_from(SystemClock.now_ms() / 1000 + ahead).unwrap();
            let date = HttpDate::from(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds));
            let issuer = impostor(metadata, &json!({}), &format!("date: {date}\r\n"), None);
            let found = place.doctor_with(&[("BASE_URL", &issuer)]);
            if found.0.to_string().contains(words) {
                found.says(level, "clock", words);
                break;
            }
        }
    }
}

const AUTHORITY: &str = "\
[ca]\ndefault_ca = own\n[own]\ndatabase = NAME.index\nserial = NAME.serial\nnew_certs_dir = .\n\
default_md = sha256\npolicy = any\nx509_extensions = host\n[any]\ncommonName = supplied\n\
[host]\nbasicConstraints = critical,CA:FALSE\nsubjectAltName = DNS:HOST\n";

/// A key, and a certificate of its own making for `host`: `NAME.pem` and `NAME.key`. From and until are days from now, and
/// half a day more, so that none is over while the test runs.
fn certificate(place: &Place, name: &str, host: &str, (from, until): (i64, i64)) -> (String, String) {
    let day = |days: i64| {
        let moment =
            time::OffsetDateTime::from_unix_timestamp(SystemClock.now_ms() / 1000 + days * 86_400 + 43_200);
        let text = moment.unwrap().format(&time::format_description::well_known::Rfc3339).unwrap();
        text.replace(['-', ':', 'T'], "")
    };
    let file = |ending: &str| place.path(&format!("{name}.{ending}"));
    fs::write(file("cnf"), AUTHORITY.replace("NAME", name).replace("HOST", host)).unwrap();
    fs::write(file("index"), "").unwrap();
    fs::write(file("serial"), "01\n").unwrap();
    let openssl = |line: &str| {
        let done =
            Command::new("openssl").args(line.split(' ')).current_dir(place.folder.path()).output().unwrap();
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
    };
    openssl(&format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {name}.key"));
    openssl(&format!("req -new -key {name}.key -subj /CN=Test -out {name}.csr"));
    openssl(&format!(
        "ca -batch -selfsign -notext -config {name}.cnf -in {name}.csr -keyfile {name}.key -out {name}.pem \
         -startdate {} -enddate {}",
        day(from),
        day(until)
    ));
    let path = |ending: &str| file(ending).into_os_string().into_string().unwrap();
    (path("pem"), path("key"))
}

#[test]
fn certificates_that_end_soon_or_are_for_others() {
    let place = used();
    for (name, host, days, level, words) in [
        ("good", "localhost", (-1, 90), "ok", "for 90 days"),
        ("soon", "localhost", (-1, 20), "warning", "for 20 days"),
        ("now", "localhost", (-1, 3), "problem", "for 3 days"),
        ("over", "localhost", (-30, -1), "problem", "expired at"),
        ("early", "localhost", (2, 90), "problem", "is not valid yet"),
        ("other", "example.com", (-1, 90), "problem", "is not for localhost"),
    ] {
        let (chain, key) = certificate(&place, name, host, days);
        let issuer = impostor(metadata, &json!({}), "", Some((Path::new(&chain), Path::new(&key))));
        let env = [("BASE_URL", issuer.as_str()), ("SSL_CERT_FILE", &chain)];
        let found = place.doctor_with(&env);
        found.says(level, "certificate", &format!("{issuer} ")).says(level, "certificate", words);
        let files = [env[0], env[1], ("TLS_CERT_FILE", &chain), ("TLS_KEY_FILE", &key)];
        let found = place.doctor_with(&files);
        found.says(level, "certificate", &format!("TLS_CERT_FILE={chain} "));
    }
    let (chain, key) = certificate(&place, "unknown", "localhost", (-1, 90));
    let (other, _) = certificate(&place, "trusted", "localhost", (-1, 90));
    chmod(Path::new(&key), 0o644);
    let env = [
        ("BASE_URL", "https://localhost"),
        ("SSL_CERT_FILE", &other),
        ("TLS_CERT_FILE", &chain),
        ("TLS_KEY_FILE", &key),
    ];
    place
        .doctor_with(&env)
        .says("problem", "certificate", "is of no authority that this machine knows")
        .says("problem", "files", "(TLS_KEY_FILE) may be used by everybody");
}
