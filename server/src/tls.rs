//! TLS from two PEM files: version 1.2 or newer, HTTP/2 or HTTP/1.1.

use std::path::Path;
use std::sync::Arc;

use authgate_core::error::{Error, Result};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::Tls;

/// Reads certificate chain and key. An error names the setting, the file and what is wrong with it.
pub fn server_config(tls: &Tls) -> Result<ServerConfig> {
    let chain = chain(&tls.cert)?;
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .map_err(|error| unreadable("TLS_KEY_FILE", &tls.key, "a private key", &error))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::failed)?;
    builder.with_no_client_auth().with_single_cert(chain, key).map_err(|error| {
        let (cert, key) = (tls.cert.display(), tls.key.display());
        Error::failed(format_args!(
            "TLS_CERT_FILE={cert} and TLS_KEY_FILE={key} do not belong together: {error}"
        ))
    })
}

/// Reads a certificate chain, the server's own certificate first.
pub fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, pem::Error>>();
    let unreadable = |error| unreadable("TLS_CERT_FILE", path, "a certificate", &error);
    let chain = read().map_err(unreadable)?;
    if chain.is_empty() { Err(unreadable(pem::Error::NoItemsFound)) } else { Ok(chain) }
}

fn unreadable(setting: &str, path: &Path, what: &str, error: &pem::Error) -> Error {
    let path = path.display();
    match error {
        pem::Error::NoItemsFound => {
            Error::failed(format_args!("{setting}={path} holds no PEM block with {what}"))
        }
        error => Error::failed(format_args!("{setting}={path} cannot be read as PEM with {what}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tls").join(name)
    }

    fn error(cert: &str, key: &str) -> String {
        server_config(&Tls { cert: file(cert), key: file(key) }).unwrap_err().to_string()
    }

    #[test]
    fn a_certificate_and_its_key() {
        assert!(server_config(&Tls { cert: file("cert.pem"), key: file("key.pem") }).is_ok());
    }

    #[test]
    fn an_error_names_the_setting_and_the_file() {
        assert!(error("none.pem", "key.pem").contains("TLS_CERT_FILE="));
        assert!(error("cert.pem", "none.pem").contains("none.pem cannot be read"));
        assert!(error("key.pem", "key.pem").contains("key.pem holds no PEM block with a certificate"));
        assert!(error("cert.pem", "cert.pem").contains("cert.pem holds no PEM block with a private key"));
        assert!(error("ca.pem", "key.pem").contains("do not belong together"));
    }
}
