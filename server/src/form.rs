//! Form bodies: bounded in size and time, and parsed strictly.

use std::future::Future;
use std::pin::Pin;

use actix_web::body::{BodyStream, to_bytes_limited};
use actix_web::http::header::CONTENT_TYPE;
use actix_web::rt::time::timeout;
use actix_web::web::{Bytes, Data, QueryConfig};
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
        let params = params(is_form(request), App::of(request).clone(), payload.take());
        Box::pin(async move { Ok(Self(params.await?)) })
    }
}

impl FromRequest for PageForm {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let params = params(is_form(request), App::of(request).clone(), payload.take());
        Box::pin(async move { Ok(Self(params.await?)) })
    }
}

/// A body of any kind, for endpoints that take more than forms; errors are JSON.
pub struct Body(pub Bytes);

impl FromRequest for Body {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let (app, payload) = (App::of(request).clone(), payload.take());
        Box::pin(async move { Ok(Self(bytes(&app, payload).await?)) })
    }
}

/// A page's query that cannot be read, such as one with a repeated parameter, is answered with a page.
pub fn queries() -> QueryConfig {
    QueryConfig::default().error_handler(|_, _| {
        let words = "The link is broken. Go back and open it again.";
        PageError::from(ErrorPage::new(400, "That did not work", words)).into()
    })
}

/// Why a body was not read.
enum Unreadable {
    Large,
    Slow,
    Refused(Error),
}

/// True if the request says that its body is a form.
pub fn is_form(request: &HttpRequest) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|text| text.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

async fn params(is_form: bool, app: Data<App>, payload: dev::Payload) -> Result<Params, Unreadable> {
    if !is_form {
        let words = "the Content-Type must be application/x-www-form-urlencoded";
        return Err(Unreadable::Refused(Error::refused(Code::InvalidRequest, words)));
    }
    Params::parse(&bytes(&app, payload).await?).map_err(Unreadable::Refused)
}

async fn bytes(app: &App, payload: dev::Payload) -> Result<Bytes, Unreadable> {
    let broken =
        |_| Unreadable::Refused(Error::refused(Code::InvalidRequest, "the request body is incomplete"));
    let body = to_bytes_limited(BodyStream::new(payload), MAX_BODY);
    let body = timeout(app.timeouts.body, body).await.map_err(|_| Unreadable::Slow)?;
    body.map_err(|_| Unreadable::Large)?.map_err(broken)
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
