//! A file that is said to be a backup.

use std::fs;

use authgate_core::backup::examine;

/// Any bytes are looked at or refused; none of them stops the program.
pub fn check(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("backup.db");
    fs::write(&path, data).expect("a file");
    drop(examine(&path));
}
