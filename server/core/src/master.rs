//! The master key: never used itself, only to derive a subkey for each purpose (HKDF-SHA-256, RFC 5869).

use std::path::Path;
use std::{fs, io, io::ErrorKind};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};

use crate::context::Context;
use crate::db::{Tx, params};
use crate::error::{Error, Result};
use crate::private_file;
use crate::secret::{Secret, base64url, from_base64url, same};
use crate::settings;

/// 32 bytes from which every key that stays on this server is derived.
#[derive(Clone)]
pub struct Master([u8; 32]);

impl Master {
    /// From `MASTER_KEY`: 32 bytes in unpadded base64url, 43 characters.
    pub fn from_text(text: &Secret) -> Result<Self> {
        let bytes = from_base64url(text.expose().trim()).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| {
            Error::failed("the master key must be 32 bytes in base64url without padding (43 characters)")
        })
    }

    /// Reads the key file; `None` if there is none.
    pub fn load(path: &Path) -> Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => Secret::new(text),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(trouble("read", path, &error)),
        };
        let named = |error| Error::failed(format_args!("{}: {error}", path.display()));
        Self::from_text(&text).map(Some).map_err(named)
    }

    /// Makes a key and its file with mode 0600. Whole and flushed before the key is used, or not there at all; if
    /// another process was faster, its key is read.
    pub fn create(path: &Path, ctx: &Context) -> Result<Self> {
        let key = Self(ctx.bytes());
        match private_file::create(path, &format!("{}\n", base64url(&key.0)), ctx) {
            Ok(()) => Ok(key),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Self::load(path)?.ok_or_else(|| trouble("create", path, &error))
            }
            Err(error) => Err(trouble("create", path, &error)),
        }
    }

    /// A new key in a file that is to replace another: whole and flushed, or not there at all. Fails if it is there.
    pub fn draft(path: &Path, ctx: &Context) -> Result<Self> {
        let key = Self(ctx.bytes());
        match private_file::create(path, &format!("{}\n", base64url(&key.0)), ctx) {
            Ok(()) => Ok(key),
            // Of two that draft at once, only one may go on: the other's key would be lost.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Error::failed(format_args!(
                "{} is there already: another rewrap is running, or one died before it changed anything; in that case \
                 remove the file",
                path.display()
            ))),
            Err(error) => Err(trouble("write", path, &error)),
        }
    }

    /// True if the database was used with a master key before, so that making a new one would be of no use.
    pub fn is_known(tx: &mut Tx<'_>) -> Result<bool> {
        Ok(check_value(tx)?.is_some())
    }

    /// Compares with the check value in the database, or stores one if there is none yet: a wrong key is noticed
    /// before it makes anything unreadable.
    pub fn check(&self, tx: &mut Tx<'_>, now: i64) -> Result<()> {
        let expected = self.check_text();
        tx.execute(
            "INSERT INTO settings (name, value, updated_at) VALUES ('master_check', ?1, ?2) ON CONFLICT (name) DO NOTHING",
            params![&expected, now],
        )?;
        if check_value(tx)?.is_some_and(|stored| same(stored.as_bytes(), expected.as_bytes())) {
            return Ok(());
        }
        Err(Error::failed(
            "the master key is not the one this database was made with: set MASTER_KEY or MASTER_KEY_FILE to the \
             original key (on SQLite it is kept in master.key beside the database unless configured)",
        ))
    }

    /// True if the database was used with this key, or with none yet.
    pub fn fits(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let expected = self.check_text();
        Ok(check_value(tx)?.is_none_or(|stored| same(stored.as_bytes(), expected.as_bytes())))
    }

    /// Fails unless the database was used with this key. Whoever seals asks in the same transaction, since a command may
    /// have replaced the key beside it.
    pub fn require(&self, tx: &mut Tx<'_>) -> Result<()> {
        if self.fits(tx)? {
            return Ok(());
        }
        Err(Error::failed(
            "the master key was replaced by `authgate key rewrap`: start again with the new one",
        ))
    }

    /// Makes this the database's key; whoever does that seals everything anew in the same transaction.
    pub fn replace_check(&self, tx: &mut Tx<'_>, now: i64) -> Result<()> {
        settings::put(tx, "master_check", &self.check_text(), now)
    }

    fn check_text(&self) -> String {
        base64url(&self.mac("check", b"authgate"))
    }

    fn subkey(&self, purpose: &str) -> [u8; 32] {
        let mut key = [0; 32];
        hkdf::Salt::new(hkdf::HKDF_SHA256, b"authgate v1")
            .extract(&self.0)
            .expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut key))
            .expect("32 bytes are within what HKDF-SHA-256 can give");
        key
    }

    /// HMAC-SHA-256 under the subkey of `purpose`.
    pub fn mac(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.subkey(purpose)), message);
        tag.as_ref().try_into().expect("HMAC-SHA-256 is 32 bytes long")
    }

    /// Seals `plain` for `purpose` (AES-256-GCM); `bound` must be the same when it is opened.
    pub fn seal(&self, purpose: &str, bound: &str, plain: &[u8], ctx: &Context) -> String {
        let nonce: [u8; NONCE_LEN] = ctx.bytes();
        let mut text = plain.to_vec();
        self.aead(purpose)
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound.as_bytes()),
                &mut text,
            )
            .expect("sealing fails only beyond 64 GiB");
        let mut sealed = nonce.to_vec();
        sealed.append(&mut text);
        base64url(&sealed)
    }

    /// Opens what [`Master::seal`] made; `None` if it was made with another key, purpose or binding, or touched.
    pub fn open(&self, purpose: &str, bound: &str, sealed: &str) -> Option<Vec<u8>> {
        let sealed = from_base64url(sealed)?;
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let plain =
            self.aead(purpose).open_in_place(nonce, Aad::from(bound.as_bytes()), &mut text).ok()?.len();
        text.truncate(plain);
        Some(text)
    }

    fn aead(&self, purpose: &str) -> LessSafeKey {
        let key = UnboundKey::new(&AES_256_GCM, &self.subkey(purpose));
        LessSafeKey::new(key.expect("a subkey is as long as AES-256 wants"))
    }
}

fn check_value(tx: &mut Tx<'_>) -> Result<Option<String>> {
    Ok(settings::get(tx, "master_check")?.map(|(value, _)| value))
}

fn trouble(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::failed(format_args!("cannot {what} the master key file {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use tempfile::TempDir;

    use super::*;
    use crate::testing::{Database, NOW, context};

    fn master(byte: u8) -> Master {
        Master([byte; 32])
    }

    #[test]
    fn what_is_sealed_opens_only_as_it_was_sealed() {
        let sealed = master(1).seal("purpose", "id", b"plain", &context());
        assert_eq!(master(1).open("purpose", "id", &sealed).as_deref(), Some(&b"plain"[..]));
        assert_eq!(master(2).open("purpose", "id", &sealed), None);
        assert_eq!(master(1).open("another", "id", &sealed), None);
        assert_eq!(master(1).open("purpose", "other", &sealed), None);
        for at in 0..sealed.len() {
            let mut touched = sealed.clone().into_bytes();
            touched[at] = if touched[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(master(1).open("purpose", "id", &String::from_utf8(touched).unwrap()), None, "{at}");
        }
        for cut in ["", "AAAA", &sealed[..16], &sealed[..sealed.len() - 1]] {
            assert_eq!(master(1).open("purpose", "id", cut), None, "{cut}");
        }
        assert_ne!(
            sealed,
            master(1).seal("purpose", "id", b"plain", &context()),
            "each has a nonce of its own"
        );
    }

    #[test]
    fn each_purpose_has_a_key_of_its_own() {
        assert_eq!(master(1).mac("a", b"x"), master(1).mac("a", b"x"));
        assert_ne!(master(1).mac("a", b"x"), master(1).mac("b", b"x"));
        assert_ne!(master(1).mac("a", b"x"), master(2).mac("a", b"x"));
    }

    #[test]
    fn d24_a_wrong_master_key_is_noticed() {
        let database = Database::new();
        assert!(!database.write(|tx, _, _| Master::is_known(tx)).unwrap());
        database.write(|tx, _, _| master(1).check(tx, NOW)).unwrap();
        database.write(|tx, _, _| master(1).check(tx, NOW)).unwrap();
        let error = database.write(|tx, _, _| master(2).check(tx, NOW)).unwrap_err();
        assert!(error.to_string().starts_with("the master key is not the one"), "{error}");
        assert!(database.write(|tx, _, _| Master::is_known(tx)).unwrap());
    }

    #[test]
    fn the_file_is_made_once_and_read_back() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("master.key");
        assert!(Master::load(&path).unwrap().is_none());
        let made = Master::create(&path, &context()).unwrap();
        assert_eq!(Master::load(&path).unwrap().unwrap().0, made.0);
        assert_eq!(Master::create(&path, &context()).unwrap().0, made.0, "somebody was faster");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "hunter2").unwrap();
        let error = Master::load(&path).err().unwrap().to_string();
        assert!(
            error.contains("master.key: the master key must be 32 bytes") && !error.contains("hunter2"),
            "{error}"
        );
        assert!(Master::create(&folder.path().join("missing/key"), &context()).is_err());
    }
}
