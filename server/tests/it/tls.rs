//! TLS, when the server itself ends it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use actix_web::rt::task::spawn_blocking;
use authgate::outgoing;
use authgate::tls::renewal::Renewal;
use rustls::client::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{
    ClientConnection, ProtocolVersion, RootCertStore, StreamOwned, SupportedProtocolVersion, version,
};

use crate::util::TestApp;

pub fn file(name: &str) -> String {
    format!("{}/tests/it/tls/{name}", env!("CARGO_MANIFEST_DIR"))
}

pub fn with_tls() -> crate::util::Init {
    TestApp::init().with("TLS_CERT_FILE", &file("cert.pem")).with("TLS_KEY_FILE", &file("key.pem"))
}

/// The certificates are valid for a century, and no test hangs on the day it runs.
#[derive(Debug)]
struct In2030;

impl TimeProvider for In2030 {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(1_900_000_000)))
    }
}

type Session = StreamOwned<ClientConnection, TcpStream>;

/// A client that knows the test CA and the renewed certificate, and no other.
pub fn client_config(versions: &[&'static SupportedProtocolVersion], protocols: &[&str]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for known in ["ca.pem", "renewed.pem"] {
        roots.add(CertificateDer::from_pem_file(file(known)).unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(In2030))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

/// Shakes hands.
fn connect(
    addr: SocketAddr,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&str],
) -> std::io::Result<Session> {
    let config = Arc::new(client_config(versions, protocols));
    let connection = ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
    let mut session = StreamOwned::new(connection, TcpStream::connect(addr)?);
    session.conn.complete_io(&mut session.sock)?;
    Ok(session)
}

#[actix_web::test]
async fn https_is_tls_1_2_or_newer_and_http_1_or_2() {
    let (app, _) = with_tls().start();
    let addr = app.addr;
    let talk = move || {
        let mut session = connect(addr, &[&version::TLS13], &["http/1.1"]).unwrap();
        assert_eq!(session.conn.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert_eq!(session.conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
        session.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        session.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("healthy"), "{answer}");

        let session = connect(addr, &[&version::TLS12], &["h2", "http/1.1"]).unwrap();
        assert_eq!(session.conn.protocol_version(), Some(ProtocolVersion::TLSv1_2));
        assert_eq!(session.conn.alpn_protocol(), Some(b"h2".as_slice()));
    };
    spawn_blocking(talk).await.unwrap();
}

#[actix_web::test]
async fn plain_http_is_not_answered_on_a_tls_port() {
    let (app, _) = with_tls().start();
    let answer = app.raw_bytes("GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}

#[actix_web::test]
async fn rfc6819_5_1_2_this_server_calls_nobody_whose_certificate_it_does_not_know() {
    let (app, _) = with_tls().start();
    let address = format!("https://localhost:{}/health", app.addr.port());
    let wait = Duration::from_secs(10);
    let known = client_config(&[&version::TLS13], &["http/1.1"]);
    assert_eq!(outgoing::client(known, wait).get(&address).send().await.unwrap().status(), 200);
    let refused = outgoing::client(outgoing::tls().unwrap(), wait).get(&address).send().await.unwrap_err();
    assert!(format!("{refused:?}").contains("UnknownIssuer"), "{refused:?}");
}

/// What openssl's client says about a handshake.
async fn openssl(addr: SocketAddr, args: &'static [&'static str]) -> String {
    let talk = move || {
        let mut client = Command::new("openssl");
        client.args(["s_client", "-connect", &addr.to_string(), "-servername", "localhost"]);
        let said = client.args(args).stdin(Stdio::null()).output().unwrap();
        String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned()
    };
    spawn_blocking(talk).await.unwrap()
}

#[actix_web::test]
async fn what_openssl_may_and_may_not_agree_on() {
    let (app, _) = with_tls().start();
    let said = openssl(app.addr, &["-tls1_3", "-alpn", "h2,http/1.1"]).await;
    assert!(said.contains("New, TLSv1.3") && said.contains("ALPN protocol: h2"), "{said}");
    let said = openssl(app.addr, &["-tls1_2", "-alpn", "http/1.1"]).await;
    assert!(said.contains("New, TLSv1.2") && said.contains("ALPN protocol: http/1.1"), "{said}");
    let said = openssl(app.addr, &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]).await;
    assert!(said.contains("New, (NONE)") && said.contains(" alert "), "{said}");
    let weak: [&[&str]; 2] = [
        &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"],
        &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0"],
    ];
    for args in weak {
        let said = openssl(app.addr, args).await;
        assert!(said.contains("New, (NONE)") && said.contains("alert handshake failure"), "{said}");
    }
}

#[actix_web::test]
async fn adv_15_a_handshake_that_does_not_end_is_not_waited_for() {
    let soon = Duration::from_millis(300);
    let (app, _) = with_tls().with_timeouts(soon, soon).start();
    let addr = app.addr;
    let talk = move || {
        for begun in [&b""[..], b"\x16\x03\x01\x02\x00\x01\x00\x01"] {
            let mut stream = TcpStream::connect(addr).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            stream.write_all(begun).unwrap();
            assert_eq!(stream.read_to_end(&mut Vec::new()).ok(), Some(0), "{begun:?}");
        }
    };
    spawn_blocking(talk).await.unwrap();
}

/// One request on a connection of its own; the certificate that it was answered with.
pub fn served(addr: SocketAddr) -> CertificateDer<'static> {
    let mut session = connect(addr, &[&version::TLS13], &["http/1.1"]).unwrap();
    session.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    session.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    session.conn.peer_certificates().unwrap()[0].clone().into_owned()
}

#[actix_web::test]
async fn adv_41_a_renewal_under_load_fails_no_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let at = move |name: &str| path.join(name).to_str().unwrap().to_owned();
    fs::copy(file("cert.pem"), at("cert")).unwrap();
    fs::copy(file("key.pem"), at("key")).unwrap();
    let init = TestApp::init().with("TLS_CERT_FILE", &at("cert")).with("TLS_KEY_FILE", &at("key"));
    let (app, _) = init.start();
    let (addr, certificate) = (app.addr, app.app.certificate.clone().unwrap());
    let first = spawn_blocking(move || served(addr)).await.unwrap();
    assert_eq!(first, CertificateDer::from_pem_file(file("cert.pem")).unwrap());

    let over = Arc::new(AtomicBool::new(false));
    let loads: Vec<_> = (0..3)
        .map(|_| {
            let over = Arc::clone(&over);
            thread::spawn(move || {
                let mut kept = connect(addr, &[&version::TLS13], &["http/1.1"]).unwrap();
                while !over.load(Ordering::Relaxed) {
                    served(addr);
                    kept.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
                    assert!(kept.read(&mut [0; 4096]).unwrap() > 0);
                }
            })
        })
        .collect();
    let mut renewal = Renewal::new(&certificate);
    let (cert, key) = (fs::read(file("renewed.pem")).unwrap(), fs::read(file("renewed-key.pem")).unwrap());
    let renewed = spawn_blocking(move || {
        let mut look = || (0..2).for_each(|_| renewal.look(&certificate, 1_900_000_000));
        fs::write(at("cert"), &cert[..100]).unwrap();
        look();
        fs::write(at("cert"), &cert).unwrap();
        look();
        let before = served(addr);
        fs::write(at("key"), key).unwrap();
        look();
        (before, served(addr))
    });
    let (before, after) = renewed.await.unwrap();
    assert_eq!(before, first, "the key is of the old one");
    assert_eq!(after, CertificateDer::from_pem_file(file("renewed.pem")).unwrap());
    over.store(true, Ordering::Relaxed);
    for load in loads {
        load.join().unwrap();
    }
}
