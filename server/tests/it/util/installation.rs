//! A first start, made once and copied: the keys alone take longer than most tests.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use authgate::{config, open, policy, seed};
use authgate_core::context::{Context, ManualClock, SystemRandom};

use super::{PASSWORD, START};

type File = (OsString, Vec<u8>);

/// Fills an empty folder.
pub(super) fn copy_to(folder: &Path) {
    static FILES: OnceLock<Vec<File>> = OnceLock::new();
    for (name, bytes) in FILES.get_or_init(make) {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(folder.join(name)).unwrap();
        file.write_all(bytes).unwrap();
    }
}

fn make() -> Vec<File> {
    let folder = tempfile::tempdir().unwrap();
    let env = |name: &str| match name {
        "DATA_DIR" => folder.path().to_str().map(str::to_owned),
        "DEFAULT_ADMIN_PASSWORD" => Some(PASSWORD.to_owned()),
        _ => None,
    };
    let (config, _) = config::load(&env).unwrap();
    let ctx = Context::new(&ManualClock::at(START * 1000), Arc::new(SystemRandom));
    let opened = open::for_server(&config, &ctx).unwrap();
    seed::first_start(&opened.store, &config, &policy::of(&config), &ctx).unwrap();
    // SQLite rebuilds this index of the log by itself.
    let is_shared_memory = |name: &OsString| name.to_str().is_some_and(|name| name.ends_with("-shm"));
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let kept = names.filter(|name| !is_shared_memory(name));
    kept.map(|name| (name.clone(), fs::read(folder.path().join(name)).unwrap())).collect()
}
