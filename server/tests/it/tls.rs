//! TLS, when the server itself ends it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{
    ClientConnection, ProtocolVersion, RootCertStore, StreamOwned, SupportedProtocolVersion, version,
};

use crate::util::TestApp;

fn file(name: &str) -> String {
    format!("{}/tests/it/tls/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn with_tls() -> crate::util::Init {
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

/// Shakes hands with the test CA as the only root.
fn connect(
    addr: SocketAddr,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&str],
) -> std::io::Result<Session> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file("ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(In2030))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
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
    actix_web::rt::task::spawn_blocking(talk).await.unwrap();
}

#[actix_web::test]
async fn plain_http_is_not_answered_on_a_tls_port() {
    let (app, _) = with_tls().start();
    let answer = app.raw_bytes("GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}
