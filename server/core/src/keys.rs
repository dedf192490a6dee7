//! Signing keys and the key of refresh tokens: made at first start, kept wrapped, found by `kid`.

use std::collections::HashMap;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use aws_lc_rs::{hmac, rsa};
use picky::jose::jwk::{Jwa, Jwk, JwkPubKeyUse};
use picky::jose::jws::JwsAlg;
use picky::key::PrivateKey;
use serde_json::Value as JsonValue;

use crate::context::Context;
use crate::db::{Json, Tx, params, row, text_enum};
use crate::error::{Error, Result};
use crate::master::Master;
use crate::secret::{Secret, sha256};

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

/// A key that can sign and verify.
pub struct SigningKey {
    /// Its name in token headers; none for HS256, as the contract has it.
    pub kid: Option<String>,
    /// Its algorithm.
    pub algorithm: Algorithm,
    secret: SecretKey,
}

enum SecretKey {
    Ecdsa { pair: EcdsaKeyPair, public: ParsedPublicKey },
    Rsa { pair: RsaKeyPair, public: ParsedPublicKey },
    Hmac(Box<hmac::Key>),
}

impl SigningKey {
    fn from_pkcs8(kid: String, algorithm: Algorithm, der: &[u8]) -> Result<Self> {
        let bad = |_| Error::failed(format_args!("the stored signing key {kid} cannot be read"));
        let secret = if algorithm == Algorithm::Rs256 {
            let pair = RsaKeyPair::from_pkcs8(der).map_err(bad)?;
            let public =
                ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref()).map_err(bad)?;
            SecretKey::Rsa { pair, public }
        } else {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(bad)?;
            let public =
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref()).map_err(bad)?;
            SecretKey::Ecdsa { pair, public }
        };
        Ok(Self { kid: Some(kid), algorithm, secret })
    }

    fn hs256(secret: &Secret) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        Self { kid: None, algorithm: Algorithm::Hs256, secret: SecretKey::Hmac(Box::new(key)) }
    }

    /// Signs `message` (RFC 7515 5.1). An ECDSA signature comes in its low-s form, the only one [`Self::verifies`] takes.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.secret {
            SecretKey::Ecdsa { pair, .. } => {
                let signature = pair.sign(&SystemRandom::new(), message).expect("a parsed P-256 key signs");
                low_s(signature.as_ref())
            }
            SecretKey::Rsa { pair, .. } => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .expect("a parsed RSA key signs");
                signature
            }
            SecretKey::Hmac(key) => hmac::sign(key, message).as_ref().to_vec(),
        }
    }

    /// True if `signature` is this key's over `message`, in its one canonical form.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.secret {
            SecretKey::Ecdsa { public, .. } => {
                signature.len() == 64
                    && signature[32..] <= HALF_N[..]
                    && public.verify_sig(message, signature).is_ok()
            }
            SecretKey::Rsa { public, .. } => public.verify_sig(message, signature).is_ok(),
            SecretKey::Hmac(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

/// The order of P-256.
const N: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
/// Half of it, rounded down: of the two signatures (r, s) and (r, n-s) only the one with the smaller s is ours.
const HALF_N: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xde,
    0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

fn low_s(signature: &[u8]) -> Vec<u8> {
    let mut signature = signature.to_vec();
    if signature[32..] > HALF_N[..] {
        let mut borrow = 0;
        for at in (0..32).rev() {
            let difference = i16::from(N[at]) - i16::from(signature[32 + at]) - borrow;
            borrow = i16::from(difference < 0);
            signature[32 + at] =
                u8::try_from(difference.rem_euclid(256)).expect("a remainder by 256 is a byte");
        }
    }
    signature
}

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

impl Keys {
    /// Makes what is missing: an ES256 and an RS256 key and the key of refresh tokens; imports a configured PEM.
    pub fn ensure(tx: &mut Tx<'_>, master: &Master, config: &KeyConfig, ctx: &Context) -> Result<()> {
        if let Some(pem) = &config.pem {
            import(tx, master, pem, config.key_id.as_deref(), ctx)?;
        }
        for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
            if stored(tx)?.iter().all(|key| key.algorithm != algorithm || key.state != KeyState::Current) {
                let der = generate(algorithm)?;
                store(tx, master, algorithm, &der, None, ctx)?;
            }
        }
        if stored(tx)?.iter().all(|key| key.purpose != Purpose::Refresh || key.state != KeyState::Current) {
            let kid = "1".to_owned();
            let key: [u8; 32] = ctx.bytes();
            StoredKey {
                wrapped: master.seal(WRAP, &kid, &key, ctx),
                kid,
                purpose: Purpose::Refresh,
                algorithm: Algorithm::Hs256,
                state: KeyState::Current,
                public_jwk: Json(serde_json::json!({})),
                created_at: ctx.now(),
                activated_at: Some(ctx.now()),
                retired_at: None,
                removed_at: None,
            }
            .insert(tx)?;
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
        for stored in stored(tx)?.into_iter().filter(|key| key.state != KeyState::Revoked) {
            let secret = master.open(WRAP, &stored.kid, &stored.wrapped).ok_or_else(|| {
                Error::failed(format_args!("the key {} cannot be unwrapped with this master key", stored.kid))
            })?;
            if stored.purpose == Purpose::Refresh {
                keys.refresh.push((stored.kid, hmac::Key::new(hmac::HMAC_SHA256, &secret)));
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

    /// The newest key of refresh tokens and its name.
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

fn generate(algorithm: Algorithm) -> Result<Vec<u8>> {
    let broken = |_| Error::failed("cannot generate a signing key");
    if algorithm == Algorithm::Rs256 {
        let pair = rsa::KeyPair::generate(KeySize::Rsa2048).map_err(broken)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(broken)?;
        return Ok(der.as_ref().to_vec());
    }
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(broken)?;
    Ok(pair.to_pkcs8v1().map_err(broken)?.as_ref().to_vec())
}

fn store(
    tx: &mut Tx<'_>,
    master: &Master,
    algorithm: Algorithm,
    der: &[u8],
    kid: Option<&str>,
    ctx: &Context,
) -> Result<()> {
    let public = PrivateKey::from_pkcs8(der).and_then(|key| key.to_public_key()).map_err(Error::failed)?;
    let spki = public.to_der().map_err(Error::failed)?;
    // SHA-256 of the SubjectPublicKeyInfo: caches key on it across a migration.
    let kid = kid.map_or_else(|| sha256(&spki), str::to_owned);
    let mut jwk = Jwk::from_public_key(&public).map_err(Error::failed)?;
    jwk.kid = Some(kid.clone());
    jwk.key_use = Some(JwkPubKeyUse::Signature);
    jwk.alg = Some(Jwa::Sig(if algorithm == Algorithm::Rs256 { JwsAlg::RS256 } else { JwsAlg::ES256 }));
    StoredKey {
        wrapped: master.seal(WRAP, &kid, der, ctx),
        kid,
        purpose: Purpose::Sign,
        algorithm,
        state: KeyState::Current,
        public_jwk: Json(serde_json::to_value(&jwk)?),
        created_at: ctx.now(),
        activated_at: Some(ctx.now()),
        retired_at: None,
        removed_at: None,
    }
    .insert(tx)
}

/// Imports a PEM as the current key of its algorithm, unless it is there already; the one before it retires.
fn import(tx: &mut Tx<'_>, master: &Master, pem: &Secret, kid: Option<&str>, ctx: &Context) -> Result<()> {
    let key = private_key(pem.expose())?;
    let der = key.to_pkcs8().map_err(Error::failed)?;
    let algorithm = if EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).is_ok() {
        Algorithm::Es256
    } else if RsaKeyPair::from_pkcs8(&der).is_ok() {
        Algorithm::Rs256
    } else {
        return Err(Error::failed(
            "JWT_PRIVATE_KEY_PEM: the key is neither RSA of at least 2048 bits nor EC P-256",
        ));
    };
    let spki = key.to_public_key().and_then(|public| public.to_der()).map_err(Error::failed)?;
    let derived = kid.map_or_else(|| sha256(&spki), str::to_owned);
    if stored(tx)?.iter().any(|key| key.kid == derived) {
        return Ok(());
    }
    tx.execute(
        "UPDATE signing_keys SET state = 'retiring', retired_at = ?1 WHERE algorithm = ?2 AND purpose = 'sign' AND state = 'current'",
        params![ctx.now(), algorithm],
    )?;
    store(tx, master, algorithm, &der, Some(&derived), ctx)
}

/// The first private key among the PEM blocks: PKCS#8, PKCS#1 or SEC1; foreign blocks are skipped.
fn private_key(text: &str) -> Result<PrivateKey> {
    let mut rest = text;
    while let Some(start) = rest.find("-----BEGIN ") {
        let end = rest[start..].find("-----END ").and_then(|end| {
            let tail = &rest[start + end..];
            tail[9..].find("-----").map(|dashes| start + end + 9 + dashes + 5)
        });
        let Some(end) = end else { break };
        let block = &rest[start..end];
        if block.contains("PRIVATE KEY-----") && !block.contains("ENCRYPTED") {
            return PrivateKey::from_pem_str(block)
                .map_err(|_| Error::failed("the private key in the PEM cannot be read"));
        }
        rest = &rest[end..];
    }
    Err(Error::failed("no supported private key found in PEM file"))
}
