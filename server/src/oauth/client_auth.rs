//! Client authentication at the endpoints for programs (RFC 6749 2.3): who asks, and how often it may guess.

use std::future::Future;

use actix_web::HttpRequest;
use authgate_core::client::FirstUse;
use authgate_core::credentials::Credentials;
use authgate_core::error::{Code, Error, Result};
use authgate_core::form::Params;

use super::bearer;
use crate::app::App;
use crate::error::ApiError;
use crate::middleware::limit::{self, ClientRules};
use crate::middleware::request_span;

/// The credentials of a request that needs them.
pub fn credentials(request: &HttpRequest, params: &Params) -> Result<Credentials> {
    let credentials = Credentials::read(bearer::authorization(request)?, params)?;
    credentials.ok_or_else(|| Error::refused(Code::InvalidClient, "Client authentication required"))
}

/// Runs what authenticates a client. A failed authentication counts against its address, and is 429 instead of 401
/// once the minute has seen too many; only `invalid_client` is a failure. Requests that a secret authenticates count
/// for their client (deviation D20), and are refused before anything is done once there were too many.
///
/// A secret has 256 random bits: what the first limit slows is noise, not a search, so a right one passes at any time. The
/// exception is the first use of an imported one, which fails until its bcrypt hash is replaced: that is counted first,
/// since a minute's worth of noise must not become a minute's worth of bcrypt. Authentication comes before anything
/// else that `attempt` does, so one that failed can be repeated.
pub async fn guarded<T, F: Future<Output = Result<T>>>(
    app: &App,
    request: &HttpRequest,
    rules: &ClientRules,
    credentials: &Credentials,
    attempt: impl Fn() -> F,
) -> Result<T, ApiError> {
    // A client id alone shows nothing: whoever knows it could use up what the client has.
    let client = credentials.secret.as_ref().map(|_| credentials.client_id.as_str());
    if let Some(client) = client {
        limit::look(app, request, &rules.requests, client).await?;
    }
    let mut outcome = noted(attempt().await, credentials);
    if is_failure(&outcome) {
        let address = limit::address(request);
        limit::note(request, limit::take(app, request, &rules.failures, &address).await?);
        let first_use = first_use(app, request, credentials).await;
        if first_use == Ok(false) {
            return Ok(outcome?);
        }
        // It was right, or nobody can say now: neither is a failure.
        app.limiter.give_back(rules.failures.name, address.clone());
        first_use?;
        outcome = noted(attempt().await, credentials);
        if is_failure(&outcome) {
            limit::note(request, limit::take(app, request, &rules.failures, &address).await?);
            return Ok(outcome?);
        }
    }
    if let Some(client) = client.filter(|_| is_authenticated(&outcome)) {
        limit::count(app, request, &rules.requests, client).await;
    }
    Ok(outcome?)
}

/// Notes the client for the log, once it is known to be one; before that, its name may be anything, such as a secret in
/// the wrong field. An answer that does not depend on the client says nothing about it.
fn noted<T>(outcome: Result<T>, credentials: &Credentials) -> Result<T> {
    if is_authenticated(&outcome) {
        request_span::client(&credentials.client_id);
    }
    outcome
}

fn is_authenticated<T>(outcome: &Result<T>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(Error::Refused(refusal)) => {
            !matches!(refusal.code, Code::InvalidClient | Code::TemporarilyUnavailable)
        }
        Err(Error::Failed(_)) => false,
    }
}

fn is_failure<T>(outcome: &Result<T>) -> bool {
    outcome.as_ref().is_err_and(|error| error.code() == Some(Code::InvalidClient))
}

/// True if the secret was an imported one, which is replaced by its SHA-256 here: bcrypt runs on the password threads,
/// never in a transaction.
async fn first_use(app: &App, request: &HttpRequest, credentials: &Credentials) -> Result<bool> {
    let Some(secret) = credentials.secret.clone() else { return Ok(false) };
    let asked = (credentials.client_id.clone(), secret.clone());
    let found = app.read_env(request, move |tx, env| FirstUse::of(tx, &asked.0, &asked.1, env.now())).await?;
    let imported = match found {
        None => return Ok(false),
        Some(FirstUse::Over) => return Ok(true),
        Some(FirstUse::Pending(imported)) => imported,
    };
    let matched = app.hasher.run(move || imported.is(&secret).then_some((imported, secret))).await?;
    let Some((imported, secret)) = matched else { return Ok(false) };
    app.write_env(request, move |tx, env| imported.upgrade(tx, &secret, env.origin, env.ctx)).await?;
    Ok(true)
}
