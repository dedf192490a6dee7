//! Client authentication at the endpoints for programs (RFC 6749 2.3): who asks, and how often it may guess.

use std::future::Future;

use actix_web::HttpRequest;
use authgate_core::credentials::Credentials;
use authgate_core::error::{Code, Error, Result};
use authgate_core::form::Params;

use super::bearer;
use crate::app::App;
use crate::error::ApiError;
use crate::middleware::limit::{self, Exceeded, Rule};

/// The credentials of a request that needs them.
pub fn credentials(request: &HttpRequest, params: &Params) -> Result<Credentials> {
    let credentials = Credentials::read(bearer::authorization(request)?, params)?;
    credentials.ok_or_else(|| Error::refused(Code::InvalidClient, "Client authentication required"))
}

/// Runs what authenticates a client, unless too many attempts from its address failed within the minute (deviation
/// D20). Only `invalid_client` counts as a failure.
pub async fn guarded<T>(
    app: &App,
    request: &HttpRequest,
    rule: &Rule,
    attempt: impl Future<Output = Result<T>>,
) -> Result<T, ApiError> {
    let attempt = async { attempt.await.map_err(Outcome::Error) };
    let failed = |outcome: &Outcome| matches!(outcome, Outcome::Error(error) if error.code() == Some(Code::InvalidClient));
    let outcome = limit::failures(app, request, rule, attempt, failed).await;
    outcome.map_err(|outcome| match outcome {
        Outcome::Error(error) => error.into(),
        Outcome::Exceeded(exceeded) => exceeded.into(),
    })
}

enum Outcome {
    Error(Error),
    Exceeded(Exceeded),
}

impl From<Exceeded> for Outcome {
    fn from(exceeded: Exceeded) -> Self {
        Outcome::Exceeded(exceeded)
    }
}
