//! TLS from two PEM files: version 1.2 or newer, HTTP/2 or HTTP/1.1. Files that change are taken over while it runs.

mod pair;
pub mod renewal;

use std::fmt;
use std::sync::{Arc, RwLock};

use authgate_core::error::{Error, Result};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::config::Tls;
use pair::{Files, Pair};

/// The certificate that new connections get, and the files it comes from.
pub struct Certificate {
    files: Tls,
    current: RwLock<Pair>,
}

impl Certificate {
    /// Reads both files. An error names the setting, the file and what is wrong with it. A certificate whose time has
    /// not come or is over at `now` (unix seconds) is served all the same, with a warning.
    pub fn open(files: &Tls, now: i64) -> Result<Self> {
        let pair = Files::read(files)?.pair(files)?;
        if let Some(trouble) = pair.trouble(now) {
            tracing::warn!("TLS_CERT_FILE={} {trouble}", files.cert.display());
        }
        Ok(Self { files: files.clone(), current: RwLock::new(pair) })
    }

    /// When the current one expires, in unix seconds, if it says so in a way that can be read.
    pub fn expires(&self) -> Option<i64> {
        self.pair(Pair::expires)
    }

    /// The chain, its own certificate first.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.pair(|pair| pair.key.cert.clone())
    }

    fn pair<T>(&self, of: impl FnOnce(&Pair) -> T) -> T {
        of(&self.current.read().expect("nothing panics while it is held"))
    }

    fn replace(&self, pair: Pair) {
        *self.current.write().expect("nothing panics while it is held") = pair;
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.pair(|pair| Arc::clone(&pair.key)))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("files", &self.files).finish_non_exhaustive()
    }
}

/// How connections that begin are encrypted, with whatever `certificate` holds then.
pub fn server_config(certificate: Arc<Certificate>) -> Result<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::failed)?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests;
