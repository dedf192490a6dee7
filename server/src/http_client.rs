//! A client for requests to others.

use std::sync::Arc;
use std::time::Duration;

use authgate_core::error::{Error, Result};
use awc::{Client, Connector};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};

/// Trusts the system's certificate authorities, or those in `SSL_CERT_FILE`, and follows no redirects.
pub fn trusting_the_system(timeout: Duration) -> Result<Client> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::failed)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(with_tls(config, timeout))
}

/// With TLS as `config` has it; follows no redirects.
pub fn with_tls(config: ClientConfig, timeout: Duration) -> Client {
    let connector = Connector::new().rustls_0_23(Arc::new(config)).timeout(timeout);
    Client::builder().connector(connector).disable_redirects().timeout(timeout).finish()
}
