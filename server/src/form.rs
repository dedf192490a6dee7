//! Form bodies: bounded in size and time, and parsed strictly.

use std::future::Future;
use std::pin::Pin;

use actix_web::body::{BodyStream, to_bytes_limited};
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, Data};
use actix_web::{FromRequest, HttpRequest, dev};
use authgate_core::error::{Code, Error};
use authgate_core::form::Params;

use crate::app::App;
use crate::error::{ApiError, PageError};
use crate::page::ErrorPage;

/// Largest request body in bytes. The longest of the contract, a token request with an assertion and ten resources,
/// stays below half of it.
pub const MAX_BODY: usize = 64 * 1024;

/// The parameters of a request to an API endpoint; errors are JSON.
pub struct Form(pub Params);

/// The parameters of a form on a page; errors are a page.
pub struct PageForm(pub Params);

impl FromRequest for Form {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let body = Body::of(request, payload);
        Box::pin(async move { Ok(Self(body.read().await?)) })
    }
}

impl FromRequest for PageForm {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let body = Body::of(request, payload);
        Box::pin(async move { Ok(Self(body.read().await?)) })
    }
}

/// Why a body was not read.
enum Unreadable {
    Large,
    Slow,
    Refused(Error),
}

struct Body {
    app: Data<App>,
    is_form: bool,
    payload: dev::Payload,
}

impl Body {
    fn of(request: &HttpRequest, payload: &mut dev::Payload) -> Self {
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = content_type.and_then(|text| text.split(';').next()).unwrap_or_default();
        Self {
            app: App::of(request).clone(),
            is_form: essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"),
            payload: payload.take(),
        }
    }

    async fn read(self) -> Result<Params, Unreadable> {
        if !self.is_form {
            let words = "the Content-Type must be application/x-www-form-urlencoded";
            return Err(Unreadable::Refused(Error::refused(Code::InvalidRequest, words)));
        }
        let bytes = actix_web::rt::time::timeout(self.app.timeouts.body, bytes(self.payload)).await;
        Params::parse(&bytes.map_err(|_| Unreadable::Slow)??).map_err(Unreadable::Refused)
    }
}

async fn bytes(payload: dev::Payload) -> Result<Bytes, Unreadable> {
    let broken =
        |_| Unreadable::Refused(Error::refused(Code::InvalidRequest, "the request body is incomplete"));
    to_bytes_limited(BodyStream::new(payload), MAX_BODY).await.map_err(|_| Unreadable::Large)?.map_err(broken)
}

impl From<Unreadable> for ApiError {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Large => ApiError::too_large(),
            Unreadable::Slow => ApiError::too_slow(),
            Unreadable::Refused(error) => error.into(),
        }
    }
}

impl From<Unreadable> for PageError {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Large => {
                ErrorPage::new(413, "That was too much", "Go back, enter less text and try again.").into()
            }
            Unreadable::Slow => {
                ErrorPage::new(408, "That took too long", "Go back, check your connection and try again.")
                    .into()
            }
            Unreadable::Refused(error) => error.into(),
        }
    }
}
