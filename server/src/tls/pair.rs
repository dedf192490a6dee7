//! What the two files hold: a certificate chain and the key of its first certificate.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use authgate_core::error::{Error, Result};
use authgate_core::secret::sha256;
use picky::x509::Cert;
use picky::x509::date::UtcDate;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use time::{Date, Month, PrimitiveDateTime, Time};

use crate::config::Tls;

/// Bytes of a file at most: a long chain of large certificates has a tenth of it.
const MAX_FILE: u64 = 256 * 1024;

/// Both files at one moment, as they are.
pub(super) struct Files {
    cert: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    pub(super) fn read(tls: &Tls) -> Result<Self> {
        let read = |setting: &str, path: &Path| {
            bytes(path).map_err(|error| {
                Error::failed(format_args!("{setting}={} cannot be read: {error}", path.display()))
            })
        };
        Ok(Self { cert: read("TLS_CERT_FILE", &tls.cert)?, key: read("TLS_KEY_FILE", &tls.key)? })
    }

    /// Tells contents apart; does not say what they are.
    pub(super) fn digest(&self) -> String {
        format!("{} {}", sha256(&self.cert), sha256(&self.key))
    }

    /// The pair, if each file is what it should be and the key is the certificate's.
    pub(super) fn pair(&self, tls: &Tls) -> Result<Pair> {
        let chain = CertificateDer::pem_slice_iter(&self.cert).collect::<Result<Vec<_>, pem::Error>>();
        let chain = chain.and_then(|chain| match chain.first() {
            Some(first) => Ok((Cert::from_der(first).ok(), chain)),
            None => Err(pem::Error::NoItemsFound),
        });
        let (certificate, chain) =
            chain.map_err(|error| unreadable("TLS_CERT_FILE", &tls.cert, "a certificate", &error))?;
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|error| unreadable("TLS_KEY_FILE", &tls.key, "a private key", &error))?;
        let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|error| {
            let (cert, key) = (tls.cert.display(), tls.key.display());
            Error::failed(format_args!(
                "TLS_CERT_FILE={cert} and TLS_KEY_FILE={key} do not belong together: {error}"
            ))
        })?;
        let validity = certificate.map(|cert| (cert.valid_not_before(), cert.valid_not_after()));
        Ok(Pair { key: Arc::new(key), digest: self.digest(), validity })
    }
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(io::Error::other(format!("it has more than {MAX_FILE} bytes")));
    }
    Ok(bytes)
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

/// A certificate chain and its key, which belong together.
pub(super) struct Pair {
    pub(super) key: Arc<CertifiedKey>,
    /// Of the files that it was read from.
    pub(super) digest: String,
    validity: Option<(UtcDate, UtcDate)>,
}

impl Pair {
    /// When it expires, in unix seconds.
    pub(super) fn expires(&self) -> Option<i64> {
        self.validity.as_ref().and_then(|(_, until)| unix(until))
    }

    /// The same for people.
    pub(super) fn expires_text(&self) -> String {
        self.validity.as_ref().map_or_else(|| "unknown".into(), |(_, until)| text(until))
    }

    /// Why clients will refuse it at `now` (unix seconds).
    pub(super) fn trouble(&self, now: i64) -> Option<String> {
        let (from, until) = self.validity.as_ref()?;
        if unix(until).is_some_and(|until| until < now) {
            return Some(format!("expired on {}: clients will refuse it", text(until)));
        }
        unix(from)
            .filter(|from| *from > now)
            .map(|_| format!("is not valid before {}: clients will refuse it", text(from)))
    }
}

fn unix(date: &UtcDate) -> Option<i64> {
    let month = Month::try_from(date.month()).ok()?;
    let day = Date::from_calendar_date(i32::from(date.year()), month, date.day()).ok()?;
    let time = Time::from_hms(date.hour(), date.minute(), date.second()).ok()?;
    Some(PrimitiveDateTime::new(day, time).assume_utc().unix_timestamp())
}

fn text(date: &UtcDate) -> String {
    let (year, month, day) = (date.year(), date.month(), date.day());
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", date.hour(), date.minute(), date.second())
}
