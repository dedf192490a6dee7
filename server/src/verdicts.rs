//! What was judged a moment ago is not judged again for every request.
//!
//! Two things about a presented token are remembered. That its *signature* holds never changes while its key is ours. That
//! it is *live* depends on rows: a verdict is used for one second after its read began, and only while this process
//! [changed](authgate_core::db::Changes) none of its rows. Another process's change is noticed when the keeper next looks at
//! the generation, and by that second in any case. The same holds for clients that authenticate and for claims about people.
//! Refusals are not remembered, so nobody can fill the memory with what does not exist; issuance remembers nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use authgate_core::client::{Known, Proof};
use authgate_core::credentials::Credentials;
use authgate_core::db::{Mark, Moment, Tx};
use authgate_core::device::DeviceCode;
use authgate_core::env::Env;
use authgate_core::error::Result;
use authgate_core::secret::Secret;
use authgate_core::token::{self, Live};
use authgate_core::{grants, jwt};
use metrics::Counter;
use quick_cache::sync::Cache;
use serde_json::{Map, Value};

use crate::app::App;
use crate::metrics::Caches;

/// How long a verdict is used, from the beginning of its read.
const FRESH: Duration = Duration::from_secs(1);
/// Tokens remembered at most: some 20 MB. More of them within one second would be more than this server answers.
const TOKENS: usize = 32_768;
/// Clients remembered at most, 2 KB each.
const CLIENTS: usize = 2_048;
/// Claims about people, some 500 bytes each.
const PERSONS: usize = 8_192;
/// Device codes that are polled, some 500 bytes each: at the usual interval, 40,000 devices wait with so many in a second.
const DEVICES: usize = 8_192;

/// Everything that is remembered.
pub struct Verdicts {
    /// The `jti` of genuine tokens, by the SHA-256 of their text.
    signatures: Cache<[u8; 32], Arc<Signed>>,
    tokens: Recent<Live>,
    clients: Recent<Known>,
    persons: Recent<Map<String, Value>>,
    devices: Recent<DeviceCode>,
}

/// A token whose signature holds while the keys are those of this number.
pub struct Signed {
    /// Its id.
    pub jti: String,
    keys: u64,
}

/// What was read, and of when it is.
struct Kept<V> {
    value: Arc<V>,
    rows: Vec<Mark>,
    moment: Moment,
    read_at: Instant,
}

/// What was read lately, by name.
struct Recent<V> {
    kept: Cache<String, Arc<Kept<V>>>,
    hits: Counter,
    misses: Counter,
}

impl Verdicts {
    /// Remembers nothing yet.
    pub fn new(caches: &Caches) -> Self {
        Self {
            signatures: Cache::new(TOKENS),
            tokens: Recent::new(TOKENS, caches.of("token")),
            clients: Recent::new(CLIENTS, caches.of("client")),
            persons: Recent::new(PERSONS, caches.of("user")),
            devices: Recent::new(DEVICES, caches.of("device")),
        }
    }

    /// Notes a token that was signed just now.
    pub fn signed(&self, text: &str, jti: String, keys: u64) {
        self.signatures.insert(digest(text), Arc::new(Signed { jti, keys }));
    }
}

impl<V: Send + Sync + 'static> Recent<V> {
    fn new(capacity: usize, (hits, misses): (Counter, Counter)) -> Self {
        Self { kept: Cache::new(capacity), hits, misses }
    }

    /// What is remembered, or what `read` finds now with the rows that it depends on.
    async fn get(
        &self,
        app: &App,
        request: &HttpRequest,
        name: &str,
        read: impl FnOnce(&mut Tx<'_>, Env<'_>) -> Result<(V, Vec<Mark>)> + Send + 'static,
    ) -> Result<Arc<V>> {
        let (changes, read_at) = (app.store.changes(), app.clock.monotonic());
        let kept = self.kept.get(name).filter(|kept| {
            read_at.duration_since(kept.read_at) < FRESH && changes.untouched(kept.moment, &kept.rows)
        });
        if let Some(kept) = kept {
            self.hits.increment(1);
            return Ok(Arc::clone(&kept.value));
        }
        self.misses.increment(1);
        let moment = changes.now();
        let (value, rows) = app.read_env(request, read).await?;
        let value = Arc::new(value);
        let kept = Kept { value: Arc::clone(&value), rows, moment, read_at };
        self.kept.insert(name.to_owned(), Arc::new(kept));
        Ok(value)
    }
}

impl App {
    /// The `jti` of the access token that this text is, live or not; a refusal with `invalid_token` for every text that
    /// is none of ours.
    pub fn genuine(&self, text: &Secret) -> Result<Arc<Signed>> {
        let ring = self.keyring.now();
        let digest = digest(text.expose());
        let known = self.verdicts.signatures.get(&digest).filter(|known| known.keys == ring.number);
        if let Some(signed) = known {
            return Ok(signed);
        }
        let jti = jwt::verify_access(text, &ring.keys, &self.policy.issuer)?;
        let signed = Arc::new(Signed { jti, keys: ring.number });
        self.verdicts.signatures.insert(digest, Arc::clone(&signed));
        Ok(signed)
    }

    /// The live access token that this text is; a refusal with `invalid_token` for every other text.
    pub async fn present(&self, request: &HttpRequest, text: &Secret) -> Result<Arc<Live>> {
        let signed = self.genuine(text)?;
        let jti = signed.jti.clone();
        let read = move |tx: &mut Tx<'_>, env: Env<'_>| {
            let live = token::live(tx, &jti, env.now())?.ok_or_else(jwt::invalid_token)?;
            let rows = live.rows();
            Ok((live, rows))
        };
        let live = self.verdicts.tokens.get(self, request, &signed.jti, read).await?;
        if live.token.expires_at <= self.context().now() {
            return Err(jwt::invalid_token());
        }
        Ok(live)
    }

    /// The claims about the person of a live token; `read` finds them.
    pub async fn claims(
        &self,
        request: &HttpRequest,
        live: &Arc<Live>,
        read: impl FnOnce(&mut Tx<'_>, Env<'_>, &Live) -> Result<Map<String, Value>> + Send + 'static,
    ) -> Result<Arc<Map<String, Value>>> {
        let of = Arc::clone(live);
        let read = move |tx: &mut Tx<'_>, env: Env<'_>| Ok((read(tx, env, &of)?, of.rows()));
        self.verdicts.persons.get(self, request, &live.token.jti, read).await
    }

    /// The device code that a client polls with, if it is its own.
    pub async fn device(
        &self,
        request: &HttpRequest,
        known: &Arc<Known>,
        device_code: &Secret,
    ) -> Result<Arc<DeviceCode>> {
        let name = format!("{} {}", device_code.sha256(), known.client.id);
        let (known, device_code) = (Arc::clone(known), device_code.clone());
        let read = move |tx: &mut Tx<'_>, _: Env<'_>| {
            let code = grants::device::poll(tx, &known.client, &device_code)?;
            let rows = vec![Mark::of("device_codes", &code.id), Mark::of("clients", &known.client.id)];
            Ok((code, rows))
        };
        self.verdicts.devices.get(self, request, &name, read).await
    }

    /// Authenticates a client that asks for nothing to be written.
    pub async fn caller(
        &self,
        request: &HttpRequest,
        credentials: &Credentials,
        proof: Proof,
    ) -> Result<Arc<Known>> {
        let id = credentials.client_id.clone();
        let read = move |tx: &mut Tx<'_>, env: Env<'_>| {
            let known = Known::read(tx, &id, env.now())?;
            let rows = known.rows();
            Ok((known, rows))
        };
        let known = self.verdicts.clients.get(self, request, &credentials.client_id, read).await?;
        known.proven(credentials, proof, &self.policy, self.context().now())?;
        Ok(known)
    }
}

fn digest(text: &str) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}
