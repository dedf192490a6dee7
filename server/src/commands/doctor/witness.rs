//! Verifies a server's certificate as any client does, and keeps what it was shown.

use std::sync::{Arc, Mutex};

use authgate::outgoing;
use authgate_core::error::{Error, Result};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};

/// The chain that a server showed, its own certificate first.
pub type Chain = Vec<CertificateDer<'static>>;

/// Stands between TLS and the verifier of rustls.
#[derive(Debug)]
pub struct Witness {
    verifier: Arc<WebPkiServerVerifier>,
    shown: Mutex<Option<Chain>>,
}

impl Witness {
    /// Trusts whom every client of this machine trusts.
    pub fn new() -> Result<Arc<Self>> {
        Ok(Arc::new(Self { verifier: verifier()?, shown: Mutex::new(None) }))
    }

    /// TLS that asks this witness.
    pub fn tls(self: &Arc<Self>) -> Result<ClientConfig> {
        Ok(outgoing::tls_builder()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(self) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth())
    }

    /// What the last server showed.
    pub fn shown(&self) -> Option<Chain> {
        self.shown.lock().ok()?.clone()
    }
}

/// The verifier of this machine's authorities.
pub fn verifier() -> Result<Arc<WebPkiServerVerifier>> {
    let builder =
        WebPkiServerVerifier::builder_with_provider(outgoing::authorities().into(), outgoing::provider());
    builder.build().map_err(|error| {
        Error::failed(format_args!(
            "this machine knows no certificate authorities ({error}): install ca-certificates, or set SSL_CERT_FILE"
        ))
    })
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain =
            [own].into_iter().chain(others).map(|certificate| certificate.clone().into_owned()).collect();
        if let Ok(mut shown) = self.shown.lock() {
            *shown = Some(chain);
        }
        self.verifier.verify_server_cert(own, others, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
