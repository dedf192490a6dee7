//! The settings as a table: name, default and doc stand in one place, from which the reference page is printed.

use super::{
    accounts, audit, compat, cors, database, file, keys, limits, metrics, oauth, registration, server,
    sessions, tokens, traces,
};

/// One environment variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What holds when it is not set, in the syntax of a value, or in parentheses where it is derived; empty for
    /// nothing.
    pub default: &'static str,
    /// What it does, in a line.
    pub doc: &'static str,
    /// The heading it belongs to.
    pub section: &'static str,
    /// True if its value must never be shown.
    pub secret: bool,
}

/// Every setting of this version, section by section.
pub fn reference() -> Vec<Setting> {
    [
        server::SETTINGS,
        database::SETTINGS,
        keys::SETTINGS,
        tokens::SETTINGS,
        sessions::SETTINGS,
        oauth::SETTINGS,
        registration::SETTINGS,
        accounts::SETTINGS,
        limits::SETTINGS,
        audit::SETTINGS,
        metrics::SETTINGS,
        cors::SETTINGS,
        traces::SETTINGS,
        file::SETTINGS,
        compat::SETTINGS,
    ]
    .concat()
}

/// Declares the settings of a section as constants, and `SETTINGS` with all of them.
macro_rules! settings {
    (@secret secret) => { true };
    (@secret) => { false };
    ($section:literal; $($(#[doc = $doc:literal])+ $name:ident = $default:literal $(, $secret:ident)?;)+) => {
        $(
            $(#[doc = $doc])+
            const $name: $crate::config::Setting = $crate::config::Setting {
                name: stringify!($name),
                default: $default,
                doc: concat!($($doc),+).trim_ascii(),
                section: $section,
                secret: settings!(@secret $($secret)?),
            };
        )+
        /// The settings of this section.
        pub(super) const SETTINGS: &[$crate::config::Setting] = &[$($name),+];
    };
}
pub(super) use settings;
