//! `/login` and `/logout`.

pub mod back;
mod password;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use authgate_core::error::{Error, Result};
use authgate_core::interaction;
use authgate_core::session;
use serde::Deserialize;

use crate::app::App;
use crate::browser;
use crate::error::PageError;
use crate::form::PageForm;
use crate::page::{Lifetime, Login, SignOut};
use crate::reply;
use crate::session::SignedIn;

/// Where somebody lands who comes from nowhere.
const HOME: &str = "/account/sessions";

/// What leads to the login page.
#[derive(Deserialize)]
pub struct Arrival {
    redirect: Option<String>,
    error: Option<String>,
    prompt: Option<String>,
}

/// `GET /login`.
pub async fn show(
    app: Data<App>,
    request: HttpRequest,
    arrival: Query<Arrival>,
) -> Result<HttpResponse, PageError> {
    let back = arrival.redirect.as_deref().and_then(back::safe).unwrap_or(HOME);
    let again = arrival.prompt.as_deref() == Some("login");
    if !again && SignedIn::of(&app, &request).await?.is_some() {
        return Ok(reply::found(&app, back));
    }
    let notice = match arrival.error.as_deref() {
        Some("session_timeout") => Some("Your session has expired due to inactivity. Please sign in again."),
        Some("session_invalid") => Some(
            "Your session is invalid or may have been accessed from a different device. Please sign in again.",
        ),
        _ if again => Some("Please sign in again to continue."),
        _ => None,
    };
    page(&app, &request, Shown { back, notice, ..Shown::default() }).await
}

/// What the login page says besides its form.
#[derive(Default)]
struct Shown<'a> {
    back: &'a str,
    notice: Option<&'static str>,
    error: Option<String>,
    username: Option<String>,
}

async fn page(app: &App, request: &HttpRequest, shown: Shown<'_>) -> Result<HttpResponse, PageError> {
    let pending = pending(app, request, shown.back).await?;
    let sessions = &app.config.sessions;
    let failed = shown.error.is_some();
    let view = Login {
        error: shown.error,
        notice: shown.notice.map(str::to_owned),
        username: shown.username.or(pending.hint).unwrap_or_default(),
        redirect: shown.back.to_owned(),
        remember_for: sessions.remember.then_some(Lifetime(sessions.remember_max_age)),
        client_name: pending.client_name,
    };
    let mut response = match &pending.leads_to {
        Some(redirect_uri) => reply::page_leading_to(app, &view, redirect_uri)?,
        None => reply::page(app, &view)?,
    };
    if failed {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    Ok(response)
}

/// The authorization request that waits behind the login, as far as the page shows it.
#[derive(Default)]
struct Pending {
    client_name: Option<String>,
    hint: Option<String>,
    leads_to: Option<String>,
}

async fn pending(app: &App, request: &HttpRequest, back: &str) -> Result<Pending> {
    let (Some(id), Some(cookie)) = (back::interaction(back), browser::cookie(request, browser::INTERACTION))
    else {
        return Ok(Pending::default());
    };
    let id = id.to_owned();
    app.read_env(request, move |tx, env| {
        let Some(found) = interaction::open(tx, &id, &cookie, env.now())? else {
            return Ok(Pending::default());
        };
        let client = authgate_core::client::by_id(tx, &found.request.0.client_id)?;
        Ok(Pending {
            client_name: client.map(|client| client.name),
            // Signing in may lead straight on to the client, and browsers hold a form to where its redirects go.
            leads_to: Some(found.request.0.redirect_uri),
            hint: found.request.0.login_hint,
        })
    })
    .await
}

/// `POST /login`.
pub async fn submit(
    app: Data<App>,
    request: HttpRequest,
    PageForm(form): PageForm,
) -> Result<HttpResponse, PageError> {
    browser::same_site(&app, &request).map_err(PageError::forbidden)?;
    let back = form.get("redirect").and_then(back::safe).unwrap_or(HOME);
    let begun = app.clock.monotonic();
    let outcome = password::login(&app, &request, &form).await;
    let took = app.clock.monotonic().duration_since(begun);
    match &outcome {
        Ok(_) => app.metrics.sign_in.tried(true, took),
        Err(password::Rejected::Credentials(_)) => app.metrics.sign_in.tried(false, took),
        Err(password::Rejected::Other(_)) => {}
    }
    match outcome {
        Ok(signed_in) => {
            // 303: what was posted is a password, and no browser may post it once more (RFC 9700 4.12).
            let mut response = reply::on_to(&request, &format!("{}{back}", app.config.server.issuer_path));
            for cookie in signed_in {
                response.add_cookie(&cookie).map_err(Error::failed)?;
            }
            Ok(response)
        }
        Err(password::Rejected::Credentials(words)) => {
            let username = form.get("username").filter(|name| name.len() <= 254).map(str::to_owned);
            page(&app, &request, Shown { back, error: Some(words.to_owned()), username, notice: None }).await
        }
        Err(password::Rejected::Other(error)) => Err(error),
    }
}

/// `GET /logout`: signs out if our own page or the person's own hand leads here, asks otherwise (deviation D39).
pub async fn ask(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, PageError> {
    let Some(signed_in) = SignedIn::of(&app, &request).await? else {
        return Ok(reply::found(&app, "/login"));
    };
    let site = request.headers().get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if matches!(site, Some("same-origin" | "none")) {
        return end(&app, &request, signed_in, "/login").await;
    }
    reply::page(
        &app,
        &SignOut {
            account: signed_in.account(),
            client_name: None,
            action: "/logout".into(),
            fields: Vec::new(),
        },
    )
}

/// `POST /logout`, optionally with a `redirect` of ours.
pub async fn logout(
    app: Data<App>,
    request: HttpRequest,
    PageForm(form): PageForm,
) -> Result<HttpResponse, PageError> {
    browser::same_site(&app, &request).map_err(PageError::forbidden)?;
    let next = form.get("redirect").and_then(back::safe).unwrap_or("/login");
    match SignedIn::of(&app, &request).await? {
        Some(signed_in) => end(&app, &request, signed_in, next).await,
        None => Ok(reply::found(&app, next)),
    }
}

async fn end(
    app: &App,
    request: &HttpRequest,
    signed_in: SignedIn,
    next: &str,
) -> Result<HttpResponse, PageError> {
    let SignedIn { session, user } = signed_in;
    app.write_env(request, move |tx, env| session::end(tx, env, &user, &session.id)).await?;
    let mut response = reply::found(app, next);
    response.add_cookie(&browser::unset(app, app.config.sessions.cookie)).map_err(Error::failed)?;
    Ok(response)
}
