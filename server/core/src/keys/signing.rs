//! One key: signs and verifies (RFC 7515 5).

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};

use super::Algorithm;
use crate::error::{Error, Result};
use crate::secret::Secret;

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
    /// From a private key that was wrapped in the database.
    pub(super) fn from_pkcs8(kid: String, algorithm: Algorithm, der: &[u8]) -> Result<Self> {
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

    /// From `JWT_SECRET`.
    pub(super) fn hs256(secret: &Secret) -> Self {
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
    if signature[32..] > HALF_N[..] { negated(signature) } else { signature.to_vec() }
}

/// The other signature that verifies as well: (r, n-s).
fn negated(signature: &[u8]) -> Vec<u8> {
    let mut negated = signature.to_vec();
    let mut borrow = 0;
    for at in (0..32).rev() {
        let difference = i16::from(N[at]) - i16::from(signature[32 + at]) - borrow;
        borrow = i16::from(difference < 0);
        negated[32 + at] = u8::try_from(difference.rem_euclid(256)).expect("a remainder by 256 is a byte");
    }
    negated
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};

    use super::*;

    fn keys() -> [SigningKey; 3] {
        let ecdsa = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap().to_pkcs8v1().unwrap();
        let rsa: Pkcs8V1Der<'_> = KeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap();
        [
            SigningKey::from_pkcs8("e".into(), Algorithm::Es256, ecdsa.as_ref()).unwrap(),
            SigningKey::from_pkcs8("r".into(), Algorithm::Rs256, rsa.as_ref()).unwrap(),
            SigningKey::hs256(&Secret::new("x".repeat(32))),
        ]
    }

    #[test]
    fn what_one_signs_only_it_verifies() {
        let (own, mut others) = (keys(), keys());
        others[2] = SigningKey::hs256(&Secret::new("y".repeat(32)));
        for key in &own {
            let signature = key.sign(b"message");
            assert!(key.verifies(b"message", &signature) && !key.verifies(b"massage", &signature));
            assert!(others.iter().all(|other| !other.verifies(b"message", &signature)));
        }
    }

    #[test]
    fn adv_13_no_second_form_and_no_part_of_a_signature() {
        for key in &keys() {
            let signature = key.sign(b"message");
            for cut in 0..signature.len() {
                assert!(!key.verifies(b"message", &signature[..cut]));
            }
            assert!(!key.verifies(b"message", &[&signature[..], &[0]].concat()));
            for at in 0..signature.len() {
                let mut touched = signature.clone();
                touched[at] ^= 1;
                assert!(!key.verifies(b"message", &touched), "{at}");
            }
        }
    }

    #[test]
    fn adv_13_the_other_ecdsa_signature_is_not_ours() {
        let [key, ..] = keys();
        for number in 0_u8..64 {
            let signature = key.sign(&[number]);
            assert!(signature[32..] <= HALF_N[..]);
            let other = negated(&signature);
            let SecretKey::Ecdsa { public, .. } = &key.secret else { unreachable!("the first is ES256") };
            assert!(public.verify_sig(&[number], &other).is_ok(), "mathematically it is one");
            assert!(key.verifies(&[number], &signature) && !key.verifies(&[number], &other));
        }
    }
}
