//! What is looked at through the public address, where a server of the test's own answers.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use actix_web::http::header::HttpDate;
use authgate_core::context::{Clock as _, SystemClock};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

use super::super::Place;
use super::{chmod, free_port, used};
use crate::util::process::Process;

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
    openssl(&format!("req -new -key {name}.key -subj /CN={name} -out {name}.csr"));
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

/// Passes each request on to `server`, as a reverse proxy that adds whom it speaks for.
fn pass_on(listener: TcpListener, server: SocketAddr) {
    thread::spawn(move || {
        for caller in listener.incoming() {
            let mut caller = caller.unwrap();
            let mut asked = [0; 4096];
            let length = caller.read(&mut asked).unwrap();
            let asked = String::from_utf8(asked[..length].to_vec()).unwrap();
            let added = "\r\nx-forwarded-for: 198.51.100.7\r\nconnection: close\r\n";
            let mut server = TcpStream::connect(server).unwrap();
            server.write_all(asked.replacen("\r\n", added, 1).as_bytes()).unwrap();
            std::io::copy(&mut server, &mut caller).unwrap();
        }
    });
}

#[test]
fn d20_a_proxy_that_is_not_believed() {
    let place = Place::empty();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let env = [("BASE_URL", issuer.as_str())];
    let process = Process::start(place.folder.path(), &env);
    pass_on(listener, process.addr);
    place.doctor_with(&env).says("ok", "issuer", "byte for byte").says(
        "warning",
        "address",
        "sees all of them as 127.0.0.1, and they share each limit",
    );
}
