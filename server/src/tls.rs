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

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
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
