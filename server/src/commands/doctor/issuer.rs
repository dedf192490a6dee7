//! The issuer as a client sees it: fetched through its public address.

use std::sync::Arc;

use authgate::config::Config;
use authgate::{outgoing, seen};
use authgate_core::error::Result;
use serde_json::Value;
use url::{Host, Url};

use super::super::installation::context;
use super::fetch::{self, Fetched, PATIENCE, Unreachable};
use super::keys::Loaded;
use super::witness::Witness;
use super::{Finding, Level, address, certificate, clock, jwks};

const ABOUT: &str = "issuer";
const DOCUMENT: &str = "/.well-known/openid-configuration";

/// What is known before asking.
pub struct Question<'a> {
    /// What the operator decided.
    pub config: &'a Config,
    /// True if a server runs on the database.
    pub is_running: bool,
    /// The keys, if they can be read.
    pub keys: Option<&'a Loaded>,
}

/// Everything that is looked at through the public address.
pub async fn check(question: &Question<'_>) -> Vec<Finding> {
    match client(question.config) {
        Ok((http, witness)) => asked(question, &http, witness.as_deref()).await,
        Err(error) => vec![Finding::warning(ABOUT, "it was not asked", error.to_string())],
    }
}

fn client(config: &Config) -> Result<(awc::Client, Option<Arc<Witness>>)> {
    if !config.server.https {
        return Ok((outgoing::client(outgoing::tls()?, PATIENCE), None));
    }
    let witness = Witness::new()?;
    Ok((outgoing::client(witness.tls()?, PATIENCE), Some(witness)))
}

async fn asked(question: &Question<'_>, http: &awc::Client, witness: Option<&Witness>) -> Vec<Finding> {
    let Question { config, keys, .. } = question;
    let url = format!("{}{DOCUMENT}", config.server.issuer);
    // The checks before this one may have taken minutes.
    let now = context().now();
    let key = keys.map(|keys| seen::question(&keys.master, now)).unwrap_or_default();
    let answer = fetch::get(http, &url, &[(seen::QUESTION, &key)]).await;
    let chain = witness.and_then(Witness::shown);
    let mut findings =
        chain.map(|chain| certificate::judge(&config.server.issuer, &chain, config, now)).unwrap_or_default();
    let fetched = match answer {
        Ok(fetched) => fetched,
        Err(trouble) => {
            // A refused certificate has been said; that there was no answer follows from it.
            if findings.iter().all(|finding| finding.level != Level::Problem) {
                findings.push(silent(question, &url, &trouble));
            }
            return findings;
        }
    };
    let document = match document(config, &url, &fetched) {
        Ok(document) => document,
        Err(finding) => {
            findings.push(finding);
            return findings;
        }
    };
    findings.push(Finding::fine(ABOUT, format!("{url} answers, with the issuer byte for byte")));
    findings.extend(clock::check(&fetched, context().now()));
    if let Some(keys) = keys {
        findings.extend(jwks::check(http, config, &document, keys).await);
        findings.push(address::check(http, config, &url, &key, &fetched).await);
    }
    findings
}

/// Nobody answers: no surprise where no server runs.
fn silent(question: &Question<'_>, url: &str, trouble: &Unreachable) -> Finding {
    let found = format!("{url} cannot be reached: {}", trouble.why);
    if question.is_running {
        return Finding::problem(ABOUT, found, trouble.look);
    }
    let advice = "no server runs on this database: start it, then run this again";
    Finding::warning(ABOUT, found, advice)
}

/// The metadata, if it is ours.
fn document(config: &Config, url: &str, fetched: &Fetched) -> Result<Value, Finding> {
    let issuer = &config.server.issuer;
    let Ok(document) = serde_json::from_slice::<Value>(&fetched.body) else {
        return Err(Finding::problem(
            ABOUT,
            format!("{url} answers with status {} and no JSON", fetched.status),
            "something else answers there: let the proxy pass /.well-known/ on, and look at BASE_URL",
        ));
    };
    match document["issuer"].as_str() {
        Some(said) if said == issuer && fetched.status == 200 => Ok(document),
        Some(said) => Err(Finding::problem(
            ABOUT,
            format!("{url} says that the issuer is {said:?}, with status {}", fetched.status),
            format!(
                "clients compare it byte for byte with {issuer:?}: run the server with the same BASE_URL as this"
            ),
        )),
        None => Err(Finding::problem(
            ABOUT,
            format!("{url} answers with status {} and no issuer", fetched.status),
            "something else answers there: let the proxy pass /.well-known/ on, and look at BASE_URL",
        )),
    }
}

/// True if the issuer can only be this machine.
pub fn is_loopback(config: &Config) -> bool {
    let issuer = Url::parse(&config.server.issuer).ok();
    match issuer.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
