//! Device codes and the user codes that people type (RFC 8628).

use crate::audit::Event;
use crate::client::{Client, Grant};
use crate::code;
use crate::consent::Consent;
use crate::db::{Json, Tx, params, row, text_enum};
use crate::env::Env;
use crate::error::{Code, Error, Result};
use crate::facts::Fact;
use crate::master::Master;
use crate::resource::Resources;
use crate::scope::Scope;
use crate::secret::{Secret, base64url, same};
use crate::session::Session;
use crate::user::User;

text_enum! {
    /// What the person decided.
    pub enum DeviceStatus {
        /// Nothing yet.
        Pending = "pending",
        /// Yes.
        Approved = "approved",
        /// No.
        Denied = "denied",
    }
}

row! {
    /// A device that waits for somebody to say yes.
    pub struct DeviceCode in "device_codes" {
        /// The first half of the device code, which grows with time.
        id: String,
        /// SHA-256 of the device code.
        hash: String,
        /// Keyed hash of the user code.
        user_code_hash: String,
        /// The only client that may redeem it.
        client_id: String,
        /// The client's epoch at the request.
        client_epoch: i64,
        /// What was asked for.
        scope: Scope,
        /// For which resources.
        resources: Json<Resources>,
        /// The address that asked.
        address: String,
        /// What the person decided.
        status: DeviceStatus,
        /// Seconds between polls; grows when the client polls too fast.
        interval: i64,
        /// Who decided.
        user_id: Option<String>,
        /// Their epoch at the decision.
        user_epoch: Option<i64>,
        /// The consent it rests on.
        consent_id: Option<String>,
        /// Its epoch at the decision.
        consent_epoch: Option<i64>,
        /// Unix seconds of the login.
        auth_time: Option<i64>,
        /// How the person was authenticated.
        acr: Option<String>,
        /// By what means, as JSON.
        amr: Option<String>,
        /// Unix seconds.
        decided_at: Option<i64>,
        /// Unix seconds.
        created_at: i64,
        /// Unix seconds.
        expires_at: i64,
        /// Unix seconds of the redemption.
        used_at: Option<i64>,
        /// What it was redeemed for.
        family_id: Option<String>,
        /// Unix seconds until which the row shows a replay.
        keep_until: i64,
    }
}

/// Seconds that a person has to type the code (the contract's fixed value).
pub const LIFETIME: i64 = 1800;
/// Seconds between polls (RFC 8628 3.2).
pub const INTERVAL: i64 = 5;
/// Letters and digits that cannot be taken for one another.
const ALPHABET: &[u8; 31] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";
const USER_CODE_LENGTH: usize = 8;
/// A user code is one of 8.5e11, so a second collision in a row means that the randomness is broken.
const ATTEMPTS: usize = 3;

/// The answer to a device authorization request (RFC 8628 3.2).
pub struct Requested {
    /// For the device.
    pub device_code: Secret,
    /// For the person, as `XXXX-XXXX`.
    pub user_code: Secret,
}

/// Stores a device authorization request of an authenticated client. Scopes that the client did not register are
/// dropped (deviation D30).
pub fn request(
    tx: &mut Tx<'_>,
    env: Env<'_>,
    client: &Client,
    asked: (Option<&Scope>, Resources),
) -> Result<Requested> {
    client.require(Grant::Device, "Device authorization flow is not enabled for this client")?;
    let (scope, resources) = asked;
    let resources = resources.spelled_as(&env.policy.resources);
    client.check_resources(&resources, env.policy)?;
    let scope = scope_of(client, scope)?;
    let (id, device_code) = code::generate(env);
    let hash = device_code.sha256();
    for _ in 0..ATTEMPTS {
        let user_code = user_code(env);
        let user_code_hash = hash_user_code(env.master, &user_code);
        let taken: Option<(String,)> =
            tx.one("SELECT id FROM device_codes WHERE user_code_hash = ?1", params![&user_code_hash])?;
        if taken.is_some() {
            continue;
        }
        let row = DeviceCode {
            id,
            hash,
            user_code_hash,
            client_id: client.id.clone(),
            client_epoch: client.epoch,
            scope,
            resources: Json(resources),
            address: env.origin.ip.clone().unwrap_or_default(),
            status: DeviceStatus::Pending,
            interval: INTERVAL,
            user_id: None,
            user_epoch: None,
            consent_id: None,
            consent_epoch: None,
            auth_time: None,
            acr: None,
            amr: None,
            decided_at: None,
            created_at: env.now(),
            expires_at: env.now() + LIFETIME,
            used_at: None,
            family_id: None,
            keep_until: env.now() + LIFETIME,
        };
        row.insert(tx)?;
        let details = serde_json::json!({
            "client_id": client.id, "scopes": row.scope.to_string(), "resource": row.resources.0,
            "user_code": user_code,
        });
        Event::info("DEVICE_CODE_GENERATED", "Device code generated")
            .on("DEVICE_CODE", &row.id)
            .called(&client.name)
            .with(details)
            .write(tx, env.origin, env.ctx)?;
        return Ok(Requested { device_code, user_code: Secret::new(shown(&user_code)) });
    }
    Err(Error::failed("no free user code: the randomness of this machine repeats itself"))
}

fn scope_of(client: &Client, asked: Option<&Scope>) -> Result<Scope> {
    let Some(asked) = asked else {
        let default = client.scopes.filter(|name| matches!(name, "email" | "profile"));
        return Ok(if default.is_empty() { client.scopes.clone() } else { default });
    };
    client.registered(asked)
}

fn user_code(env: Env<'_>) -> String {
    // Bytes from 248 on would favour the first letters: 248 is eight times 31.
    let mut code = String::new();
    while code.len() < USER_CODE_LENGTH {
        let random: [u8; 16] = env.ctx.bytes();
        let fair = random
            .iter()
            .filter(|byte| **byte < 248)
            .map(|byte| char::from(ALPHABET[usize::from(byte % 31)]));
        code.extend(fair.take(USER_CODE_LENGTH - code.len()));
    }
    code
}

/// `XXXX-XXXX`.
fn shown(code: &str) -> String {
    format!("{}-{}", &code[..4], &code[4..])
}

/// What a person typed, as a code: upper case, without dashes and spaces; `None` if it cannot be one.
pub fn typed(text: &str) -> Option<String> {
    let code: String =
        text.chars().filter(|c| !matches!(c, '-' | ' ')).map(|c| c.to_ascii_uppercase()).take(9).collect();
    (code.len() == USER_CODE_LENGTH && code.bytes().all(|byte| ALPHABET.contains(&byte))).then_some(code)
}

/// A typed code as pages show it, `XXXX-XXXX`.
pub fn display(text: &str) -> Option<String> {
    typed(text).map(|code| shown(&code))
}

fn hash_user_code(master: &Master, code: &str) -> String {
    base64url(&master.mac("user code", code.as_bytes()))
}

/// The row of a device code that is this client's own; anything else is `invalid_grant` (deviation D11).
pub fn own(tx: &mut Tx<'_>, client: &Client, device_code: &Secret) -> Result<DeviceCode> {
    let found: Option<DeviceCode> = match code::row_id(device_code) {
        None => None,
        Some(id) => {
            tx.one(&format!("SELECT {} FROM device_codes WHERE id = ?1", DeviceCode::COLUMNS), params![id])?
        }
    };
    found
        .filter(|row| {
            same(row.hash.as_bytes(), device_code.sha256().as_bytes()) && row.client_id == client.id
        })
        .ok_or_else(|| Error::refused(Code::InvalidGrant, "Device code is invalid or has been used"))
}

/// The row that a person's code names, decided or not, expired or not.
pub fn by_user_code(tx: &mut Tx<'_>, env: Env<'_>, text: &str) -> Result<Option<DeviceCode>> {
    let Some(code) = typed(text) else { return Ok(None) };
    let hash = hash_user_code(env.master, &code);
    tx.one(
        &format!("SELECT {} FROM device_codes WHERE user_code_hash = ?1", DeviceCode::COLUMNS),
        params![hash],
    )
}

/// Stores an interval that has grown (RFC 8628 3.5).
pub fn slow_down(tx: &mut Tx<'_>, id: &str, interval: i64) -> Result<()> {
    tx.execute("UPDATE device_codes SET interval = ?2 WHERE id = ?1 AND interval < ?2", params![id, interval])
        .map(drop)
}

/// The person's yes. False if the code was decided, used or too old in the meantime.
pub fn approve(
    tx: &mut Tx<'_>,
    env: Env<'_>,
    code: &DeviceCode,
    by: (&User, &Session, &Consent),
) -> Result<bool> {
    let (user, session, consent) = by;
    let changed = tx.execute(
        "UPDATE device_codes SET status = 'approved', user_id = ?2, user_epoch = ?3, consent_id = ?4, \
         consent_epoch = ?5, auth_time = ?6, acr = ?7, amr = ?8, decided_at = ?9, scope = ?10 \
         WHERE id = ?1 AND status = 'pending' AND expires_at > ?9",
        params![
            &code.id,
            &user.id,
            user.epoch,
            &consent.id,
            consent.epoch,
            session.auth_time,
            &session.acr,
            &session.amr,
            env.now(),
            // What the page showed: without what this person may not give.
            &code.scope,
        ],
    )?;
    if changed == 0 {
        return Ok(false);
    }
    env.facts.note(Fact::DeviceApproved { after: env.now() - code.created_at });
    Event::info("DEVICE_CODE_AUTHORIZED", "Device code authorized by user")
        .by(&user.id)
        .named(&user.username)
        .on("DEVICE_CODE", &code.id)
        .with(serde_json::json!({"client_id": code.client_id, "scopes": code.scope.to_string()}))
        .write(tx, env.origin, env.ctx)?;
    Ok(true)
}

/// The person's no. False if the code was decided, used or too old in the meantime.
pub fn deny(tx: &mut Tx<'_>, env: Env<'_>, code: &DeviceCode, user: &User) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE device_codes SET status = 'denied', user_id = ?2, user_epoch = ?3, decided_at = ?4 \
         WHERE id = ?1 AND status = 'pending' AND expires_at > ?4",
        params![&code.id, &user.id, user.epoch, env.now()],
    )?;
    if changed == 0 {
        return Ok(false);
    }
    Event::info("DEVICE_CODE_DENIED", "Device code denied by user")
        .by(&user.id)
        .named(&user.username)
        .on("DEVICE_CODE", &code.id)
        .with(serde_json::json!({"client_id": code.client_id}))
        .write(tx, env.origin, env.ctx)?;
    Ok(true)
}

/// Redeems an approved code. False if it was redeemed before, whoever was faster.
pub fn redeem(tx: &mut Tx<'_>, id: &str, family: (&str, i64), now: i64) -> Result<bool> {
    let (family_id, keep_until) = family;
    let changed = tx.execute(
        "UPDATE device_codes SET used_at = ?2, family_id = ?3, keep_until = ?4 \
         WHERE id = ?1 AND status = 'approved' AND used_at IS NULL AND expires_at > ?2",
        params![id, now, family_id, keep_until],
    )?;
    Ok(changed == 1)
}
