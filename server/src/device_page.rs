//! `/device`: a person enters the code of their device, sees what it asks for, and decides (RFC 8628 3.3, 5.4).

use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use authgate_core::client::{self, Client, ClientStatus};
use authgate_core::consent::{self, ConsentOrigin, Pairs};
use authgate_core::device::{self, DeviceCode, DeviceStatus};
use authgate_core::error::{Error, Result};
use serde::Deserialize;

use crate::app::App;
use crate::error::PageError;
use crate::form::PageForm;
use crate::middleware::limit::{self, DEVICE_VERIFY, DEVICE_WRONG};
use crate::oauth::consent_page::{resources, scopes};
use crate::page::{DeviceConfirm, DeviceDone, DeviceEntry, Time};
use crate::reply;
use crate::session::SignedIn;

/// What a form on these pages is for.
const FORM: &str = "device";

/// `verification_uri_complete` carries the code.
#[derive(Deserialize)]
pub struct Arrival {
    user_code: Option<String>,
}

/// `GET /device`: the empty form, or the confirmation page of a code that came along (deviation D34).
pub async fn show(
    app: Data<App>,
    request: HttpRequest,
    signed_in: SignedIn,
    arrival: Query<Arrival>,
) -> Result<HttpResponse, PageError> {
    match arrival.user_code.as_deref().filter(|code| !code.trim().is_empty()) {
        None => entry(&app, &signed_in, "", None),
        Some(typed) => match look_up(&app, &request, &signed_in, typed).await? {
            Ok(found) => confirm(&app, &signed_in, &found),
            Err(words) => entry(&app, &signed_in, typed, Some(words)),
        },
    }
}

/// `POST /device/verify`: a typed code, or the decision about one.
pub async fn verify(
    app: Data<App>,
    request: HttpRequest,
    signed_in: SignedIn,
    PageForm(form): PageForm,
) -> Result<HttpResponse, PageError> {
    signed_in.check_form(&app, &request, &form, FORM).map_err(PageError::forbidden)?;
    let Some(typed) = form.get("user_code") else {
        return entry(&app, &signed_in, "", Some("Please enter a user code"));
    };
    let found = match look_up(&app, &request, &signed_in, typed).await? {
        Ok(found) => found,
        Err(words) => return entry(&app, &signed_in, typed, Some(words)),
    };
    let denied = form.get("action") == Some("deny");
    let one_step = app.policy.compat.device_one_step && found.code.resources.0.is_empty();
    let by_switch = !denied && form.get("confirmed") != Some("true");
    if by_switch && !one_step {
        return confirm(&app, &signed_in, &found);
    }
    let client_name = found.client.name.clone();
    let (by, user_code) = (signed_in.clone(), typed.to_owned());
    let decided = app.write_env(&request, move |tx, env| {
        if denied {
            return device::deny(tx, env, &found.code, &by.user);
        }
        let client =
            client::by_id(tx, &found.client.id)?.filter(|client| client.status == ClientStatus::Active);
        let Some(client) = client.filter(|client| client.epoch == found.code.client_epoch) else {
            return Ok(false);
        };
        if by_switch {
            env.note_compat(tx, "COMPAT_DEVICE_ONE_STEP", &client.id)?;
        }
        let pairs = Pairs::of(&found.code.scope, &found.code.resources.0);
        let consent = consent::grant(tx, env, &by.user, &client, (ConsentOrigin::Device, &pairs, &[]))?;
        if device::approve(tx, env, &found.code, (&by.user, &by.session, &consent))? {
            return Ok(true);
        }
        // Decided by somebody else in the meantime: the consent must not stay either.
        Err(Error::refused(authgate_core::error::Code::AccessDenied, DECIDED))
    });
    match decided.await {
        Ok(true) => {
            reply::page(&app, &DeviceDone { account: signed_in.account(), client_name, approved: !denied })
        }
        Ok(false) => entry(&app, &signed_in, &user_code, Some(DECIDED)),
        Err(error) if error.code() == Some(authgate_core::error::Code::AccessDenied) => {
            entry(&app, &signed_in, &user_code, Some(DECIDED))
        }
        Err(error) => Err(error.into()),
    }
}

const DECIDED: &str = "This code has already been authorized";

/// A code that waits for a decision.
struct Found {
    code: DeviceCode,
    client: Client,
    /// As the device shows it.
    user_code: String,
}

/// Looks a typed code up, which counts against the limits: per address in any case, and per person if it is wrong
/// (deviation D46).
async fn look_up(
    app: &App,
    request: &HttpRequest,
    signed_in: &SignedIn,
    typed: &str,
) -> Result<Result<Found, &'static str>, PageError> {
    limit::take(app, request, &DEVICE_VERIFY, &limit::address(request)).await?;
    limit::take(app, request, &DEVICE_WRONG, &signed_in.user.id).await?;
    let (text, role) = (typed.to_owned(), signed_in.user.role);
    let found = app.read_env(request, move |tx, env| {
        let Some(mut code) = device::by_user_code(tx, env, &text)? else {
            return Ok(Err("User code not found"));
        };
        let client =
            client::by_id(tx, &code.client_id)?.filter(|client| client.status == ClientStatus::Active);
        let Some(client) = client else { return Ok(Err("This application is not active")) };
        let asked = code.scope.clone();
        code.scope = asked.filter(|name| env.policy.may_have(name, Some(role)));
        Ok(match code.status {
            _ if code.expires_at <= env.now() => Err("Code has expired, please request a new one"),
            DeviceStatus::Pending if !code.scope.is_enough_of(&asked) => {
                Err("Your account cannot give this application what it asks for")
            }
            DeviceStatus::Pending => {
                Ok(Found { code, client, user_code: device::display(&text).unwrap_or_default() })
            }
            DeviceStatus::Approved | DeviceStatus::Denied => Err(DECIDED),
        })
    });
    let found = found.await?;
    if found.is_ok() {
        app.limiter.give_back(DEVICE_WRONG.name, signed_in.user.id.clone());
    }
    Ok(found)
}

fn entry(
    app: &App,
    signed_in: &SignedIn,
    typed: &str,
    error: Option<&str>,
) -> Result<HttpResponse, PageError> {
    let view = DeviceEntry {
        account: signed_in.account(),
        csrf_token: signed_in.csrf_token(app, FORM),
        error: error.map(str::to_owned),
        user_code: typed.chars().filter(|c| !c.is_control()).take(20).collect(),
    };
    let mut response = reply::page(app, &view)?;
    if error.is_some() {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(response)
}

fn confirm(app: &App, signed_in: &SignedIn, found: &Found) -> Result<HttpResponse, PageError> {
    let Found { code, client, user_code } = found;
    let view = DeviceConfirm {
        account: signed_in.account(),
        csrf_token: signed_in.csrf_token(app, FORM),
        user_code: user_code.clone(),
        client_name: client.name.clone(),
        client_id: client.id.clone(),
        scopes: scopes(app, &code.scope, &|_| false),
        resources: resources(app, code.resources.0.iter()),
        asked_from: code.address.clone(),
        asked_at: Time(code.created_at),
        sign_out_redirect: format!("/device?user_code={user_code}"),
    };
    reply::page(app, &view)
}
