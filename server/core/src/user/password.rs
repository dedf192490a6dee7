//! Passwords: Argon2id, and what may be one.

use argon2::password_hash::PasswordHasher as _;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordVerifier as _, Version};

use super::invalid;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::imported;
use crate::secret::{Secret, base64url};

/// Shortest password, in bytes.
const MIN_PASSWORD: usize = 8;
/// Longest password, in bytes: beyond that a request is for making the server hash.
const MAX_PASSWORD: usize = 1024;
/// How a hash of [`hash_password`] begins.
const OURS: &str = "$argon2id$v=19$m=19456,t=2,p=1$";
/// Most memory of an imported hash, in KiB: 64 MiB is RFC 9106's recommendation where memory is scarce.
const MAX_MEMORY: u32 = 64 * 1024;
/// Most passes of an imported hash: with the memory it bounds a guess at a tenth of a second.
const MAX_PASSES: u32 = 4;
/// Most lanes of an imported hash; RFC 9106 recommends 4.
const MAX_LANES: u32 = 4;

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

/// Compares a password with a stored hash, also one of another server. Belongs on the password threads.
pub fn verify_password(password: &Secret, stored: &str) -> bool {
    if imported::is_bcrypt(stored) {
        return imported::verify_bcrypt(password, stored);
    }
    PasswordHash::new(stored)
        .is_ok_and(|hash| argon2id().verify_password(password.expose().as_bytes(), &hash).is_ok())
}

/// True unless [`hash_password`] made this hash: it is replaced at the next login, so that every login costs the same.
pub fn is_foreign(stored: &str) -> bool {
    !stored.starts_with(OURS)
}

/// Refuses what [`verify_password`] cannot verify or should not: a hash that is neither bcrypt nor Argon2id (version
/// 19, PHC form), or costs more than a login may.
pub fn check_password_hash(hash: &str) -> Result<()> {
    if imported::is_bcrypt(hash) {
        return imported::check_bcrypt(hash);
    }
    let bounded = |hash: &PasswordHash| {
        Params::try_from(hash).is_ok_and(|params| {
            params.m_cost() <= MAX_MEMORY && params.t_cost() <= MAX_PASSES && params.p_cost() <= MAX_LANES
        })
    };
    // Shorter salts are none to Argon2 (RFC 9106 3.1); a shorter output says too little about the password.
    let whole = |hash: &PasswordHash| {
        hash.salt.as_ref().is_some_and(|salt| salt.len() >= 8)
            && hash.hash.as_ref().is_some_and(|output| output.len() >= 16)
    };
    let known = hash.starts_with("$argon2id$v=19$");
    let parsed = PasswordHash::new(hash).ok();
    parsed.filter(|hash| known && bounded(hash) && whole(hash)).map(drop).ok_or_else(|| {
        invalid("not a hash that can be imported: bcrypt, or Argon2id of at most m=65536,t=4,p=4 in PHC form")
    })
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
        assert!(!is_foreign(&one) && !is_foreign(&other) && one != other);
        check_password_hash(&one).unwrap();
        assert!(verify_password(&password, &one) && verify_password(&password, &other));
        for wrong in ["", "correct hors", "correct horse ", "Correct horse"] {
            assert!(!verify_password(&Secret::new(wrong), &one), "{wrong:?}");
        }
        for stored in ["", "correct horse", "$argon2id$", &one[..one.len() - 1]] {
            assert!(!verify_password(&password, stored), "{stored:?}");
        }
    }

    #[test]
    fn hashes_of_other_servers_are_verified_and_foreign() {
        let bcrypt = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        // The reference implementation's own test of version 19.
        let argon2id = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        for (password, hash) in [("U*U", bcrypt), ("password", argon2id)] {
            check_password_hash(hash).unwrap();
            assert!(is_foreign(hash) && verify_password(&Secret::new(password), hash));
            assert!(
                !verify_password(&Secret::new("Password"), hash) && !verify_password(&Secret::new(""), hash)
            );
        }
    }

    #[test]
    fn adv_15_an_imported_hash_costs_no_more_than_a_login_may() {
        let of = |head: &str, salt: &str, output: &str| format!("{head}${salt}${output}");
        let (salt, output) = ("A".repeat(22), "A".repeat(43));
        let with = |head: &str| of(head, &salt, &output);
        check_password_hash(&with("$argon2id$v=19$m=65536,t=4,p=4")).unwrap();
        for hash in [
            with("$argon2id$v=19$m=65537,t=1,p=1"),
            with("$argon2id$v=19$m=4294967295,t=1,p=1"),
            with("$argon2id$v=19$m=19456,t=5,p=1"),
            with("$argon2id$v=19$m=19456,t=2,p=5"),
            with("$argon2id$v=19$m=19456,t=0,p=1"),
            with("$argon2id$v=16$m=19456,t=2,p=1"),
            with("$argon2id$m=19456,t=2,p=1"),
            with("$argon2i$v=19$m=19456,t=2,p=1"),
            with("$argon2d$v=19$m=19456,t=2,p=1"),
            with("$scrypt$ln=14,r=8,p=1"),
            with("$6"),
            of("$argon2id$v=19$m=19456,t=2,p=1", "AAAA", &output),
            of("$argon2id$v=19$m=19456,t=2,p=1", &salt, &"A".repeat(16)),
            format!("$argon2id$v=19$m=19456,t=2,p=1${salt}"),
            format!("{}\n", with("$argon2id$v=19$m=19456,t=2,p=1")),
            "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW".to_owned(),
            "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW".to_owned(),
            "correct horse".to_owned(),
            String::new(),
        ] {
            assert!(check_password_hash(&hash).is_err(), "{hash}");
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
