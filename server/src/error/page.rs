//! The error answer of a page.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use authgate_core::error::{Code, Error};

use super::api::BUSY;
use crate::middleware::limit::Exceeded;
use crate::page::{ErrorPage, Lifetime};
use crate::reply;

/// What a person is told. It becomes HTML when the request ends ([`crate::middleware`]).
#[derive(Debug)]
pub struct PageError {
    // Boxed, since every handler of a page carries one in its result.
    page: Box<ErrorPage>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<String>,
}

impl PageError {
    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// 403 with the words of a refusal; anything else stays what it is.
    pub fn forbidden(error: Error) -> Self {
        match error {
            Error::Refused(refusal) if refusal.code == Code::AccessDenied => {
                ErrorPage { message: refusal.description.into_owned(), ..ErrorPage::forbidden() }.into()
            }
            other => other.into(),
        }
    }

    /// 400: an authorization request that was decided, has expired or belongs to another browser.
    pub fn expired() -> Self {
        let message =
            "This sign-in request was finished or has expired. Go back to the application and start again.";
        ErrorPage::new(400, "This request has ended", message).into()
    }

    /// What will be shown.
    pub fn page(&self) -> &ErrorPage {
        &self.page
    }

    /// What broke here; for the log only.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }
}

impl From<ErrorPage> for PageError {
    fn from(page: ErrorPage) -> Self {
        Self { page: Box::new(page), headers: Vec::new(), cause: None }
    }
}

impl From<Error> for PageError {
    fn from(error: Error) -> Self {
        let refusal = match error {
            Error::Refused(refusal) => refusal,
            Error::Failed(cause) => return Self { cause: Some(cause), ..ErrorPage::internal().into() },
        };
        match refusal.code {
            Code::TemporarilyUnavailable => {
                Self::from(ErrorPage::unavailable()).with_header(RETRY_AFTER, BUSY)
            }
            code => {
                let mut page = ErrorPage::new(code.status(), "That did not work", refusal.description);
                page.code = Some(code.as_str().to_owned());
                page.into()
            }
        }
    }
}

impl From<Exceeded> for PageError {
    fn from(exceeded: Exceeded) -> Self {
        let page = match &exceeded {
            Exceeded::Limit { retry_after, .. } => ErrorPage::too_many_requests(Lifetime(*retry_after)),
            Exceeded::Busy => ErrorPage::unavailable(),
        };
        Self { headers: exceeded.headers(), ..page.into() }
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n\n{}", self.page.title, self.page.message)
    }
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code())
            .content_type(ContentType::plaintext())
            .body(self.to_string());
        reply::forbid_storing(response.headers_mut());
        for (name, value) in &self.headers {
            response.headers_mut().append(name.clone(), value.clone());
        }
        response
    }
}
