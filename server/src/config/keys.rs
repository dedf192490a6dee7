//! What signs tokens, and what encrypts the keys that do.

use std::path::PathBuf;

use authgate_core::keys::Algorithm;
use authgate_core::secret::{Secret, from_base64url};

use super::Database;
use super::parse::{self, Parsed};
use super::reader::Reader;
use super::reference::settings;

settings! { "Keys";
    /// Wraps every other key: 32 bytes in base64url without padding, 43 characters.
    MASTER_KEY = "", secret;
    /// File with the master key; if it is not set, a file `master.key` beside the database is made at first start.
    MASTER_KEY_FILE = "(master.key beside the database)";
    /// `ES256`, `RS256` or `HS256` for access tokens; when set and not HS256, for id_tokens as well.
    JWT_SIGNING_ALGORITHM = "(ES256)";
    /// Key of HS256, at least 32 bytes; nothing else uses it.
    JWT_SECRET = "", secret;
    /// File with `JWT_SECRET`.
    JWT_SECRET_FILE = "";
    /// Private key to sign with, as PEM; wins over the path. A key is made if there is none.
    JWT_PRIVATE_KEY_PEM = "", secret;
    /// File with the private key to sign with.
    JWT_PRIVATE_KEY_PATH = "";
    /// `kid` of that private key.
    JWT_KEY_ID = "(derived from the public key)";
    /// Time after which a new signing key takes over by itself, at least 3h; 0 is never.
    KEY_ROTATION_INTERVAL = "0";
}

/// Shortest `JWT_SECRET` in bytes: the output length of SHA-256 (RFC 7518 3.2).
const MIN_HMAC_SECRET: usize = 32;

/// Keys as the operator gave them.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The master key, if it was given by value or by `MASTER_KEY_FILE`.
    pub master: Option<Secret>,
    /// Where the master key is kept, and made if `master` is `None`.
    pub master_file: PathBuf,
    /// Private key to import, as PEM.
    pub pem: Option<Secret>,
    /// `kid` of the imported key.
    pub key_id: Option<String>,
    /// Algorithm of access tokens; `None` is ES256, but leaves id_tokens to what each client registered.
    pub signing_algorithm: Option<Algorithm>,
    /// Key of HS256; always there when that is the algorithm.
    pub jwt_secret: Option<Secret>,
    /// Seconds after which a new signing key takes over; 0 is never.
    pub rotation: i64,
}

pub(super) fn read(reader: &mut Reader<'_>, database: &Database) -> Keys {
    let named = reader.text(MASTER_KEY_FILE);
    let pem = reader.secret(JWT_PRIVATE_KEY_PEM, JWT_PRIVATE_KEY_PATH);
    if pem.as_ref().is_some_and(|pem| !pem.expose().contains("PRIVATE KEY-----")) {
        let culprit = if reader.text(JWT_PRIVATE_KEY_PEM).is_some() {
            JWT_PRIVATE_KEY_PEM
        } else {
            JWT_PRIVATE_KEY_PATH
        };
        reader.problem(culprit, "must hold a private key in PEM form");
    }
    Keys {
        master: master(reader),
        master_file: named.map_or_else(|| database.folder().join("master.key"), PathBuf::from),
        pem,
        key_id: reader.optional(JWT_KEY_ID, key_id),
        signing_algorithm: reader.optional(JWT_SIGNING_ALGORITHM, algorithm),
        jwt_secret: jwt_secret(reader),
        rotation: reader.value(KEY_ROTATION_INTERVAL, rotation),
    }
}

fn master(reader: &mut Reader<'_>) -> Option<Secret> {
    let master = reader.secret(MASTER_KEY, MASTER_KEY_FILE)?;
    if from_base64url(master.expose().trim()).is_none_or(|bytes| bytes.len() != 32) {
        let culprit = if reader.text(MASTER_KEY).is_some() { MASTER_KEY } else { MASTER_KEY_FILE };
        reader.problem(culprit, "must hold 32 random bytes in base64url without padding (43 characters)");
    }
    Some(master)
}

fn jwt_secret(reader: &mut Reader<'_>) -> Option<Secret> {
    let secret = reader.secret(JWT_SECRET, JWT_SECRET_FILE);
    if reader.text(JWT_SIGNING_ALGORITHM).as_deref() != Some("HS256") {
        return secret;
    }
    reader.weaker(JWT_SIGNING_ALGORITHM);
    let culprit = if reader.text(JWT_SECRET_FILE).is_some() && reader.text(JWT_SECRET).is_none() {
        JWT_SECRET_FILE
    } else {
        JWT_SECRET
    };
    match &secret {
        Some(secret) if secret.expose().len() >= MIN_HMAC_SECRET => {}
        Some(_) => reader.problem(culprit, "JWT_SECRET must be at least 32 bytes for HS256"),
        // What was wrong with it has been said already.
        None if !reader.sound(&[JWT_SECRET, JWT_SECRET_FILE]) => {}
        None => reader.problem(
            culprit,
            "HS256 signs with a secret that resource servers must have too, so it cannot be made up: set one of at \
             least 32 bytes that is not a published example, or leave JWT_SIGNING_ALGORITHM unset for ES256",
        ),
    }
    secret
}

fn algorithm(text: &str) -> Parsed<Algorithm> {
    let words = [Algorithm::Es256, Algorithm::Rs256, Algorithm::Hs256].map(|known| (known.as_str(), known));
    parse::word(text, &words)
}

/// A key is published for more than an hour before it signs, so a shorter interval would have two of them wait.
fn rotation(text: &str) -> Parsed<i64> {
    match parse::seconds(text, &(0..=i64::MAX))? {
        1..10_800 => Err("must be 0 or at least 3h".into()),
        seconds => Ok(seconds),
    }
}

fn key_id(text: &str) -> Parsed<String> {
    if text.len() > 128 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("must be at most 128 visible ASCII characters".into());
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Scratch, config, refused, warnings};
    use super::*;

    const MASTER: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const LONG: &str = "0123456789abcdef0123456789abcdef";
    const PUBLISHED: &str = "your-256-bit-secret-change-in-production";

    fn exposed(secret: Option<Secret>) -> Option<String> {
        secret.map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn nothing_need_be_set() {
        let keys = config(&[]).keys;
        assert!(keys.master.is_none() && keys.pem.is_none() && keys.jwt_secret.is_none());
        assert!(keys.signing_algorithm.is_none() && keys.key_id.is_none());
    }

    #[test]
    fn the_master_key_is_32_bytes() {
        assert_eq!(exposed(config(&[("MASTER_KEY", MASTER)]).keys.master), Some(MASTER.to_owned()));
        for text in ["short", &MASTER[1..], &format!("{MASTER}=")] {
            let problem = refused(&[("MASTER_KEY", text)]);
            assert!(problem.contains("MASTER_KEY=***: must hold 32 random bytes"), "{problem}");
        }
    }

    #[test]
    fn a_named_master_key_file_must_be_there() {
        let file = Scratch::new("master", &format!("{MASTER}\n"));
        let keys = config(&[("MASTER_KEY_FILE", file.path())]).keys;
        assert_eq!((exposed(keys.master), keys.master_file), (Some(MASTER.to_owned()), file.path().into()));
        assert!(refused(&[("MASTER_KEY_FILE", "/nonexistent/key")]).contains("can be read"));
        let empty = Scratch::new("master-empty", "\n");
        assert!(refused(&[("MASTER_KEY_FILE", empty.path())]).contains("not empty"));
        let short = Scratch::new("master-short", "hunter2");
        let problem = refused(&[("MASTER_KEY_FILE", short.path())]);
        assert!(problem.contains("MASTER_KEY_FILE=/") && !problem.contains("hunter2"), "{problem}");
    }

    #[test]
    fn inline_wins_over_the_file_and_warns() {
        let file = Scratch::new("inline-wins", "-----BEGIN PRIVATE KEY-----\nfile");
        let inline = "-----BEGIN EC PRIVATE KEY-----\ninline";
        let both = [("JWT_PRIVATE_KEY_PATH", file.path()), ("JWT_PRIVATE_KEY_PEM", inline)];
        assert_eq!(exposed(config(&both).keys.pem), Some(inline.to_owned()));
        assert!(warnings(&both)[0].contains("both set"));
        assert!(config(&both[..1]).keys.pem.is_some_and(|pem| pem.expose().ends_with("file")));
        assert!(refused(&[("JWT_PRIVATE_KEY_PEM", "hunter2")]).contains("PEM=***: must hold a private key"));
    }

    #[test]
    fn algorithms_by_name() {
        let algorithm = |text: &str| config(&[("JWT_SIGNING_ALGORITHM", text)]).keys.signing_algorithm;
        assert_eq!(algorithm("ES256"), Some(Algorithm::Es256));
        assert_eq!(algorithm("RS256"), Some(Algorithm::Rs256));
        for text in ["none", "es256", "PS256"] {
            assert!(refused(&[("JWT_SIGNING_ALGORITHM", text)]).contains("must be ES256 or RS256 or HS256"));
        }
    }

    #[test]
    fn hs256_needs_a_secret_of_32_bytes() {
        let hs256 = ("JWT_SIGNING_ALGORITHM", "HS256");
        assert_eq!(exposed(config(&[hs256, ("JWT_SECRET", LONG)]).keys.jwt_secret), Some(LONG.to_owned()));
        assert!(warnings(&[hs256, ("JWT_SECRET", LONG)])[0].contains("weaker than the default"));
        assert!(refused(&[hs256]).contains("JWT_SECRET is not set: HS256 signs with a secret"));
        assert!(
            refused(&[hs256, ("JWT_SECRET", &LONG[1..])]).contains("must be at least 32 bytes for HS256")
        );
        let file = Scratch::new("jwt-secret", &format!("{LONG}\r\n"));
        assert_eq!(
            exposed(config(&[hs256, ("JWT_SECRET_FILE", file.path())]).keys.jwt_secret),
            Some(LONG.to_owned())
        );
        let missing = refused(&[hs256, ("JWT_SECRET_FILE", "/nonexistent/secret")]);
        assert_eq!(missing.lines().count(), 2, "{missing}");
    }

    #[test]
    fn a_published_secret_counts_as_none_and_is_refused_in_production() {
        let published = ("JWT_SECRET", PUBLISHED);
        assert!(config(&[published]).keys.jwt_secret.is_none());
        assert!(warnings(&[published])[0].contains("counts as not set"));
        assert!(refused(&[published, ("JWT_SIGNING_ALGORITHM", "HS256")]).contains("JWT_SECRET=***: HS256"));
        let problem = refused(&[published, ("BASE_URL", "https://id.example.com")]);
        assert!(problem.contains("JWT_SECRET=***: is a published example"), "{problem}");
        let file = Scratch::new("published", &format!("{PUBLISHED}\n"));
        assert!(config(&[("JWT_SECRET_FILE", file.path())]).keys.jwt_secret.is_none());
    }

    #[test]
    fn keys_rotate_by_themselves_only_if_asked_and_not_too_often() {
        assert_eq!(config(&[]).keys.rotation, 0);
        assert_eq!(config(&[("KEY_ROTATION_INTERVAL", "2160h")]).keys.rotation, 2160 * 3600);
        assert!(refused(&[("KEY_ROTATION_INTERVAL", "1h")]).contains("must be 0 or at least 3h"));
    }

    #[test]
    fn key_ids_are_visible_ascii() {
        assert_eq!(config(&[("JWT_KEY_ID", " k1 ")]).keys.key_id.as_deref(), Some("k1"));
        assert!(refused(&[("JWT_KEY_ID", "a b")]).contains("visible ASCII"));
    }
}
