//! Hashes that come from another server with its users and clients: bcrypt, verified until its first use and then
//! replaced by what this server makes itself.

use bcrypt::HashParts;

use crate::error::{Code, Error, Result};
use crate::secret::Secret;

/// Doublings of the work. Below 4 bcrypt is not defined; 14 takes about a second of a processor, and whoever knows a name
/// can have that spent.
const COSTS: std::ops::RangeInclusive<u32> = 4..=14;
/// Bytes of a secret that bcrypt looks at.
const MAX_SECRET: usize = 72;

/// True if this is a bcrypt hash by its prefix; no other kind of stored hash begins so.
pub fn is_bcrypt(stored: &str) -> bool {
    stored.starts_with("$2")
}

/// Refuses what cannot be verified here: `$2x$`, which is what one implementation's bug made, costs that are out of
/// bounds, and anything that is not 60 characters of bcrypt.
pub fn check_bcrypt(hash: &str) -> Result<()> {
    let known = ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix));
    // The parser would take a cost with a sign.
    let digits = hash.bytes().skip(4).take(2).all(|byte| byte.is_ascii_digit());
    let parts = hash.parse::<HashParts>().ok().filter(|_| known && digits);
    parts.filter(|parts| COSTS.contains(&parts.get_cost())).map(drop).ok_or_else(|| {
        let words = "not a bcrypt hash: 60 characters that begin with $2a$, $2b$ or $2y$, of cost 4 to 14";
        Error::refused(Code::InvalidRequest, words)
    })
}

/// Compares a secret with a bcrypt hash; some 60 ms of a processor at cost 10. Belongs on the password threads.
///
/// A secret longer than the 72 bytes that bcrypt looks at, or with a NUL, is no match: others would have the same hash. It
/// costs the same.
pub fn verify_bcrypt(secret: &Secret, stored: &str) -> bool {
    let bytes = secret.expose().as_bytes();
    let whole = bytes.len() <= MAX_SECRET && !bytes.contains(&0);
    check_bcrypt(stored).is_ok() && bcrypt::verify(bytes, stored).unwrap_or(false) && whole
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the crypt_blowfish test vectors, which every implementation agrees on.
    const KNOWN: [(&str, &str); 4] = [
        ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
        ("", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
        (
            "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
            "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
        ),
    ];

    #[test]
    fn what_another_implementation_hashed_is_recognised() {
        for (secret, hash) in KNOWN {
            for prefix in ["$2a$", "$2b$", "$2y$"] {
                let hash = hash.replacen("$2a$", prefix, 1);
                check_bcrypt(&hash).unwrap();
                assert!(is_bcrypt(&hash) && verify_bcrypt(&Secret::new(secret), &hash), "{hash}");
                assert!(!verify_bcrypt(&Secret::new(format!("{secret}x")), &hash), "{hash}");
            }
        }
    }

    #[test]
    fn adv_bcrypt_s_72_bytes_and_its_nul_hide_nothing() {
        let (long, hash) = KNOWN[3];
        assert_eq!(long.len(), 72);
        assert!(bcrypt::verify(format!("{long}chars after 72 are ignored"), hash).unwrap(), "the trap");
        assert!(!verify_bcrypt(&Secret::new(format!("{long}chars after 72 are ignored")), hash));
        let (word, hash) = KNOWN[0];
        let repeated = format!("{word}\0{word}");
        assert!(bcrypt::verify(&repeated, hash).unwrap(), "the other trap: the key is repeated with its NUL");
        assert!(!verify_bcrypt(&Secret::new(repeated), hash));
    }

    #[test]
    fn hostile_hashes_are_refused_and_match_nothing() {
        let (word, hash) = KNOWN[0];
        let changed = |from, to| hash.replacen(from, to, 1);
        for bad in [
            changed("$2a$", "$2x$"),
            changed("$2a$", "$2$"),
            changed("$2a$", "$1$"),
            changed("$05$", "$31$"),
            changed("$05$", "$15$"),
            changed("$05$", "$03$"),
            changed("$05$", "$+5$"),
            changed("$05$", "$5$"),
            changed("C.E5", "C!E5"),
            changed("$2a$05$CC", "$2a$05$\u{e9}"),
            hash[..59].to_owned(),
            format!("{hash}x"),
            format!(" {}", &hash[..59]),
            format!("{}\n", &hash[..59]),
            "$2a$05$".to_owned(),
            String::new(),
            "garbage".to_owned(),
            "$2".repeat(10_000),
        ] {
            let refusal = check_bcrypt(&bad).unwrap_err();
            assert_eq!(refusal.code(), Some(Code::InvalidRequest), "{bad}");
            assert!(!verify_bcrypt(&Secret::new(word), &bad), "{bad}");
        }
    }
}
