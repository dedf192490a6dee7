//! Requests that this program makes: what they trust, and how long they wait.

use std::sync::Arc;
use std::time::Duration;

use authgate_core::error::{Error, Result};
use awc::Connector;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

/// The system's certificate authorities, or those in `SSL_CERT_FILE`.
pub fn authorities() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// The cryptography of every connection.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// The beginning of every client's TLS: what is left to say is whom it trusts.
pub fn tls_builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(Error::failed)
}

/// TLS to servers whose certificate is of a known authority.
pub fn tls() -> Result<ClientConfig> {
    Ok(tls_builder()?.with_root_certificates(authorities()).with_no_client_auth())
}

/// An HTTP client that follows no redirects and waits for `timeout` at most, once to connect and once for the head of
/// the answer.
pub fn client(tls: ClientConfig, timeout: Duration) -> awc::Client {
    let connector = Connector::new().rustls_0_23(Arc::new(tls)).timeout(timeout);
    awc::Client::builder().connector(connector).disable_redirects().timeout(timeout).finish()
}
