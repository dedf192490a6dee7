//! Client authentication at the endpoints for programs (RFC 6749 2.3): who asks, and how often it may guess.

use std::future::Future;

use actix_web::HttpRequest;
use authgate_core::credentials::Credentials;
use authgate_core::error::{Code, Error, Result};
use authgate_core::form::Params;

use super::bearer;
use crate::app::App;
use crate::error::ApiError;
use crate::middleware::limit::{self, Rule};

/// The credentials of a request that needs them.
pub fn credentials(request: &HttpRequest, params: &Params) -> Result<Credentials> {
    let credentials = Credentials::read(bearer::authorization(request)?, params)?;
    credentials.ok_or_else(|| Error::refused(Code::InvalidClient, "Client authentication required"))
}

/// Runs what authenticates a client. A failed authentication counts against its address, and is 429 instead of 401
/// once the minute has seen too many (deviation D20); only `invalid_client` is a failure.
///
/// A secret has 256 random bits: what the limit slows is noise, not a search, so a right one passes at any time.
pub async fn guarded<T>(
    app: &App,
    request: &HttpRequest,
    rule: &Rule,
    attempt: impl Future<Output = Result<T>>,
) -> Result<T, ApiError> {
    let outcome = attempt.await;
    let failed = outcome.as_ref().is_err_and(|error| error.code() == Some(Code::InvalidClient));
    limit::after(app, request, rule, failed).await?;
    Ok(outcome?)
}
