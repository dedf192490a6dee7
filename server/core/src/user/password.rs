//! Passwords: Argon2id, and what may be one.

use argon2::password_hash::PasswordHasher as _;
use argon2::{Algorithm, Argon2, Params, PasswordVerifier as _, Version};

use super::invalid;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::secret::{Secret, base64url};

/// Shortest password, in bytes.
const MIN_PASSWORD: usize = 8;
/// Longest password, in bytes: beyond that a request is for making the server hash.
const MAX_PASSWORD: usize = 1024;

/// Refuses a password that could be guessed at the rate that the login allows (NIST SP 800-63B 5.1.1.2), or that is
/// no password.
pub fn check_password(password: &Secret) -> Result<()> {
    if !(MIN_PASSWORD..=MAX_PASSWORD).contains(&password.expose().len()) {
        return Err(invalid("a password has 8 to 1024 bytes"));
    }
    Ok(())
}

fn argon2id() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).expect("OWASP's parameters are valid");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Hashes a password: Argon2id, 19 MiB, two passes; 16 ms of CPU. Belongs on the password threads.
pub fn hash_password(password: &Secret, ctx: &Context) -> Result<String> {
    let hash = argon2id().hash_password_with_salt(password.expose().as_bytes(), &ctx.bytes::<16>());
    hash.map(|hash| hash.to_string()).map_err(|error| Error::failed(format_args!("password hash: {error}")))
}

/// Compares a password with a stored hash. Belongs on the password threads.
pub fn verify_password(password: &Secret, stored: &str) -> bool {
    argon2::password_hash::phc::PasswordHash::new(stored)
        .is_ok_and(|hash| argon2id().verify_password(password.expose().as_bytes(), &hash).is_ok())
}

/// A new password nobody has to choose: 22 characters, 128 bits.
pub fn random_password(ctx: &Context) -> Secret {
    Secret::new(base64url(&ctx.bytes::<16>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::context;

    #[test]
    fn a_hash_is_argon2id_with_a_salt_of_its_own() {
        let (password, ctx) = (Secret::new("correct horse"), context());
        let (one, other) = (hash_password(&password, &ctx).unwrap(), hash_password(&password, &ctx).unwrap());
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && one != other);
        assert!(verify_password(&password, &one) && verify_password(&password, &other));
        for wrong in ["", "correct hors", "correct horse ", "Correct horse"] {
            assert!(!verify_password(&Secret::new(wrong), &one), "{wrong:?}");
        }
        for stored in ["", "correct horse", "$argon2id$", &one[..one.len() - 1]] {
            assert!(!verify_password(&password, stored), "{stored:?}");
        }
    }

    #[test]
    fn made_passwords_differ_and_pass_the_check() {
        let (one, other) = (random_password(&context()), random_password(&context()));
        assert!(one != other && one.expose().len() == 22);
        check_password(&one).unwrap();
    }

    #[test]
    fn passwords_have_a_shortest_and_a_longest() {
        for (length, fine) in [(0, false), (7, false), (8, true), (1024, true), (1025, false)] {
            assert_eq!(check_password(&Secret::new("x".repeat(length))).is_ok(), fine, "{length}");
        }
    }
}
