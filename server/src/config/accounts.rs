//! Who can log in, and the first who can.

use authgate_core::secret::Secret;
use authgate_core::user::check_password;

use super::parse::{self, Parsed};
use super::reader::Reader;
use super::reference::settings;

settings! { "Accounts";
    /// `local`; other backends come as plugins in a later version.
    AUTH_MODE = "local";
    /// Password of the user `admin`, made at first start; unset makes one and writes it to a file.
    DEFAULT_ADMIN_PASSWORD = "", secret;
    /// File with that password.
    DEFAULT_ADMIN_PASSWORD_FILE = "";
}

/// The password of the first administrator.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Secret> {
    reader.value(AUTH_MODE, mode);
    let password = reader.secret(DEFAULT_ADMIN_PASSWORD, DEFAULT_ADMIN_PASSWORD_FILE)?;
    let password = Secret::new(password.expose().trim());
    if check_password(&password).is_err() {
        reader.warn("DEFAULT_ADMIN_PASSWORD is not of 8 to 1024 bytes, as every other password must be");
    }
    Some(password)
}

fn mode(text: &str) -> Parsed<()> {
    if text == "http_api" {
        return Err("http_api is not available in this version, it comes as a plugin: must be local".into());
    }
    parse::word(text, &[("local", ())])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Scratch, config, refused, warnings};

    #[test]
    fn only_local_accounts_yet() {
        assert!(refused(&[("AUTH_MODE", "http_api")]).contains("http_api is not available in this version"));
        assert!(refused(&[("AUTH_MODE", "ldap")]).contains("must be local"));
    }

    #[test]
    fn the_password_may_come_from_a_file() {
        let file = Scratch::new("password", " pass word \n");
        let password = |pairs: &[(&str, &str)]| config(pairs).admin_password.map(|p| p.expose().to_owned());
        assert_eq!(password(&[]), None);
        assert_eq!(password(&[("DEFAULT_ADMIN_PASSWORD", "hunter2")]).as_deref(), Some("hunter2"));
        assert_eq!(password(&[("DEFAULT_ADMIN_PASSWORD_FILE", file.path())]).as_deref(), Some("pass word"));
    }

    #[test]
    fn a_short_password_warns() {
        let warned = warnings(&[("DEFAULT_ADMIN_PASSWORD", " hunter2 ")]);
        assert!(warned.len() == 1 && warned[0].contains("8 to 1024 bytes") && !warned[0].contains("hunter2"));
        assert!(warnings(&[("DEFAULT_ADMIN_PASSWORD", "hunter22")]).is_empty());
    }
}
