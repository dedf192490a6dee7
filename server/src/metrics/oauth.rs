//! Device codes and tokens.

use std::time::Duration;

use authgate_core::error::Code;
use authgate_core::grants::{GrantRequest, Issued};
use metrics::{Counter, Histogram};

use super::catalogue::{
    DEVICE_CODE_VALIDATION, DEVICE_CODES, TOKEN_GENERATION_DURATION, TOKEN_VALIDATION,
    TOKEN_VALIDATION_DURATION, TOKENS_ISSUED, TOKENS_REFRESHED,
};
use super::registry::Registry;
use crate::error::ApiError;

/// What the endpoints for programs count.
pub struct OAuth {
    device_codes: Results,
    refreshed: Results,
    polls: Polls,
    by_code: Tokens,
    by_device: Tokens,
    by_client: Counter,
    signing: Histogram,
    valid: Counter,
    invalid: Counter,
    looking_up: Histogram,
}

/// `success` and `error`.
struct Results([Counter; 2]);

impl Results {
    fn count(&self, succeeded: bool) {
        self.0[usize::from(succeeded)].increment(1);
    }
}

struct Polls {
    success: Counter,
    expired: Counter,
    invalid: Counter,
    pending: Counter,
}

struct Tokens {
    access: Counter,
    refresh: Counter,
}

impl Tokens {
    fn count(&self, issued: &Issued) {
        self.access.increment(1);
        self.refresh.increment(u64::from(issued.has_refresh_token()));
    }
}

impl OAuth {
    pub(super) fn new(registry: &Registry) -> Self {
        let results =
            |metric| Results(["error", "success"].map(|result| registry.counter(metric, &[result])));
        let poll = |result| registry.counter(&DEVICE_CODE_VALIDATION, &[result]);
        let issued = |kind, grant| registry.counter(&TOKENS_ISSUED, &[kind, grant]);
        let tokens = |grant| Tokens { access: issued("access", grant), refresh: issued("refresh", grant) };
        Self {
            device_codes: results(&DEVICE_CODES),
            refreshed: results(&TOKENS_REFRESHED),
            polls: Polls {
                success: poll("success"),
                expired: poll("expired"),
                invalid: poll("invalid"),
                pending: poll("pending"),
            },
            by_code: tokens("authorization_code"),
            by_device: tokens("device_code"),
            by_client: issued("access", "client_credentials"),
            signing: registry.histogram(&TOKEN_GENERATION_DURATION, &["local"]),
            valid: registry.counter(&TOKEN_VALIDATION, &["valid"]),
            invalid: registry.counter(&TOKEN_VALIDATION, &["invalid"]),
            looking_up: registry.histogram(&TOKEN_VALIDATION_DURATION, &["local"]),
        }
    }

    /// A device authorization request was answered.
    pub fn device_code<T>(&self, outcome: &Result<T, ApiError>) {
        self.device_codes.count(outcome.is_ok());
    }

    /// A token request was answered.
    pub fn token(&self, grant: &GrantRequest, outcome: &Result<Issued, ApiError>) {
        match (grant, outcome) {
            (GrantRequest::Refresh { .. }, outcome) => self.refreshed.count(outcome.is_ok()),
            (GrantRequest::Device { .. }, outcome) => {
                self.polls.count(outcome);
                if let Ok(issued) = outcome {
                    self.by_device.count(issued);
                }
            }
            (GrantRequest::AuthorizationCode { .. }, Ok(issued)) => self.by_code.count(issued),
            (GrantRequest::ClientCredentials, Ok(_)) => self.by_client.increment(1),
            (_, Err(_)) => {}
        }
    }

    /// The tokens of an answer were signed in `took`.
    pub fn signed(&self, took: Duration) {
        self.signing.record(took);
    }

    /// A token was looked up in `took`: it is live, or not.
    pub fn looked_up(&self, live: bool, took: Duration) {
        if live { &self.valid } else { &self.invalid }.increment(1);
        self.looking_up.record(took);
    }

    /// The same for an access token whose bearer asks. What says nothing about the token is not counted.
    pub fn presented<T>(&self, outcome: &Result<T, authgate_core::error::Error>, took: Duration) {
        match outcome {
            Ok(_) => self.looked_up(true, took),
            Err(error) if error.code() == Some(Code::InvalidToken) => self.looked_up(false, took),
            Err(_) => {}
        }
    }
}

impl Polls {
    /// What says nothing about the device code, such as a client that failed to authenticate, is not counted.
    fn count(&self, outcome: &Result<Issued, ApiError>) {
        let code = outcome.as_ref().err().map(ApiError::code);
        match code {
            None => &self.success,
            Some("expired_token") => &self.expired,
            Some("authorization_pending" | "slow_down") => &self.pending,
            Some("invalid_grant" | "access_denied") => &self.invalid,
            Some(_) => return,
        }
        .increment(1);
    }
}
