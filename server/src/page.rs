//! The pages a person sees: one struct and one template each, rendered strictly and always escaped.
//!
//! [`Pages`] holds the compiled templates and the assets they link to. No page has anything inline or from elsewhere, and
//! only the one that hands an answer to an application has a script, so a strict Content-Security-Policy fits them all.

mod account;
mod assets;
mod consent;
mod continue_to;
mod device;
mod error;
mod hidden;
mod login;
#[cfg(test)]
mod samples;
mod templates;
#[cfg(test)]
mod tests;
mod time;

use authgate_core::error::{Error, Result};
use handlebars::Handlebars;
use serde::Serialize;
use serde_json::Value;

pub use account::{
    Account, AppAccess, Authorization, Authorizations, BrowserSession, Flash, Sessions, SignOut, SignedOut,
};
pub use assets::Asset;
pub use consent::{Claim, Consent, Renewal, Request, Resource, ScopeLine};
pub use continue_to::Continue;
pub use device::{DeviceConfirm, DeviceDone, DeviceEntry};
pub use error::{ErrorPage, Link};
pub use hidden::Hidden;
pub use login::Login;
pub use time::{Lifetime, Time};

/// A page: its fields are what the template may use.
pub trait View: Serialize {
    /// The template's file name without `.hbs`.
    const TEMPLATE: &'static str;

    /// The navigation entry that this page belongs to, by its path; empty if none.
    const PLACE: &'static str = "";

    /// What the browser tab and a screen reader say first.
    fn title(&self) -> String;

    /// Whose navigation stands on top; `None` leaves it out.
    fn navigation(&self) -> Option<&Account> {
        None
    }
}

/// The compiled templates and the assets.
pub struct Pages {
    templates: Handlebars<'static>,
    assets: Vec<Asset>,
    base: String,
}

/// What every template sees: the frame, and the view's own fields beside it.
#[derive(Serialize)]
struct Frame<'a, V> {
    base: &'a str,
    title: String,
    stylesheet: &'a str,
    place: &'a str,
    navigation: Option<&'a Account>,
    #[serde(flatten)]
    view: &'a V,
}

impl Pages {
    /// Compiles the templates. Every link begins with `base`, the path of the issuer. Fails only if a template is
    /// malformed, which a test rules out.
    pub fn new(base: &str) -> Result<Self> {
        Ok(Self { templates: templates::compile()?, assets: assets::table(), base: base.to_owned() })
    }

    /// The page as HTML. Fails if the template names a field that the view lacks, which a test rules out.
    pub fn render<V: View>(&self, view: &V) -> Result<String> {
        self.render_context(V::TEMPLATE, &self.context(view)?)
    }

    /// The asset at exactly this path.
    pub fn asset(&self, path: &str) -> Option<&Asset> {
        self.assets.iter().find(|asset| asset.path == path)
    }

    /// The path of the script that submits the form of [`Continue`].
    pub fn form_post(&self) -> String {
        self.assets[1].path.clone()
    }

    fn context<V: View>(&self, view: &V) -> Result<Value> {
        let frame = Frame {
            base: &self.base,
            title: view.title(),
            stylesheet: &self.assets[0].path,
            place: V::PLACE,
            navigation: view.navigation(),
            view,
        };
        Ok(serde_json::to_value(frame)?)
    }

    fn render_context(&self, template: &str, context: &Value) -> Result<String> {
        let cause = |error| Error::failed(format_args!("template {template}: {error}"));
        self.templates.render(template, context).map_err(cause)
    }
}
