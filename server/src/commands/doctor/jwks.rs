//! The published key set against the keys of the database.

use std::collections::BTreeSet;

use authgate::config::Config;
use authgate_core::keys::{JWKS_MAX_AGE, KeyState};
use serde_json::Value;

use super::Finding;
use super::fetch::{self, Fetched};
use super::keys::Loaded;

const ABOUT: &str = "key set";

/// Fetches `jwks_uri` and compares.
pub async fn check(http: &awc::Client, config: &Config, document: &Value, held: &Loaded) -> Vec<Finding> {
    let expected = format!("{}/.well-known/jwks.json", config.server.issuer);
    let uri = document["jwks_uri"].as_str().unwrap_or_default();
    if uri != expected {
        let advice = format!("it should be {expected}: something between changes the document");
        return vec![Finding::problem(ABOUT, format!("jwks_uri is {uri:?}"), advice)];
    }
    match fetch::get(http, uri, &[]).await {
        Ok(fetched) => [Some(kids(&fetched, held)), caching(&fetched)].into_iter().flatten().collect(),
        Err(trouble) => {
            vec![Finding::problem(ABOUT, format!("{uri} cannot be fetched: {}", trouble.why), trouble.look)]
        }
    }
}

fn kids(fetched: &Fetched, held: &Loaded) -> Finding {
    let published = names(&fetched.body);
    let ours = names(held.keys.jwks().as_bytes());
    let revoked = held.stored.iter().filter(|key| key.state == KeyState::Revoked);
    if let Some(key) = revoked.into_iter().find(|key| published.contains(&key.kid)) {
        return Finding::problem(
            ABOUT,
            format!("it still has the key {}, which was ended as compromised", key.kid),
            "a cache keeps the old set: empty it now; if there is none, restart the server",
        );
    }
    if published == ours && fetched.status == 200 {
        return Finding::fine(ABOUT, format!("the {} published keys are those of the database", ours.len()));
    }
    let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
    Finding::problem(
        ABOUT,
        format!(
            "it has other keys than the database: {:?} there, {:?} here (status {})",
            list(&published),
            list(&ours),
            fetched.status
        ),
        "another server answers at BASE_URL, or a cache keeps an old set: look at the proxy",
    )
}

/// A key is published [`JWKS_MAX_AGE`] and some minutes before it signs; whoever may keep the set for longer does not
/// know it then.
fn caching(fetched: &Fetched) -> Option<Finding> {
    let header = fetched.header("cache-control").unwrap_or_default();
    let ages = header.split(',').filter_map(|part| {
        let (name, value) = part.trim().split_once('=')?;
        ["max-age", "s-maxage"].contains(&name).then(|| value.parse::<i64>().ok())?
    });
    let longest = ages.max()?;
    (longest > JWKS_MAX_AGE).then(|| {
        Finding::problem(
            ABOUT,
            format!("caches may keep it for {longest} s: {header:?}"),
            format!("a new key signs after little more than {JWKS_MAX_AGE} s: let the proxy keep our Cache-Control"),
        )
    })
}

fn names(set: &[u8]) -> BTreeSet<String> {
    let set: Value = serde_json::from_slice(set).unwrap_or_default();
    let keys = set["keys"].as_array().into_iter().flatten();
    keys.filter_map(|key| key["kid"].as_str().map(str::to_owned)).collect()
}
