//! The life of a key (deviation D24): published, signing, verifying, gone.
//!
//! A key is published long enough before it signs that every cache of the JWK set has it, and stays there until the last
//! token that it signed has expired. Only a compromised one goes at once.

use super::making::{NewKey, retire};
use super::{Algorithm, JWKS_MAX_AGE, KeyState, Purpose, StoredKey, WRAP, stored};
use crate::audit::{Event, Severity};
use crate::db::{Tx, params};
use crate::env::Env;
use crate::error::{Code, Error, Result};
use crate::generation;
use crate::master::Master;
use crate::recovery;
use crate::secret::Secret;

#[cfg(test)]
mod tests;

/// Seconds between the publication of a key and its first signature: caches may keep the set for its max-age, and clocks
/// and slow downloads get five minutes.
pub const LEAD: i64 = JWKS_MAX_AGE + 300;

/// Seconds that a server which has not noticed yet may go on signing with a key that retired.
const LATE: i64 = 60;

/// Algorithms that tokens are signed with by keys of the database.
pub const SIGNING: [Algorithm; 2] = [Algorithm::Es256, Algorithm::Rs256];

impl StoredKey {
    fn signs_with(&self, algorithm: Algorithm) -> bool {
        (self.purpose, self.algorithm) == (Purpose::Sign, algorithm)
    }

    /// When it begins to sign or began to, in unix seconds.
    pub fn signs_from(&self) -> i64 {
        self.activated_at.unwrap_or(self.created_at + LEAD)
    }
}

/// Makes sure that a key waits to take over from the current one; returns it. It begins to sign by itself.
pub fn prepare(tx: &mut Tx<'_>, env: Env<'_>, algorithm: Algorithm) -> Result<StoredKey> {
    if let Some(next) = find(tx, (Purpose::Sign, algorithm), KeyState::Next)? {
        return Ok(next);
    }
    add(tx, env, NewKey::generate(algorithm)?, KeyState::Next)
}

/// Imports the first private key of a PEM, to take over when every cache has it, or at once.
pub fn import(
    tx: &mut Tx<'_>,
    env: Env<'_>,
    pem: &Secret,
    kid: Option<&str>,
    at_once: bool,
) -> Result<StoredKey> {
    let refused = |error: Error| Error::refused(Code::InvalidRequest, error.to_string());
    let new = NewKey::from_pem(pem, kid).map_err(refused)?;
    if !new.is_new(tx).map_err(refused)? {
        return Err(Error::refused(Code::InvalidRequest, "this key is here already; key list shows it"));
    }
    let algorithm = new.algorithm();
    if at_once {
        retire(tx, (Purpose::Sign, algorithm), env.now())?;
        return add(tx, env, new, KeyState::Current);
    }
    if find(tx, (Purpose::Sign, algorithm), KeyState::Next)?.is_some() {
        return Err(Error::refused(
            Code::InvalidRequest,
            "another key waits to take over already; let it, or revoke it by key rotate --compromised --kid",
        ));
    }
    add(tx, env, new, KeyState::Next)
}

/// A new key of refresh tokens. Grants that exist go on with theirs.
pub fn renew_refresh(tx: &mut Tx<'_>, env: Env<'_>) -> Result<StoredKey> {
    // Signing keys share the names: an operator may have called one "2".
    let newest = stored(tx)?.into_iter().filter_map(|key| key.kid.parse::<u8>().ok()).max().unwrap_or(0);
    // A token has one byte for it.
    let number = newest.checked_add(1).ok_or_else(|| {
        Error::refused(Code::InvalidRequest, "all 255 names of refresh keys have been used")
    })?;
    retire(tx, (Purpose::Refresh, Algorithm::Hs256), env.now())?;
    add(tx, env, NewKey::refresh(number, env.ctx), KeyState::Current)
}

/// True if [`advance`] has something to do.
pub fn is_due(tx: &mut Tx<'_>, env: Env<'_>) -> Result<bool> {
    let keys = stored(tx)?;
    let waits = keys.iter().any(|key| is_ripe(key, env)) || !lacking(&keys, env).is_empty();
    Ok(waits || !spent(tx, env, &keys)?.is_empty())
}

/// Does what time asks for: makes keys by schedule, lets them take over, removes those that nothing needs. Each change is
/// one conditional UPDATE, so several servers may run it at once. Returns how many keys changed.
pub fn advance(tx: &mut Tx<'_>, env: Env<'_>) -> Result<usize> {
    let keys = stored(tx)?;
    let mut changed = 0;
    for algorithm in lacking(&keys, env) {
        add(tx, env, NewKey::generate(algorithm)?, KeyState::Next)?;
        changed += 1;
    }
    for key in keys.iter().filter(|key| is_ripe(key, env)) {
        promote(tx, env, key)?;
        changed += 1;
    }
    for key in spent(tx, env, &keys)? {
        wipe(tx, env, key, KeyState::Removed)?;
        event(
            Severity::Info,
            "SIGNING_KEY_REMOVED",
            "Signing key removed after its last token",
            key,
            tx,
            env,
        )?;
        changed += 1;
    }
    Ok(changed)
}

/// Ends a key at once: nothing it signed verifies any more. If it was current, the one that waits takes over, or a new
/// one. Returns the key that signs now.
pub fn revoke(tx: &mut Tx<'_>, env: Env<'_>, kid: &str) -> Result<StoredKey> {
    let key = stored(tx)?.into_iter().find(|key| key.kid == kid && key.is_held());
    let key = key.ok_or_else(|| {
        Error::refused(Code::InvalidRequest, format!("there is no key {kid:?} that signs or verifies"))
    })?;
    wipe(tx, env, &key, KeyState::Revoked)?;
    event(Severity::Critical, "SIGNING_KEY_REVOKED", "Signing key revoked as compromised", &key, tx, env)?;
    if key.purpose == Purpose::Refresh {
        return match current(tx, Purpose::Refresh, Algorithm::Hs256)? {
            Some(current) => Ok(current),
            None => renew_refresh(tx, env),
        };
    }
    if let Some(current) = current(tx, Purpose::Sign, key.algorithm)? {
        return Ok(current);
    }
    match find(tx, (Purpose::Sign, key.algorithm), KeyState::Next)? {
        Some(next) => promote(tx, env, &next),
        None => add(tx, env, NewKey::generate(key.algorithm)?, KeyState::Current),
    }
}

/// Seals every key with another master key, in one transaction with its check value. Returns how many.
///
/// Refused while a server runs: it would go on sealing with the old key.
pub fn rewrap(tx: &mut Tx<'_>, env: Env<'_>, new: &Master) -> Result<usize> {
    if recovery::is_running(tx, env.now())? {
        return Err(Error::refused(
            Code::InvalidRequest,
            "a server is running on this database: stop it first",
        ));
    }
    env.master.require(tx)?;
    let mut count = 0;
    for key in stored(tx)?.into_iter().filter(StoredKey::is_held) {
        let secret = env.master.open(WRAP, &key.kid, &key.wrapped).ok_or_else(|| {
            Error::failed(format_args!("the key {} cannot be unwrapped with this master key", key.kid))
        })?;
        tx.execute(
            "UPDATE signing_keys SET wrapped = ?2 WHERE kid = ?1",
            params![&key.kid, new.seal(WRAP, &key.kid, &secret, env.ctx)],
        )?;
        count += 1;
    }
    new.replace_check(tx, env.now())?;
    Event::warning("MASTER_KEY_REPLACED", "Every key wrapped with another master key")
        .with(serde_json::json!({"keys": count}))
        .write(tx, env.origin, env.ctx)?;
    Ok(count)
}

/// It has been published long enough.
fn is_ripe(key: &StoredKey, env: Env<'_>) -> bool {
    key.state == KeyState::Next && key.created_at + LEAD <= env.now()
}

/// The keys that nothing needs any more.
fn spent<'a>(tx: &mut Tx<'_>, env: Env<'_>, keys: &'a [StoredKey]) -> Result<Vec<&'a StoredKey>> {
    let mut spent = Vec::new();
    for key in keys.iter().filter(|key| is_spent(key, env)) {
        if !is_in_use(tx, env, key)? {
            spent.push(key);
        }
    }
    Ok(spent)
}

/// Everything that it signed has expired by the lifetimes of now.
fn is_spent(key: &StoredKey, env: Env<'_>) -> bool {
    let lives = match key.purpose {
        Purpose::Sign => env.policy.longest_token(),
        Purpose::Refresh => env.policy.refresh_max,
    };
    key.state == KeyState::Retiring && key.retired_at.is_some_and(|at| at + lives + LATE <= env.now())
}

/// Lifetimes may have been longer when it signed than they are configured now: true if something is alive that it may
/// have signed.
fn is_in_use(tx: &mut Tx<'_>, env: Env<'_>, key: &StoredKey) -> Result<bool> {
    let until = key.retired_at.unwrap_or_default() + LATE;
    let found: Option<(i64,)> = match key.purpose {
        Purpose::Sign => tx.one(
            "SELECT 1 FROM tokens WHERE issued_at <= ?1 AND expires_at > ?2 LIMIT 1",
            params![until, env.now()],
        )?,
        Purpose::Refresh => tx.one(
            "SELECT 1 FROM families WHERE mac_kid = ?1 AND state = 'active' AND expires_at > ?2 LIMIT 1",
            params![&key.kid, env.now()],
        )?,
    };
    Ok(found.is_some())
}

/// Algorithms whose current key is so old by schedule that the next one must be published.
fn lacking(keys: &[StoredKey], env: Env<'_>) -> Vec<Algorithm> {
    let interval = env.policy.key_rotation;
    let in_state = |algorithm, state| {
        keys.iter().find(move |key: &&StoredKey| key.signs_with(algorithm) && key.state == state)
    };
    let old = |algorithm: &Algorithm| {
        in_state(*algorithm, KeyState::Next).is_none()
            && in_state(*algorithm, KeyState::Current)
                .is_some_and(|key| key.signs_from() + interval - LEAD <= env.now())
    };
    if interval == 0 { Vec::new() } else { SIGNING.into_iter().filter(old).collect() }
}

fn find(
    tx: &mut Tx<'_>,
    (purpose, algorithm): (Purpose, Algorithm),
    state: KeyState,
) -> Result<Option<StoredKey>> {
    let wanted = (purpose, algorithm, state);
    Ok(stored(tx)?.into_iter().find(|key| (key.purpose, key.algorithm, key.state) == wanted))
}

/// The key that signs.
pub fn current(tx: &mut Tx<'_>, purpose: Purpose, algorithm: Algorithm) -> Result<Option<StoredKey>> {
    find(tx, (purpose, algorithm), KeyState::Current)
}

fn add(tx: &mut Tx<'_>, env: Env<'_>, new: NewKey, state: KeyState) -> Result<StoredKey> {
    let kid = new.kid().to_owned();
    new.store_as(state, tx, env.master, env.ctx)?;
    let key = by_kid(tx, &kid)?;
    event(Severity::Info, "SIGNING_KEY_CREATED", "Signing key created", &key, tx, env)?;
    Ok(key)
}

fn promote(tx: &mut Tx<'_>, env: Env<'_>, next: &StoredKey) -> Result<StoredKey> {
    let promoted = tx.execute(
        "UPDATE signing_keys SET state = 'current', activated_at = ?2 WHERE kid = ?1 AND state = 'next'",
        params![&next.kid, env.now()],
    )?;
    let key = by_kid(tx, &next.kid)?;
    if promoted == 0 {
        return Ok(key); // another server was faster
    }
    tx.execute(
        "UPDATE signing_keys SET state = 'retiring', retired_at = ?2 \
         WHERE purpose = 'sign' AND algorithm = ?3 AND state = 'current' AND kid <> ?1",
        params![&key.kid, env.now(), key.algorithm],
    )?;
    generation::raise(tx, generation::Of::Keys)?;
    event(Severity::Info, "SIGNING_KEY_ROTATED", "Signing key took over", &key, tx, env)?;
    Ok(key)
}

/// The secret part is gone, and with it everything that only it could do.
fn wipe(tx: &mut Tx<'_>, env: Env<'_>, key: &StoredKey, state: KeyState) -> Result<()> {
    tx.execute(
        "UPDATE signing_keys SET state = ?2, removed_at = ?3, wrapped = '' WHERE kid = ?1",
        params![&key.kid, state, env.now()],
    )?;
    generation::raise(tx, generation::Of::Keys)
}

fn by_kid(tx: &mut Tx<'_>, kid: &str) -> Result<StoredKey> {
    let found = stored(tx)?.into_iter().find(|key| key.kid == kid);
    found.ok_or_else(|| Error::failed(format_args!("database: the key {kid} is missing")))
}

fn event(
    severity: Severity,
    kind: &'static str,
    action: &'static str,
    key: &StoredKey,
    tx: &mut Tx<'_>,
    env: Env<'_>,
) -> Result<()> {
    let details = serde_json::json!({"kid": key.kid, "algorithm": key.algorithm, "purpose": key.purpose, "state": key.state});
    Event { severity, ..Event::info(kind, action) }
        .on("KEY", &key.kid)
        .with(details)
        .write(tx, env.origin, env.ctx)
}
