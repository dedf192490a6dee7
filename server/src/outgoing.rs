//! Requests of the server's own.

use std::sync::Arc;
use std::time::Duration;

use authgate_core::error::{Error, Result};
use awc::Connector;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;

/// A client that trusts the system's certificate authorities, or those in `SSL_CERT_FILE`, and follows no redirects.
/// It gives a server `timeout` to be reached, and again to answer.
pub fn client(timeout: Duration) -> Result<awc::Client> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::failed)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = Connector::new().rustls_0_23(Arc::new(config)).timeout(timeout);
    Ok(awc::Client::builder().connector(connector).disable_redirects().timeout(timeout).finish())
}
