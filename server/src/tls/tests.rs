use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tempfile::TempDir;

use super::renewal::Renewal;
use super::*;

const NOW: i64 = 1_800_000_000;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tls").join(name)
}

fn open(cert: &str, key: &str) -> Result<Certificate> {
    Certificate::open(&Tls { cert: file(cert), key: file(key) }, NOW)
}

fn error(cert: &str, key: &str) -> String {
    open(cert, key).expect_err("it must be refused").to_string()
}

#[test]
fn an_error_names_the_setting_and_the_file() {
    assert!(open("cert.pem", "key.pem").is_ok());
    assert!(error("none.pem", "key.pem").contains("TLS_CERT_FILE="));
    assert!(error("cert.pem", "none.pem").contains("none.pem cannot be read"));
    assert!(error("key.pem", "key.pem").contains("key.pem holds no PEM block with a certificate"));
    assert!(error("cert.pem", "cert.pem").contains("cert.pem holds no PEM block with a private key"));
    assert!(error("ca.pem", "key.pem").contains("do not belong together"));
}

#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let tls = Tls { cert: "/dev/zero".into(), key: file("key.pem") };
    assert!(Certificate::open(&tls, NOW).unwrap_err().to_string().contains("more than"));
}

#[test]
fn what_clients_will_refuse_is_told() {
    let tls = Tls { cert: file("cert.pem"), key: file("key.pem") };
    let pair = Files::read(&tls).unwrap().pair(&tls).unwrap();
    let expires = pair.expires().unwrap();
    assert_eq!(pair.trouble(NOW), None);
    assert_eq!(pair.trouble(expires), None);
    let trouble = format!("expired on {}: clients will refuse it", pair.expires_text());
    assert_eq!(pair.trouble(expires + 1), Some(trouble));
    assert!(pair.trouble(0).is_some_and(|trouble| trouble.contains("not valid before")));
}

/// Two files that change, and the certificate that is served.
struct Served {
    folder: TempDir,
    certificate: Certificate,
    renewal: Renewal,
}

impl Served {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tls = Tls { cert: folder.path().join("cert"), key: folder.path().join("key") };
        fs::copy(file("cert.pem"), &tls.cert).unwrap();
        fs::copy(file("key.pem"), &tls.key).unwrap();
        let certificate = Certificate::open(&tls, NOW).unwrap();
        Self { renewal: Renewal::new(&certificate), folder, certificate }
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    /// Looks as often as it takes to judge a change.
    fn look_twice(&mut self) {
        self.renewal.look(&self.certificate, NOW);
        self.renewal.look(&self.certificate, NOW);
    }

    fn serves(&self, cert: &str) -> bool {
        let expected = CertificateDer::from_pem_file(file(cert)).unwrap();
        self.certificate.pair(|pair| pair.key.cert[0] == expected)
    }
}

#[test]
fn adv_41_a_renewed_pair_is_served_and_a_broken_one_is_not() {
    let mut served = Served::new();
    let (cert, key) = (fs::read(file("renewed.pem")).unwrap(), fs::read(file("renewed-key.pem")).unwrap());

    served.write("cert", &cert);
    served.look_twice();
    assert!(served.serves("cert.pem"), "the key is of the old certificate");
    served.write("key", &key[..key.len() / 2]);
    served.look_twice();
    assert!(served.serves("cert.pem"), "the key is half written");
    fs::remove_file(served.folder.path().join("key")).unwrap();
    served.look_twice();
    assert!(served.serves("cert.pem"), "the key is gone");
    served.write("key", &key);
    served.look_twice();
    assert!(served.serves("renewed.pem"));

    for broken in [&b""[..], b"hunter2", &cert[..cert.len() / 2]] {
        served.write("cert", broken);
        served.look_twice();
        assert!(served.serves("renewed.pem"), "{broken:?}");
    }
    served.write("cert", &fs::read(file("cert.pem")).unwrap());
    served.write("key", &fs::read(file("key.pem")).unwrap());
    served.look_twice();
    assert!(served.serves("cert.pem"), "and back");
}

#[test]
fn a_change_is_judged_when_it_is_over() {
    let mut served = Served::new();
    served.write("cert", &fs::read(file("renewed.pem")).unwrap());
    served.renewal.look(&served.certificate, NOW);
    served.write("key", &fs::read(file("renewed-key.pem")).unwrap());
    served.renewal.look(&served.certificate, NOW);
    assert!(served.serves("cert.pem"), "it has changed since the last look");
    served.renewal.look(&served.certificate, NOW);
    assert!(served.serves("renewed.pem"));
}

#[test]
fn kubernetes_swaps_a_symlink_to_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (version, cert, key) in [("..1", "cert.pem", "key.pem"), ("..2", "renewed.pem", "renewed-key.pem")] {
        fs::create_dir(at(version)).unwrap();
        fs::copy(file(cert), at(version).join("tls.crt")).unwrap();
        fs::copy(file(key), at(version).join("tls.key")).unwrap();
    }
    symlink("..1", at("..data")).unwrap();
    symlink("..data/tls.crt", at("tls.crt")).unwrap();
    symlink("..data/tls.key", at("tls.key")).unwrap();
    let certificate = Certificate::open(&Tls { cert: at("tls.crt"), key: at("tls.key") }, NOW).unwrap();
    let renewal = Renewal::new(&certificate);
    let mut served = Served { folder, certificate, renewal };
    symlink("..2", served.folder.path().join("..data_tmp")).unwrap();
    fs::rename(served.folder.path().join("..data_tmp"), served.folder.path().join("..data")).unwrap();
    served.look_twice();
    assert!(served.serves("renewed.pem"));
}
