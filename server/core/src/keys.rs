//! Signing keys and the key of refresh tokens: made at first start, kept wrapped, found by `kid`.

mod making;
pub mod rotation;
mod signing;

use std::collections::HashMap;

use aws_lc_rs::hmac;
use serde_json::Value as JsonValue;

use making::NewKey;
pub use signing::SigningKey;

use crate::context::Context;
use crate::db::{Json, Tx, row, text_enum};
use crate::error::{Error, Result};
use crate::master::Master;
use crate::secret::Secret;

text_enum! {
    /// How a token is signed (RFC 7518 3.1).
    pub enum Algorithm {
        /// ECDSA on P-256 with SHA-256.
        Es256 = "ES256",
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        Rs256 = "RS256",
        /// HMAC with SHA-256; access tokens only (deviation D33).
        Hs256 = "HS256",
    }
}

text_enum! {
    /// Where a key stands in its life (deviation D24).
    pub enum KeyState {
        /// Published, not signing yet.
        Next = "next",
        /// Signing.
        Current = "current",
        /// Verifying what it signed.
        Retiring = "retiring",
        /// Verifying nothing.
        Revoked = "revoked",
        /// Over; what remains is its name and its public part.
        Removed = "removed",
    }
}

text_enum! {
    /// What a key is for.
    pub enum Purpose {
        /// Signs access and ID tokens.
        Sign = "sign",
        /// Authenticates refresh tokens (`refresh.md`).
        Refresh = "refresh",
    }
}

row! {
    /// A key as it is stored.
    pub struct StoredKey in "signing_keys" {
        /// Its name in token headers.
        kid: String,
        /// What it is for.
        purpose: Purpose,
        /// Its algorithm; HS256 for the key of refresh tokens.
        algorithm: Algorithm,
        /// Where it stands in its life.
        state: KeyState,
        /// The private key, PKCS#8 or raw, sealed with the master key.
        wrapped: String,
        /// The public key as it is published; an empty object for secret keys.
        public_jwk: Json<JsonValue>,
        /// Unix seconds.
        created_at: i64,
        /// Unix seconds of the first signature it may have made.
        activated_at: Option<i64>,
        /// Unix seconds.
        retired_at: Option<i64>,
        /// Unix seconds.
        removed_at: Option<i64>,
    }
}

const WRAP: &str = "signing keys";

/// Seconds for which caches may keep the JWK set, as its `Cache-Control` says.
pub const JWKS_MAX_AGE: i64 = 3600;

/// What the operator configured about keys.
#[derive(Clone, Debug, Default)]
pub struct KeyConfig {
    /// Algorithm of access tokens; ES256 if nothing is set.
    pub access_algorithm: Option<Algorithm>,
    /// The HS256 key.
    pub jwt_secret: Option<Secret>,
    /// A private key in PEM, imported as current.
    pub pem: Option<Secret>,
    /// The `kid` of the imported key instead of the derived one.
    pub key_id: Option<String>,
}

/// Every key that signs or verifies, loaded.
pub struct Keys {
    signing: Vec<SigningKey>,
    by_kid: HashMap<String, usize>,
    current: HashMap<&'static str, usize>,
    access: usize,
    refresh: Vec<(String, hmac::Key)>,
    jwks: String,
    id_token_default: Algorithm,
}

impl StoredKey {
    /// True if its secret part is still there.
    pub fn is_held(&self) -> bool {
        !matches!(self.state, KeyState::Revoked | KeyState::Removed)
    }
}

impl Keys {
    /// Makes what is missing: the key of refresh tokens, an ES256 and an RS256 key; imports a configured PEM.
    pub fn ensure(tx: &mut Tx<'_>, master: &Master, config: &KeyConfig, ctx: &Context) -> Result<()> {
        let current = |keys: &[StoredKey], purpose, algorithm| {
            let wanted = (purpose, algorithm, KeyState::Current);
            keys.iter().any(|key| (key.purpose, key.algorithm, key.state) == wanted)
        };
        if !current(&stored(tx)?, Purpose::Refresh, Algorithm::Hs256) {
            NewKey::refresh(1, ctx).store(tx, master, ctx)?;
        }
        if let Some(pem) = &config.pem {
            making::import(tx, master, pem, config, ctx)?;
        }
        for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
            if !current(&stored(tx)?, Purpose::Sign, algorithm) {
                NewKey::generate(algorithm)?.store(tx, master, ctx)?;
            }
        }
        Ok(())
    }

    /// Loads every stored key that may still sign or verify.
    pub fn load(tx: &mut Tx<'_>, master: &Master, config: &KeyConfig) -> Result<Self> {
        let mut keys = Self {
            signing: Vec::new(),
            by_kid: HashMap::new(),
            current: HashMap::new(),
            access: 0,
            refresh: Vec::new(),
            jwks: String::new(),
            id_token_default: match config.access_algorithm {
                Some(Algorithm::Es256) => Algorithm::Es256,
                _ => Algorithm::Rs256,
            },
        };
        let mut published = Vec::new();
        for stored in stored(tx)?.into_iter().filter(StoredKey::is_held) {
            let secret = master.open(WRAP, &stored.kid, &stored.wrapped).ok_or_else(|| {
                Error::failed(format_args!("the key {} cannot be unwrapped with this master key", stored.kid))
            })?;
            if stored.purpose == Purpose::Refresh {
                let key = (stored.kid, hmac::Key::new(hmac::HMAC_SHA256, &secret));
                let at = if stored.state == KeyState::Current { keys.refresh.len() } else { 0 };
                keys.refresh.insert(at, key);
                continue;
            }
            let at = keys.signing.len();
            keys.signing.push(SigningKey::from_pkcs8(stored.kid.clone(), stored.algorithm, &secret)?);
            if stored.state == KeyState::Current {
                keys.current.insert(stored.algorithm.as_str(), at);
            }
            keys.by_kid.insert(stored.kid, at);
            published.push(stored.public_jwk.0);
        }
        keys.jwks = serde_json::json!({ "keys": published }).to_string();
        keys.access = match (config.access_algorithm, &config.jwt_secret) {
            (Some(Algorithm::Hs256), Some(secret)) => {
                keys.signing.push(SigningKey::hs256(secret));
                keys.signing.len() - 1
            }
            (algorithm, _) => {
                let algorithm = algorithm.unwrap_or(Algorithm::Es256);
                *keys.current.get(algorithm.as_str()).ok_or_else(|| {
                    Error::failed(format_args!("there is no current {} key", algorithm.as_str()))
                })?
            }
        };
        Ok(keys)
    }

    /// The key that signs access tokens.
    pub fn access(&self) -> &SigningKey {
        &self.signing[self.access]
    }

    /// The current key that signs ID tokens with `algorithm`, or with the default if the client named none.
    pub fn id_token(&self, algorithm: Option<Algorithm>) -> &SigningKey {
        let algorithm =
            algorithm.filter(|algorithm| *algorithm != Algorithm::Hs256).unwrap_or(self.id_token_default);
        &self.signing[self.current[algorithm.as_str()]]
    }

    /// The key that a token's header names; without a `kid`, the HS256 key if that is what signs access tokens.
    pub fn by_kid(&self, kid: Option<&str>) -> Option<&SigningKey> {
        match kid {
            Some(kid) => self.by_kid.get(kid).map(|at| &self.signing[*at]),
            None => Some(self.access()).filter(|key| key.kid.is_none()),
        }
    }

    /// Algorithms with which ID tokens are signed, the default first, then whatever else verifies (deviation D36).
    pub fn algorithms(&self) -> Vec<&'static str> {
        let mut algorithms = vec![self.id_token_default.as_str()];
        for key in &self.signing {
            if key.algorithm != Algorithm::Hs256 && !algorithms.contains(&key.algorithm.as_str()) {
                algorithms.push(key.algorithm.as_str());
            }
        }
        algorithms
    }

    /// The JWK set (RFC 7517 5), ready to send.
    pub fn jwks(&self) -> &str {
        &self.jwks
    }

    /// The current key of refresh tokens and its name.
    pub fn refresh(&self) -> (&str, &hmac::Key) {
        let (kid, key) = self.refresh.last().expect("a refresh key is made at first start");
        (kid, key)
    }

    /// The key of refresh tokens that a family was made with.
    pub fn refresh_by_kid(&self, kid: &str) -> Option<&hmac::Key> {
        self.refresh.iter().find(|(known, _)| known == kid).map(|(_, key)| key)
    }
}

/// Every stored key, oldest first.
pub fn stored(tx: &mut Tx<'_>) -> Result<Vec<StoredKey>> {
    const SQL: &str = "SELECT kid, purpose, algorithm, state, wrapped, public_jwk, created_at, activated_at, \
                       retired_at, removed_at FROM signing_keys ORDER BY created_at, kid";
    tx.all(SQL, &[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Database;

    fn master() -> Master {
        Master::from_text(&Secret::new("A".repeat(43))).unwrap()
    }

    fn keys(database: &Database, config: &KeyConfig) -> Result<Keys> {
        database.write(|tx, _, ctx| {
            Keys::ensure(tx, &master(), config, ctx)?;
            Keys::load(tx, &master(), config)
        })
    }

    fn with(algorithm: Algorithm) -> KeyConfig {
        KeyConfig {
            access_algorithm: Some(algorithm),
            jwt_secret: Some(Secret::new("x".repeat(32))),
            ..KeyConfig::default()
        }
    }

    fn pem(pem: String) -> KeyConfig {
        KeyConfig { pem: Some(Secret::new(pem)), ..KeyConfig::default() }
    }

    #[test]
    fn d15_keys_are_made_once() {
        let database = Database::new();
        let first = keys(&database, &KeyConfig::default()).unwrap();
        let again = keys(&database, &KeyConfig::default()).unwrap();
        assert_eq!(first.jwks(), again.jwks());
        assert_eq!((first.access().algorithm, first.refresh().0), (Algorithm::Es256, "1"));
        assert_eq!(first.id_token(None).algorithm, Algorithm::Rs256);
        assert_eq!(first.algorithms(), ["RS256", "ES256"]);
    }

    #[test]
    fn the_jwk_set_holds_public_keys_only() {
        let keys = keys(&Database::new(), &KeyConfig::default()).unwrap();
        let jwks: JsonValue = serde_json::from_str(keys.jwks()).unwrap();
        let published = jwks["keys"].as_array().unwrap();
        assert_eq!(published.len(), 2);
        for key in published {
            let mut names: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
            names.retain(|name| !["alg", "kid", "kty", "use", "crv", "x", "y", "n", "e"].contains(name));
            assert!(names.is_empty(), "{names:?}");
            assert_eq!((key["use"].as_str(), key["kid"].as_str().unwrap().len()), (Some("sig"), 43));
            assert!(keys.by_kid(key["kid"].as_str()).is_some());
        }
    }

    #[test]
    fn d33_hs256_signs_access_tokens_only() {
        let keys = keys(&Database::new(), &with(Algorithm::Hs256)).unwrap();
        assert_eq!((keys.access().algorithm, keys.access().kid.as_deref()), (Algorithm::Hs256, None));
        assert_eq!(keys.id_token(Some(Algorithm::Hs256)).algorithm, Algorithm::Rs256);
        assert!(keys.by_kid(None).is_some() && keys.jwks().contains("RS256"));
        assert!(!keys.algorithms().contains(&"HS256"));
    }

    #[test]
    fn d32_id_tokens_are_rs256_unless_somebody_chose() {
        let database = Database::new();
        let of = |config: &KeyConfig, chosen| keys(&database, config).unwrap().id_token(chosen).algorithm;
        assert_eq!(of(&KeyConfig::default(), None), Algorithm::Rs256);
        assert_eq!(of(&KeyConfig::default(), Some(Algorithm::Es256)), Algorithm::Es256);
        assert_eq!(of(&with(Algorithm::Es256), None), Algorithm::Es256);
        assert_eq!(of(&with(Algorithm::Rs256), None), Algorithm::Rs256);
    }

    #[test]
    fn a_pem_is_imported_as_current_and_the_one_before_retires() {
        for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
            let database = Database::new();
            keys(&database, &KeyConfig::default()).unwrap();
            for text in making::tests::pems(algorithm) {
                let imported =
                    keys(&database, &KeyConfig { access_algorithm: Some(algorithm), ..pem(text) }).unwrap();
                let kid = imported.access().kid.clone();
                assert_eq!(imported.access().algorithm, algorithm);
                let stored = database.write(|tx, _, _| stored(tx)).unwrap();
                let of = |state| {
                    stored.iter().filter(|k| k.algorithm == algorithm && k.state == state).collect::<Vec<_>>()
                };
                assert_eq!(
                    (of(KeyState::Current).len(), of(KeyState::Retiring).len()),
                    (1, 1),
                    "the same key in every form"
                );
                assert_eq!(of(KeyState::Current)[0].kid, kid.unwrap());
                assert!(imported.by_kid(Some(&of(KeyState::Retiring)[0].kid)).is_some(), "it still verifies");
            }
        }
    }

    #[test]
    fn a_pem_that_is_configured_again_signs_again_and_one_that_was_rotated_away_does_not() {
        let database = Database::new();
        let (a, b) = (
            pem(making::tests::pems(Algorithm::Es256).remove(0)),
            pem(making::tests::pems(Algorithm::Es256).remove(0)),
        );
        let signs = |config: &KeyConfig| keys(&database, config).unwrap().access().kid.clone().unwrap();
        let (first, second) = (signs(&a), signs(&b));
        assert_eq!(signs(&a), first, "another was configured in between");
        let sql = "UPDATE signing_keys SET state = CASE kid WHEN ?1 THEN 'current' ELSE 'retiring' END \
                   WHERE algorithm = 'ES256'";
        database.write(|tx, _, _| tx.execute(sql, crate::db::params![&second])).unwrap();
        assert_eq!(signs(&a), second, "it was rotated away by a command");
        let revoke = "UPDATE signing_keys SET state = 'revoked' WHERE kid = ?1";
        signs(&b);
        database.write(|tx, _, _| tx.execute(revoke, crate::db::params![&first])).unwrap();
        let error = keys(&database, &a).err().unwrap().to_string();
        assert!(error.contains("was revoked as compromised"), "{error}");
    }

    #[test]
    fn a_kid_names_one_key() {
        let database = Database::new();
        let named = |text: String| KeyConfig { key_id: Some("k1".into()), ..pem(text) };
        let one = making::tests::pems(Algorithm::Es256).remove(0);
        assert_eq!(keys(&database, &named(one.clone())).unwrap().access().kid.as_deref(), Some("k1"));
        assert_eq!(keys(&database, &named(one)).unwrap().access().kid.as_deref(), Some("k1"));
        let other = making::tests::pems(Algorithm::Es256).remove(0);
        let error = keys(&database, &named(other)).err().unwrap().to_string();
        assert!(error.starts_with("JWT_KEY_ID=k1: another key has this name"), "{error}");
        let refresh =
            KeyConfig { key_id: Some("1".into()), ..pem(making::tests::pems(Algorithm::Es256).remove(0)) };
        assert!(keys(&database, &refresh).err().unwrap().to_string().starts_with("JWT_KEY_ID=1: another"));
    }

    #[test]
    fn the_algorithm_and_the_pem_must_agree() {
        let database = Database::new();
        for (algorithm, of, expected) in [
            (Algorithm::Rs256, Algorithm::Es256, "RS256 requires an RSA key"),
            (Algorithm::Es256, Algorithm::Rs256, "ES256 requires P-256 curve"),
        ] {
            let config =
                KeyConfig { access_algorithm: Some(algorithm), ..pem(making::tests::pems(of).remove(0)) };
            let error = keys(&database, &config).err().unwrap().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let hs256 = KeyConfig {
            pem: pem(making::tests::pems(Algorithm::Es256).remove(0)).pem,
            ..with(Algorithm::Hs256)
        };
        assert!(keys(&database, &hs256).is_ok());
    }

    #[test]
    fn d24_a_revoked_key_verifies_nothing() {
        let database = Database::new();
        let kid = keys(&database, &KeyConfig::default()).unwrap().access().kid.clone().unwrap();
        database
            .write(|tx, _, _| {
                tx.execute("UPDATE signing_keys SET state = 'revoked' WHERE algorithm = 'ES256'", &[])
            })
            .unwrap();
        let keys = keys(&database, &KeyConfig::default()).unwrap();
        assert!(keys.by_kid(Some(&kid)).is_none() && !keys.jwks().contains(&kid));
        assert_ne!(keys.access().kid.as_deref(), Some(kid.as_str()), "another was made");
    }

    #[test]
    fn keys_are_wrapped() {
        let database = Database::new();
        keys(&database, &KeyConfig::default()).unwrap();
        let other = Master::from_text(&Secret::new("B".repeat(42) + "A")).unwrap();
        let error = database.write(|tx, _, _| Keys::load(tx, &other, &KeyConfig::default())).err().unwrap();
        assert!(error.to_string().contains("cannot be unwrapped"), "{error}");
        for key in database.write(|tx, _, _| stored(tx)).unwrap() {
            assert!(master().open(WRAP, &key.kid, &key.wrapped).is_some());
            assert!(master().open(WRAP, "another", &key.wrapped).is_none(), "bound to its name");
        }
    }
}
