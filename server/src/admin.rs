//! What only administrators may see.

pub mod audit;

use std::future::Future;
use std::pin::Pin;

use actix_web::{FromRequest, HttpRequest, dev};
use authgate_core::user::Role;

use crate::error::PageError;
use crate::page::ErrorPage;
use crate::session::SignedIn;

/// A signed-in administrator. Nobody signed in is sent to the login page, anybody else is 403.
pub struct Admin(pub SignedIn);

impl FromRequest for Admin {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, actix_web::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let signed_in = SignedIn::from_request(request, payload);
        Box::pin(async move {
            let signed_in = signed_in.await?;
            if signed_in.user.role != Role::Admin {
                let message = "This needs an administrator's account.".to_owned();
                return Err(PageError::from(ErrorPage { message, ..ErrorPage::forbidden() }).into());
            }
            Ok(Self(signed_in))
        })
    }
}
