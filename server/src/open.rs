//! What the server and its commands share: the folder, the database, the master key and the signing keys.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use authgate_core::context::Context;
use authgate_core::db::{self, Store};
use authgate_core::error::{Error, Result};
use authgate_core::generation::{self, Generation};
use authgate_core::keys::{KeyConfig, Keys};
use authgate_core::master::Master;

use crate::config::Config;

/// An opened installation.
pub struct Opened {
    /// The database, at this program's schema.
    pub store: Store,
    /// The key that wraps every other; it is the one this database was made with.
    pub master: Master,
    /// What signs and verifies.
    pub keys: Keys,
    /// What it was when they were loaded.
    pub generation: Generation,
}

/// Opens for the server: makes what is missing and brings the schema up to date.
pub fn for_server(config: &Config, ctx: &Context) -> Result<Opened> {
    let (store, _) = migrated(config, ctx)?;
    opened(store, config, &key_config(config), ctx)
}

/// Opens for a command beside the server: refuses a database that is missing or of another version.
pub fn for_command(config: &Config, ctx: &Context) -> Result<Opened> {
    let store = database(config)?;
    store.read(db::require_current)?;
    // The server imports a configured key, and signs with it; a command must not do so behind its back.
    opened(store, config, &KeyConfig { pem: None, ..key_config(config) }, ctx)
}

/// Opens a copy of a database, at `path`, that is to become this installation's; brings its schema up to date. It must
/// have been made with the master key that is configured.
pub fn restored(config: &Config, path: &Path, ctx: &Context) -> Result<Opened> {
    let store = Store::sqlite(path, 1)?;
    store.migrate(ctx.now())?;
    if !store.read(Master::is_known)? {
        return Err(Error::failed("no server was ever started on it: there is nothing to restore"));
    }
    let master = configured_master(config)?;
    if !store.read(|tx| master.fits(tx))? {
        let place = match config.keys.master {
            Some(_) => "MASTER_KEY or MASTER_KEY_FILE".to_owned(),
            None => config.keys.master_file.display().to_string(),
        };
        return Err(Error::failed(format_args!(
            "the master key in {place} is not the one that it was made under: put that one there"
        )));
    }
    let key_config = KeyConfig { pem: None, ..key_config(config) };
    let (keys, generation) =
        store.read(|tx| Ok((Keys::load(tx, &master, &key_config)?, generation::read(tx)?)))?;
    Ok(Opened { store, master, keys, generation })
}

/// The master key where the configuration says that it is; none is made.
pub fn configured_master(config: &Config) -> Result<Master> {
    let path = &config.keys.master_file;
    match &config.keys.master {
        Some(text) => Master::from_text(text),
        None => Master::load(path)?.ok_or_else(|| {
            Error::failed(format_args!(
                "there is no master key {}: put the one there that the database was made under, or set MASTER_KEY",
                path.display()
            ))
        }),
    }
}

/// The database that is there, without its keys.
pub fn database(config: &Config) -> Result<Store> {
    let path = &config.database.path;
    if !path.exists() {
        return Err(Error::failed(format_args!(
            "there is no database {}: start the server or run `authgate migrate` first, or set DATABASE_PATH",
            path.display()
        )));
    }
    store(config)
}

/// Makes folder and database if they are missing and runs the migrations; returns how many ran.
pub fn migrated(config: &Config, ctx: &Context) -> Result<(Store, usize)> {
    let (folder, path) = (config.database.folder(), &config.database.path);
    // SQLite would make the file with whatever mode the umask leaves, and gives its companions the mode of this one.
    let private = || OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(drop);
    make_folder(folder).and_then(|()| private()).map_err(|error| {
        Error::failed(format_args!("cannot create the database {}: {error}", path.display()))
    })?;
    let store = store(config)?;
    let ran = store.migrate(ctx.now())?;
    Ok((store, ran))
}

fn store(config: &Config) -> Result<Store> {
    let store = Store::sqlite(&config.database.path, config.database.readers)?;
    Ok(if config.audit.enabled { store } else { store.unaudited() })
}

/// Makes the folder of the database, for the server's own user only; one that exists keeps its mode.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn opened(store: Store, config: &Config, key_config: &KeyConfig, ctx: &Context) -> Result<Opened> {
    let master = master(config, &store, ctx)?;
    let (keys, generation) = store.write(|tx| {
        master.check(tx, ctx.now())?;
        Keys::ensure(tx, &master, key_config, ctx)?;
        Ok((Keys::load(tx, &master, key_config)?, generation::read(tx)?))
    })?;
    Ok(Opened { store, master, keys, generation })
}

fn master(config: &Config, store: &Store, ctx: &Context) -> Result<Master> {
    let path = &config.keys.master_file;
    if let Some(text) = &config.keys.master {
        return Master::from_text(text);
    }
    if let Some(master) = Master::load(path)? {
        return if store.read(|tx| master.fits(tx))? {
            Ok(master)
        } else {
            finish_rewrap(master, path, store)
        };
    }
    // A new key could not open what the lost one wrapped, and would only hide the loss.
    if store.read(Master::is_known)? {
        return Err(Error::failed(format_args!(
            "the master key file {} is gone, and this database was made with it: restore the file, or set MASTER_KEY",
            path.display()
        )));
    }
    Master::create(path, ctx)
}

/// The name under which `key rewrap` writes the new key before the database knows it.
pub fn drafted(path: &Path) -> PathBuf {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    PathBuf::from(draft)
}

/// A rewrap that committed and died before it renamed the new key's file is finished here; any other key is wrong, which
/// the check says.
fn finish_rewrap(old: Master, path: &Path, store: &Store) -> Result<Master> {
    let draft = drafted(path);
    match Master::load(&draft)? {
        Some(new) if store.read(|tx| new.fits(tx))? => {
            fs::rename(&draft, path)
                .map_err(|error| Error::failed(format_args!("cannot rename {}: {error}", draft.display())))?;
            Ok(new)
        }
        _ => Ok(old),
    }
}

/// What the operator configured about keys.
pub fn key_config(config: &Config) -> KeyConfig {
    KeyConfig {
        access_algorithm: config.keys.signing_algorithm,
        jwt_secret: config.keys.jwt_secret.clone(),
        pem: config.keys.pem.clone(),
        key_id: config.keys.key_id.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use tempfile::TempDir;

    use super::*;
    use crate::testing::{config_in, context};

    fn refusal(result: Result<Opened>) -> String {
        result.err().expect("it must not open").to_string()
    }

    #[test]
    fn the_first_start_makes_everything_for_its_own_user_only() {
        let folder = TempDir::new().unwrap();
        let data = folder.path().join("a/data");
        let opened = for_server(&config_in(&data, &[]), &context()).unwrap();
        let mode = |name: &str| fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("."), mode("authgate.db"), mode("master.key")), (0o700, 0o600, 0o600));
        assert!(opened.keys.access().kid.is_some());
    }

    #[test]
    fn the_next_start_and_commands_find_the_same_keys() {
        let folder = TempDir::new().unwrap();
        let config = config_in(folder.path(), &[]);
        let first = for_server(&config, &context()).unwrap().keys.jwks().to_owned();
        assert_eq!(for_server(&config, &context()).unwrap().keys.jwks(), first);
        assert_eq!(for_command(&config, &context()).unwrap().keys.jwks(), first);
    }

    #[test]
    fn commands_need_a_migrated_database() {
        let folder = TempDir::new().unwrap();
        let config = config_in(folder.path(), &[]);
        assert!(refusal(for_command(&config, &context())).contains("there is no database"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        Store::sqlite(&config.database.path, 1).unwrap();
        assert!(refusal(for_command(&config, &context())).ends_with("run `authgate migrate`"));
        assert_eq!(i64::try_from(migrated(&config, &context()).unwrap().1), Ok(db::VERSION));
        assert_eq!(migrated(&config, &context()).unwrap().1, 0);
        assert!(for_command(&config, &context()).is_ok());
    }

    #[test]
    fn a_database_of_a_newer_version_is_refused() {
        let folder = TempDir::new().unwrap();
        let config = config_in(folder.path(), &[]);
        let (store, _) = migrated(&config, &context()).unwrap();
        let newer = "INSERT INTO migrations (version, name, applied_at) VALUES (99, 'future', 0)";
        store.write(|tx| tx.execute(newer, &[])).unwrap();
        for refused in [for_server(&config, &context()), for_command(&config, &context())] {
            assert!(refusal(refused).contains("schema version 99"));
        }
    }

    #[test]
    fn d24_a_lost_master_key_is_not_replaced() {
        let folder = TempDir::new().unwrap();
        let config = config_in(folder.path(), &[]);
        for_server(&config, &context()).unwrap();
        fs::remove_file(&config.keys.master_file).unwrap();
        assert!(refusal(for_server(&config, &context())).contains("is gone"));
        assert!(!config.keys.master_file.exists());
    }

    #[test]
    fn d24_a_wrong_master_key_is_noticed() {
        let folder = TempDir::new().unwrap();
        for_server(&config_in(folder.path(), &[]), &context()).unwrap();
        let other =
            config_in(folder.path(), &[("MASTER_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]);
        for refused in [for_server(&other, &context()), for_command(&other, &context())] {
            assert!(refusal(refused).contains("the master key is not the one"));
        }
    }
}
