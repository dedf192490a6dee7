//! A device code becomes tokens, once, after somebody said yes (RFC 8628 3.4).

use super::authorization_code::{USED, as_if_fresh, replayed};
use super::issue::{Issued, NewGrant};
use super::{GrantRequest, TokenRequest, invalid_grant};
use crate::client::{Client, Grant};
use crate::db::Tx;
use crate::device::{self, DeviceCode, DeviceStatus};
use crate::env::Env;
use crate::error::{Code, Error, Result};
use crate::family::Grounds;
use crate::secret::Secret;

/// What a poll learns before anything is redeemed.
pub fn poll(tx: &mut Tx<'_>, client: &Client, device_code: &Secret) -> Result<DeviceCode> {
    client.require(Grant::Device, "Device authorization flow is not enabled for this client")?;
    device::own(tx, client, device_code)
}

/// The refusal of a code that cannot be redeemed now (RFC 8628 3.5).
pub fn decided(code: &DeviceCode, now: i64) -> Result<()> {
    let refuse = |code, words: &'static str| Err(Error::refused(code, words));
    match code.status {
        _ if code.used_at.is_some() => Ok(()),
        _ if code.expires_at <= now => refuse(Code::ExpiredToken, "The device code has expired: start again"),
        DeviceStatus::Denied => refuse(Code::AccessDenied, "The request was denied"),
        DeviceStatus::Pending => refuse(Code::AuthorizationPending, "Nobody has approved the device yet"),
        DeviceStatus::Approved => Ok(()),
    }
}

/// Redeems an approved device code for an authenticated client.
pub fn exchange(tx: &mut Tx<'_>, env: Env<'_>, client: &Client, request: &TokenRequest) -> Result<Issued> {
    let GrantRequest::Device { device_code } = &request.grant else {
        return Err(Error::failed("a request of another grant reached the device grant"));
    };
    let code = poll(tx, client, device_code)?;
    decided(&code, env.now())?;
    let exceeds = "Requested resource exceeds the audience granted at /oauth/device/code";
    let resources = as_if_fresh(code.resources.0.narrowed_by(&request.resources, exceeds), code.used_at)?;
    if let Some(used_at) = code.used_at {
        return Err(replayed(tx, env, (used_at, code.family_id.as_deref()))?);
    }
    let approval = Approval::of(&code)?;
    let grounds = Grounds { user_id: approval.user_id, consent_id: approval.consent_id, session_id: None };
    if code.client_epoch != client.epoch || !grounds.hold(tx, approval.user_epoch, approval.consent_epoch)? {
        return Err(invalid_grant("The approval of this device no longer holds"));
    }
    let new = NewGrant {
        grant: Grant::Device,
        user_id: approval.user_id,
        consent_id: approval.consent_id,
        session_id: None, // the phone that approved may sign out, the television stays signed in
        sid: None,
        scope: &code.scope.filter(|name| client.scopes.has(name)),
        resources: &code.resources.0,
        claims: "{}",
        nonce: None,
        auth_time: approval.auth_time,
        acr: code.acr.as_deref().unwrap_or_default(),
        amr: &serde_json::from_str::<Vec<String>>(code.amr.as_deref().unwrap_or("[]"))?,
        user_epoch: approval.user_epoch,
        consent_epoch: approval.consent_epoch,
    };
    let family = new.family(env, client, env.ctx.id().to_string());
    if !device::redeem(tx, &code.id, (&family.id, family.expires_at), env.now())? {
        return Err(invalid_grant(USED));
    }
    new.store(tx, env, client, (family, &resources))
}

/// What an approved row must have.
struct Approval<'a> {
    user_id: &'a str,
    user_epoch: i64,
    consent_id: &'a str,
    consent_epoch: i64,
    auth_time: i64,
}

impl<'a> Approval<'a> {
    fn of(code: &'a DeviceCode) -> Result<Self> {
        let found = (|| {
            Some(Self {
                user_id: code.user_id.as_deref()?,
                user_epoch: code.user_epoch?,
                consent_id: code.consent_id.as_deref()?,
                consent_epoch: code.consent_epoch?,
                auth_time: code.auth_time?,
            })
        })();
        found.ok_or_else(|| {
            Error::failed(format_args!("database: device_codes row {} is approved by nobody", code.id))
        })
    }
}
