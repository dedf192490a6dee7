//! First start: the administrator, the client, and the file that says how to sign in.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use authgate_core::audit::Origin;
use authgate_core::context::Context;
use authgate_core::db::{Store, Tx};
use authgate_core::error::{Error, Result};
use authgate_core::policy::Policy;
use authgate_core::secret::Secret;
use authgate_core::{private_file, seed, user};
use tracing::{info, warn};

use crate::config::Config;

/// What stands before the password in the credentials file.
const PASSWORD: &str = "Admin Password: ";

/// Makes the administrator if there is no user, and the client if there is no client. Returns where the credentials
/// are, if there is such a file.
///
/// The file is written before the user is committed. A crash between them leaves a password that the next start
/// takes over: never a user whose password nobody knows, never two passwords. A password that cannot be written makes
/// no user (deviation D42).
pub fn first_start(
    store: &Store,
    config: &Config,
    policy: &Policy,
    ctx: &Context,
) -> Result<Option<PathBuf>> {
    let path = config.database.credentials_file();
    let configured = config.admin_password.as_ref();
    let seeded = store.write(|tx| seed_tables(tx, configured, &path, policy, ctx))?;
    if let Some(client_id) = &seeded.client_id {
        info!("Created default OAuth client: {client_id} ({})", seed::CLIENT);
    }
    if seeded.admin {
        let how = configured.map_or("(role: admin)", |_| "/ [configured password] (role: admin)");
        info!("Created default user: {} {how}", seed::ADMIN);
    }
    if seeded.wrote_file {
        info!("Initial credentials written to: {} (mode 0600)", path.display());
    }
    // With a configured password the file names the client only; after a reset it names a password that was.
    let first =
        store.read(|tx| Ok(user::by_username(tx, seed::ADMIN)?.is_some_and(|admin| admin.epoch == 1)))?;
    Ok((configured.is_none() && first && path.exists()).then_some(path))
}

struct Seeded {
    admin: bool,
    client_id: Option<String>,
    wrote_file: bool,
}

fn seed_tables(
    tx: &mut Tx<'_>,
    configured: Option<&Secret>,
    path: &Path,
    policy: &Policy,
    ctx: &Context,
) -> Result<Seeded> {
    let origin = Origin { path: Some("start".into()), ..Origin::default() };
    let admin = seed::wants_admin(tx)?;
    let client_id =
        if seed::wants_client(tx)? { Some(seed::cli_client(tx, policy, &origin, ctx)?.id) } else { None };
    let mut wrote_file = false;
    if admin {
        let password = if let Some(password) = configured {
            password.clone()
        } else {
            let client = seed::seeded_client(tx)?;
            wrote_file = true;
            written_password(path, client.as_ref().map(|client| client.id.as_str()), ctx)?
        };
        let hash = user::hash_password(&password, ctx)?;
        seed::admin(tx, hash, &origin, ctx)?;
    }
    if let Some(client_id) = client_id.as_deref().filter(|_| !wrote_file) {
        wrote_file = write_client(path, client_id, ctx);
    }
    Ok(Seeded { admin, client_id, wrote_file })
}

/// A new password, or the one of a start that did not get further; it stands in the file when this returns.
fn written_password(path: &Path, client_id: Option<&str>, ctx: &Context) -> Result<Secret> {
    let known = known_password(path)?;
    let write = if known.is_some() { private_file::replace } else { private_file::create };
    let password = known.unwrap_or_else(|| user::random_password(ctx));
    let client = client_id.map_or_else(String::new, |id| format!("\nClient ID: {id}\n"));
    let text = format!("Admin Username: {}\n{PASSWORD}{}\n{client}", seed::ADMIN, password.expose());
    write(path, &text, ctx).map_err(|error| {
        Error::failed(format_args!(
            "no administrator was created, since the made password cannot be written to {}: {error}. Make the folder \
             writable, or set DEFAULT_ADMIN_PASSWORD",
            path.display()
        ))
    })?;
    Ok(password)
}

/// The password in the file; `None` if there is no file.
fn known_password(path: &Path) -> Result<Option<Secret>> {
    let broken = |why: &dyn std::fmt::Display| {
        Error::failed(format_args!(
            "no administrator was created, since {} {why}. Move it away, or set DEFAULT_ADMIN_PASSWORD",
            path.display()
        ))
    };
    let text = match private_text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(broken(&format_args!("cannot be used: {error}"))),
    };
    let password = text.lines().find_map(|line| line.strip_prefix(PASSWORD)).filter(|text| !text.is_empty());
    password.map(|text| Some(Secret::new(text))).ok_or_else(|| broken(&"exists and holds no password"))
}

/// A password that somebody else could have read or placed is none.
fn private_text(path: &Path) -> io::Result<String> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_file() || metadata.mode() & 0o077 != 0 {
        return Err(io::Error::other("it is not a file of mode 0600"));
    }
    fs::read_to_string(path)
}

/// Notes the client's id unless there is a file already; nothing is lost if it cannot be written, the log has it.
fn write_client(path: &Path, client_id: &str, ctx: &Context) -> bool {
    match private_file::create(path, &format!("Client ID: {client_id}\n"), ctx) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
        Err(error) => {
            warn!("cannot write the client id to {}: {error}", path.display());
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use authgate_core::client::{self, Grant};
    use authgate_core::user::User;
    use tempfile::TempDir;

    use super::*;
    use crate::testing::{config_in, context};
    use crate::{open, policy};

    struct Start {
        folder: TempDir,
        config: Config,
        store: Store,
    }

    impl Start {
        fn with(pairs: &[(&str, &str)]) -> Self {
            let folder = TempDir::new().unwrap();
            let config = config_in(folder.path(), pairs);
            let (store, _) = open::migrated(&config, &context()).unwrap();
            Self { folder, config, store }
        }

        fn seed(&self) -> Result<Option<PathBuf>> {
            first_start(&self.store, &self.config, &policy::of(&self.config), &context())
        }

        fn file(&self) -> String {
            fs::read_to_string(self.config.database.credentials_file()).unwrap()
        }

        fn admin(&self) -> Option<User> {
            self.store.read(|tx| user::by_username(tx, "admin")).unwrap()
        }

        fn admin_has(&self, password: &str) -> bool {
            let hash = self.admin().unwrap().password_hash.unwrap();
            user::verify_password(&Secret::new(password), &hash)
        }

        fn client_ids(&self) -> Vec<String> {
            let clients = self.store.read(client::all).unwrap();
            clients.into_iter().map(|client| client.id).collect()
        }
    }

    fn password(file: &str) -> &str {
        file.lines().find_map(|line| line.strip_prefix(PASSWORD)).unwrap()
    }

    #[test]
    fn the_file_holds_what_the_first_login_needs_and_no_client_secret() {
        let start = Start::with(&[]);
        let path = start.seed().unwrap().unwrap();
        let (file, ids) = (start.file(), start.client_ids());
        let password = password(&file);
        assert_eq!(
            file,
            format!("Admin Username: admin\nAdmin Password: {password}\n\nClient ID: {}\n", ids[0])
        );
        assert!(start.admin_has(password) && password.len() == 22);
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn d30_d46_the_seeded_client_can_what_a_command_line_needs() {
        let start = Start::with(&[]);
        start.seed().unwrap();
        let client = start.store.read(seed::seeded_client).unwrap().unwrap();
        assert_eq!(client.scopes.to_string(), "openid profile email read write offline_access");
        assert_eq!(
            client.redirect_uris.0,
            ["http://localhost:8888/callback", "http://127.0.0.1:8088/callback"]
        );
        assert!(client.is_public() && client.is_native() && client.pkce_required);
        assert!(
            [Grant::AuthorizationCode, Grant::Device, Grant::Refresh].iter().all(|grant| client.may(*grant))
        );
        assert!(!client.may(Grant::ClientCredentials));
    }

    #[test]
    fn another_start_changes_nothing() {
        let start = Start::with(&[]);
        start.seed().unwrap();
        let before = (start.file(), start.client_ids(), start.admin().unwrap().password_hash);
        start.seed().unwrap();
        assert_eq!(before, (start.file(), start.client_ids(), start.admin().unwrap().password_hash));
    }

    #[test]
    fn a_configured_password_is_not_written_down() {
        let start = Start::with(&[("DEFAULT_ADMIN_PASSWORD", " correct horse ")]);
        start.seed().unwrap();
        assert!(start.admin_has("correct horse"));
        assert_eq!(start.file(), format!("Client ID: {}\n", start.client_ids()[0]));
    }

    #[test]
    fn d42_no_user_whose_password_nobody_knows() {
        let start = Start::with(&[]);
        fs::create_dir(start.config.database.credentials_file()).unwrap();
        let error = start.seed().unwrap_err().to_string();
        assert!(
            error.contains("no administrator was created") && error.contains("DEFAULT_ADMIN_PASSWORD"),
            "{error}"
        );
        assert!(start.admin().is_none() && start.client_ids().is_empty());
        let nowhere = start.folder.path().join("missing/file");
        assert!(
            written_password(&nowhere, None, &context())
                .unwrap_err()
                .to_string()
                .contains("cannot be written")
        );
    }

    #[test]
    fn d42_a_crash_before_the_commit_leaves_one_password() {
        let start = Start::with(&[]);
        let path = start.config.database.credentials_file();
        let first = written_password(&path, Some("never committed"), &context()).unwrap();
        start.seed().unwrap();
        assert_eq!(password(&start.file()), first.expose());
        assert!(start.admin_has(first.expose()));
        assert!(start.file().ends_with(&format!("Client ID: {}\n", start.client_ids()[0])));
    }

    #[test]
    fn a_file_that_others_could_read_gives_no_password() {
        let start = Start::with(&[]);
        let path = start.config.database.credentials_file();
        fs::write(&path, "Admin Password: planted\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(start.seed().unwrap_err().to_string().contains("not a file of mode 0600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "my notes\n").unwrap();
        assert!(start.seed().unwrap_err().to_string().contains("holds no password"));
        assert!(start.admin().is_none() && start.file() == "my notes\n");
    }

    #[test]
    fn users_and_clients_are_seeded_independently() {
        let start = Start::with(&[("DEFAULT_ADMIN_PASSWORD", "correct horse")]);
        start.seed().unwrap();
        let delete = |sql: &str| start.store.write(|tx| tx.execute(sql, &[])).unwrap();
        let (user, clients) = (start.admin().unwrap().id, start.client_ids());
        delete("DELETE FROM clients");
        start.seed().unwrap();
        assert_eq!(start.admin().unwrap().id, user);
        assert!(start.client_ids().len() == 1 && start.client_ids() != clients);
        let clients = start.client_ids();
        delete("DELETE FROM users");
        start.seed().unwrap();
        assert!(start.admin().unwrap().id != user && start.client_ids() == clients);
    }
}
