//! The error answer of an API endpoint (RFC 6749 5.2, RFC 6750 3, RFC 9110 10.2.3).

use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use authgate_core::error::{Code, Error};
use serde::Serialize;

use crate::middleware::limit::Exceeded;
use crate::reply;

const BASIC: HeaderValue = HeaderValue::from_static(r#"Basic realm="authgate""#);
const BEARER: HeaderValue = HeaderValue::from_static(r#"Bearer realm="authgate""#);
const BEARER_INVALID: HeaderValue =
    HeaderValue::from_static(r#"Bearer realm="authgate", error="invalid_token""#);
/// Seconds after which a busy server is worth another try: a batch of the issuer takes milliseconds.
pub(super) const BUSY: HeaderValue = HeaderValue::from_static("1");

/// JSON with `error` and, where it helps, `error_description`. It is never stored by anybody (deviation D13).
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    description: Cow<'static, str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<String>,
}

impl ApiError {
    /// A request that named no token, which learns the scheme and nothing else (RFC 6750 3.1).
    pub fn no_token(code: &'static str, description: &'static str) -> Self {
        Self { headers: vec![(WWW_AUTHENTICATE, BEARER)], ..Self::new(401, code, description) }
    }

    /// A body beyond [`crate::form::MAX_BODY`] (RFC 9110 15.5.14).
    pub fn too_large() -> Self {
        Self::new(413, Code::InvalidRequest.as_str(), "the request body is too large")
    }

    /// A body that did not arrive in time (RFC 9110 15.5.9).
    pub fn too_slow() -> Self {
        Self::new(408, Code::InvalidRequest.as_str(), "the request body did not arrive in time")
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The code on the wire.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What broke here; for the log only.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    fn new(status: u16, code: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        let status = StatusCode::from_u16(status).expect("only statuses of RFC 9110 are passed");
        Self { status, code, description: description.into(), headers: Vec::new(), cause: None }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let refusal = match error {
            Error::Refused(refusal) => refusal,
            Error::Failed(cause) => {
                let code = Code::ServerError;
                return Self { cause: Some(cause), ..Self::new(code.status(), code.as_str(), "") };
            }
        };
        let answer = Self::new(refusal.code.status(), refusal.code.as_str(), refusal.description);
        match refusal.code {
            Code::InvalidClient => answer.with_header(WWW_AUTHENTICATE, BASIC),
            Code::InvalidToken => answer.with_header(WWW_AUTHENTICATE, BEARER_INVALID),
            Code::TemporarilyUnavailable => answer.with_header(RETRY_AFTER, BUSY),
            _ => answer,
        }
    }
}

impl From<Exceeded> for ApiError {
    fn from(exceeded: Exceeded) -> Self {
        let headers = exceeded.headers();
        Self { headers, ..Self::from(Error::from(exceeded)) }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    error_description: &'a str,
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let body = Body { error: self.code, error_description: &allowed(&self.description) };
        let mut response = reply::json(self.status, &body);
        for (name, value) in &self.headers {
            response.headers_mut().append(name.clone(), value.clone());
        }
        response
    }
}

/// RFC 6749 5.2 has printable ASCII without `"` and `\` in a description.
fn allowed(description: &str) -> Cow<'_, str> {
    let is_allowed = |c: char| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~');
    if description.chars().all(is_allowed) {
        return Cow::Borrowed(description);
    }
    description.chars().map(|c| if is_allowed(c) { c } else { '\'' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(error: Error) -> HttpResponse {
        ApiError::from(error).error_response()
    }

    fn header(response: &HttpResponse, name: HeaderName) -> Option<&str> {
        response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    #[test]
    fn rfc6749_5_2_invalid_client_is_401_with_a_challenge() {
        let response = answer(Error::refused(Code::InvalidClient, "no"));
        assert_eq!(response.status(), 401);
        assert_eq!(header(&response, WWW_AUTHENTICATE), Some(r#"Basic realm="authgate""#));
    }

    #[test]
    fn rfc6750_3_a_request_without_a_token_is_told_no_error_code() {
        let response = ApiError::no_token("missing_token", "").error_response();
        assert_eq!(header(&response, WWW_AUTHENTICATE), Some(r#"Bearer realm="authgate""#));
        let response = answer(Error::refused(Code::InvalidToken, "no"));
        assert_eq!(
            header(&response, WWW_AUTHENTICATE),
            Some(r#"Bearer realm="authgate", error="invalid_token""#)
        );
    }

    #[test]
    fn d13_no_error_is_stored() {
        for error in [Error::refused(Code::InvalidGrant, "no"), Error::failed("disk")] {
            let response = answer(error);
            assert_eq!(header(&response, actix_web::http::header::CACHE_CONTROL), Some("no-store"));
            assert_eq!(header(&response, actix_web::http::header::PRAGMA), Some("no-cache"));
        }
    }

    #[test]
    fn a_failure_keeps_its_cause_for_the_log() {
        let error = ApiError::from(Error::failed("disk on fire"));
        assert_eq!(error.cause(), Some("disk on fire"));
        assert_eq!(error.status_code(), 500);
        assert!(!error.to_string().contains("disk"));
        let response = HttpResponse::from_error(error);
        assert_eq!(crate::error::cause(&response), Some("disk on fire"));
    }

    #[test]
    fn rfc9110_10_2_3_busy_says_when_to_come_back() {
        let response = answer(Error::refused(Code::TemporarilyUnavailable, "busy"));
        assert_eq!(response.status(), 503);
        assert_eq!(header(&response, RETRY_AFTER), Some("1"));
    }

    #[test]
    fn rfc6749_5_2_descriptions_have_no_other_characters() {
        assert_eq!(allowed("a \"b\\c\"\n\u{e9}~"), "a 'b'c'''~");
        assert!(matches!(allowed("plain words"), Cow::Borrowed(_)));
    }
}
