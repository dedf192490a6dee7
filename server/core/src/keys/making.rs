//! Where keys come from: made here, or imported from a PEM.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RsaKeyPair};
use picky::jose::jwk::{Jwa, Jwk, JwkPubKeyUse};
use picky::jose::jws::JwsAlg;
use picky::key::PrivateKey;
use serde_json::Value as JsonValue;

use super::{Algorithm, KeyConfig, KeyState, Purpose, StoredKey, WRAP, stored};
use crate::context::Context;
use crate::db::{Json, Tx, params};
use crate::error::{Error, Result};
use crate::generation;
use crate::master::Master;
use crate::secret::{Secret, sha256};
use crate::settings;

/// Which key was configured last.
const CONFIGURED: &str = "configured_key";

/// A key that is not stored yet.
pub struct NewKey {
    kid: String,
    purpose: Purpose,
    algorithm: Algorithm,
    secret: Vec<u8>,
    public_jwk: JsonValue,
}

impl NewKey {
    /// A key of refresh tokens: 256 random bits. Its name is a number that fits into a byte of the token.
    pub fn refresh(number: u8, ctx: &Context) -> Self {
        let secret: [u8; 32] = ctx.bytes();
        Self {
            kid: number.to_string(),
            purpose: Purpose::Refresh,
            algorithm: Algorithm::Hs256,
            secret: secret.into(),
            public_jwk: serde_json::json!({}),
        }
    }

    /// A new key pair.
    pub fn generate(algorithm: Algorithm) -> Result<Self> {
        let broken = |_| Error::failed("cannot generate a signing key");
        let secret = if algorithm == Algorithm::Rs256 {
            let pair = rsa::KeyPair::generate(KeySize::Rsa2048).map_err(broken)?;
            let der: Pkcs8V1Der<'_> = pair.as_der().map_err(broken)?;
            der.as_ref().to_vec()
        } else {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(broken)?;
            pair.to_pkcs8v1().map_err(broken)?.as_ref().to_vec()
        };
        Self::signing(algorithm, secret, None)
    }

    /// From PKCS#8. Without a `kid` it is the SHA-256 of the `SubjectPublicKeyInfo`: caches key on it across a migration.
    fn signing(algorithm: Algorithm, secret: Vec<u8>, kid: Option<&str>) -> Result<Self> {
        let public =
            PrivateKey::from_pkcs8(&secret).and_then(|key| key.to_public_key()).map_err(Error::failed)?;
        let spki = public.to_der().map_err(Error::failed)?;
        let kid = kid.map_or_else(|| sha256(&spki), str::to_owned);
        let mut jwk = Jwk::from_public_key(&public).map_err(Error::failed)?;
        jwk.kid = Some(kid.clone());
        jwk.key_use = Some(JwkPubKeyUse::Signature);
        jwk.alg = Some(Jwa::Sig(if algorithm == Algorithm::Rs256 { JwsAlg::RS256 } else { JwsAlg::ES256 }));
        Ok(Self { kid, purpose: Purpose::Sign, algorithm, secret, public_jwk: serde_json::to_value(&jwk)? })
    }

    /// From the first private key of a PEM: RSA or EC P-256.
    pub fn from_pem(pem: &Secret, kid: Option<&str>) -> Result<Self> {
        let secret = private_key(pem.expose())?.to_pkcs8().map_err(Error::failed)?;
        let algorithm = if EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &secret).is_ok() {
            Algorithm::Es256
        } else if RsaKeyPair::from_pkcs8(&secret).is_ok() {
            Algorithm::Rs256
        } else {
            return Err(Error::failed(
                "the configured private key is neither RSA of at least 2048 bits nor EC P-256",
            ));
        };
        Self::signing(algorithm, secret, kid)
    }

    /// Its name.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// A refusal if another key has its name; false if it is stored already.
    pub fn is_new(&self, tx: &mut Tx<'_>) -> Result<bool> {
        match stored(tx)?.into_iter().find(|key| key.kid == self.kid) {
            None => Ok(true),
            Some(known) if known.public_jwk.0 == self.public_jwk => Ok(false),
            Some(known) => Err(Error::failed(format_args!(
                "JWT_KEY_ID={}: another key has this name already, so verifiers would mix them up: choose another",
                known.kid
            ))),
        }
    }

    /// Stores it, wrapped, as current.
    pub fn store(self, tx: &mut Tx<'_>, master: &Master, ctx: &Context) -> Result<()> {
        self.store_as(KeyState::Current, tx, master, ctx)
    }

    /// Stores it, wrapped.
    pub fn store_as(self, state: KeyState, tx: &mut Tx<'_>, master: &Master, ctx: &Context) -> Result<()> {
        master.require(tx)?;
        generation::raise(tx, generation::Of::Keys)?;
        StoredKey {
            wrapped: master.seal(WRAP, &self.kid, &self.secret, ctx),
            kid: self.kid,
            purpose: self.purpose,
            algorithm: self.algorithm,
            state,
            public_jwk: Json(self.public_jwk),
            created_at: ctx.now(),
            activated_at: (state == KeyState::Current).then(|| ctx.now()),
            retired_at: None,
            removed_at: None,
        }
        .insert(tx)
    }
}

/// Imports a PEM as the current key of its algorithm, unless it is there already; the one before it retires.
pub fn import(
    tx: &mut Tx<'_>,
    master: &Master,
    pem: &Secret,
    config: &KeyConfig,
    ctx: &Context,
) -> Result<()> {
    let new = NewKey::from_pem(pem, config.key_id.as_deref())?;
    let wanted =
        config.access_algorithm.filter(|wanted| *wanted != Algorithm::Hs256).unwrap_or(new.algorithm);
    if wanted != new.algorithm {
        return Err(Error::failed(format_args!(
            "JWT_SIGNING_ALGORITHM={}: {}, and the configured private key is for {}",
            wanted.as_str(),
            if wanted == Algorithm::Rs256 {
                "RS256 requires an RSA key"
            } else {
                "ES256 requires P-256 curve"
            },
            new.algorithm.as_str()
        )));
    }
    // What is configured is imported once: a key that was rotated away since stays away, until another is configured.
    let known = settings::get(tx, CONFIGURED)?;
    let is_new = new.is_new(tx)?;
    if !is_new && known.is_none_or(|(kid, _)| kid == new.kid) {
        return Ok(());
    }
    settings::put(tx, CONFIGURED, &new.kid, ctx.now())?;
    if is_new {
        retire(tx, (Purpose::Sign, new.algorithm), ctx.now())?;
        return new.store(tx, master, ctx);
    }
    reinstate(tx, master, new, ctx)
}

/// A key that is configured again signs again, unless it was revoked.
fn reinstate(tx: &mut Tx<'_>, master: &Master, new: NewKey, ctx: &Context) -> Result<()> {
    let state: Option<(KeyState,)> =
        tx.one("SELECT state FROM signing_keys WHERE kid = ?1", params![&new.kid])?;
    match state {
        Some((KeyState::Current,)) => Ok(()),
        Some((KeyState::Revoked,)) => Err(Error::failed(format_args!(
            "the configured private key {} was revoked as compromised: configure another",
            new.kid
        ))),
        _ => {
            retire(tx, (Purpose::Sign, new.algorithm), ctx.now())?;
            tx.execute("DELETE FROM signing_keys WHERE kid = ?1", params![&new.kid])?;
            new.store(tx, master, ctx)
        }
    }
}

/// The current key of this purpose and algorithm goes on verifying only.
pub fn retire(tx: &mut Tx<'_>, (purpose, algorithm): (Purpose, Algorithm), now: i64) -> Result<()> {
    tx.execute(
        "UPDATE signing_keys SET state = 'retiring', retired_at = ?1 \
         WHERE purpose = ?2 AND algorithm = ?3 AND state = 'current'",
        params![now, purpose, algorithm],
    )
    .map(drop)
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

#[cfg(test)]
pub mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn block(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    }

    /// One new key in every form of PEM that there is for it.
    pub fn pems(algorithm: Algorithm) -> Vec<String> {
        let key = PrivateKey::from_pkcs8(&NewKey::generate(algorithm).unwrap().secret).unwrap();
        let pkcs8 = block("PRIVATE KEY", &key.to_pkcs8().unwrap());
        let foreign =
            block("EC PARAMETERS", b"\x06\x08*\x86H\xce=\x03\x01\x07") + &block("CERTIFICATE", b"x");
        let older = match algorithm {
            Algorithm::Rs256 => block("RSA PRIVATE KEY", &key.to_pkcs1().unwrap()),
            _ => sec1(&key),
        };
        vec![
            pkcs8.clone(),
            foreign.clone() + &pkcs8,
            older.clone(),
            foreign + &older,
            pkcs8.replace('\n', "\r\n"),
        ]
    }

    fn sec1(key: &PrivateKey) -> String {
        use aws_lc_rs::encoding::EcPrivateKeyRfc5915Der;
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.to_pkcs8().unwrap()).unwrap();
        let der: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().unwrap();
        block("EC PRIVATE KEY", der.as_ref())
    }

    #[test]
    fn what_is_no_private_key_is_refused() {
        let encrypted = block("ENCRYPTED PRIVATE KEY", b"x");
        for text in
            ["", "x", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----", &block("CERTIFICATE", b"x"), &encrypted]
        {
            let error = private_key(text).err().unwrap().to_string();
            assert_eq!(error, "no supported private key found in PEM file", "{text}");
        }
        assert!(private_key(&block("PRIVATE KEY", b"x")).is_err());
        assert!(private_key("-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----").is_err());
    }

    #[test]
    fn other_keys_are_refused() {
        use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, Ed25519KeyPair};
        let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        let ed25519 = Ed25519KeyPair::generate().unwrap();
        for der in [p384.to_pkcs8v1().unwrap().as_ref(), ed25519.to_pkcs8v1().unwrap().as_ref()] {
            let pem = Secret::new(block("PRIVATE KEY", der));
            let error = NewKey::from_pem(&pem, None).err().unwrap().to_string();
            assert!(error.contains("neither RSA of at least 2048 bits nor EC P-256"), "{error}");
        }
    }
}
