//! Certificates: of a known authority, for this host, and for long enough.

use std::time::Duration;

use authgate::config::{Config, Tls};
use authgate::tls::Certificate;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{CertificateError, Error};
use url::Url;

use super::super::answer::time;
use super::witness::{Chain, verifier};
use super::{Finding, Level};

const ABOUT: &str = "certificate";

const DAY: i64 = 86_400;
/// Days before the end at which renewal should have happened: the usual authorities renew at 30.
const SOON: i64 = 30;
/// Days that leave no weekend.
const NOW: i64 = 7;
/// A moment after the end of every certificate, in unix seconds: at it, each says when it ends.
const FAR: i64 = 253_402_300_799;

/// The files that the server is configured with.
pub fn of_files(config: &Config, files: &Tls, now: i64) -> Vec<Finding> {
    match Certificate::open(files, now) {
        Ok(certificate) => {
            judge(&format!("TLS_CERT_FILE={}", files.cert.display()), &certificate.chain(), config, now)
        }
        Err(error) => {
            let advice = "the server does not start with them: correct the files or the settings";
            vec![Finding::problem(ABOUT, error.to_string(), advice)]
        }
    }
}

/// A chain, as a client that trusts this machine's authorities judges it; `at` says where it was found.
pub fn judge(at: &str, chain: &Chain, config: &Config, now: i64) -> Vec<Finding> {
    let Some(((own, others), host)) = chain.split_first().zip(host(config)) else { return Vec::new() };
    let verifier = match verifier() {
        Ok(verifier) => verifier,
        Err(error) => {
            return vec![Finding::warning(ABOUT, format!("{at} was not checked"), error.to_string())];
        }
    };
    let verdict = |now| verifier.verify_server_cert(own, others, &host, &[], moment(now)).err();
    // Whoever does not trust the authority still reads the time.
    let ends = match verdict(FAR) {
        Some(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            i64::try_from(not_after.as_secs()).ok()
        }
        _ => None,
    };
    let trouble = verdict(now).map(|error| refused(at, &host.to_str(), error));
    let ending = ends.filter(|end| *end > now).map(|end| ending(at, end, now));
    // Below a refusal, that there is time left helps nobody.
    let shown = ending.filter(|finding| trouble.is_none() || finding.level != Level::Fine);
    trouble.into_iter().chain(shown).collect()
}

fn host(config: &Config) -> Option<ServerName<'static>> {
    let issuer = Url::parse(&config.server.issuer).ok()?;
    ServerName::try_from(issuer.host_str()?.trim_matches(['[', ']']).to_owned()).ok()
}

fn moment(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

fn ending(at: &str, end: i64, now: i64) -> Finding {
    let days = (end - now) / DAY;
    let found = format!("{at} is good until {}, for {days} days", time(end));
    let advice = "renew it, and look why that did not happen by itself";
    match days {
        ..NOW => Finding::problem(ABOUT, found, advice),
        NOW..SOON => Finding::warning(ABOUT, found, advice),
        _ => Finding::fine(ABOUT, found),
    }
}

fn refused(at: &str, host: &str, error: Error) -> Finding {
    use CertificateError as Why;
    let Error::InvalidCertificate(why) = error else {
        return Finding::problem(ABOUT, format!("{at} is refused: {error}"), "get another certificate");
    };
    let (what, advice) = match why {
        Why::Expired => ("has expired".to_owned(), "renew it"),
        Why::ExpiredContext { not_after, .. } => (
            format!("expired at {}", time(i64::try_from(not_after.as_secs()).unwrap_or(i64::MAX))),
            "renew it: every client refuses the server now",
        ),
        Why::NotValidYet | Why::NotValidYetContext { .. } => (
            "is not valid yet".to_owned(),
            "look at the clock of this machine, and at the certificate's beginning",
        ),
        Why::NotValidForName | Why::NotValidForNameContext { .. } => (
            format!("is not for {host}"),
            "get one for the host of BASE_URL; the name must stand in subjectAltName",
        ),
        Why::UnknownIssuer => (
            "is of no authority that this machine knows".to_owned(),
            "let the file have the whole chain; for an authority of your own, name it in SSL_CERT_FILE",
        ),
        why => (format!("is refused: {}", Error::InvalidCertificate(why)), "get another certificate"),
    };
    Finding::problem(ABOUT, format!("{at} {what}"), advice)
}
