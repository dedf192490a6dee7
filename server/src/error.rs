//! An error on its way out: JSON for programs, a page for people.
//!
//! Both are made from [`authgate_core::error::Error`] by `?`. A failure's cause stays inside until the request ends,
//! where it is logged once ([`crate::middleware`]); it is never sent.

mod api;
mod page;

use actix_web::HttpResponse;

pub use api::ApiError;
pub use page::PageError;

/// What broke here, if this answer is the result of that.
pub fn cause(response: &HttpResponse) -> Option<&str> {
    let error = response.error()?;
    let api = error.as_error::<ApiError>().and_then(ApiError::cause);
    api.or_else(|| error.as_error::<PageError>().and_then(PageError::cause))
}
