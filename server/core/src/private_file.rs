//! Files that only this server's user may read, whole after a crash at any point.

use std::fs::{self, File, OpenOptions};
use std::io::{Result, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::secret::hex;

/// Makes a file of mode 0600 and flushes it and its folder. `AlreadyExists` if the name is taken, by a link as well.
pub fn create(path: &Path, text: &str, ctx: &Context) -> Result<()> {
    publish(&write_draft(path, text, ctx)?, path)
}

/// Gives a flushed draft in the same folder its name, and flushes the folder. `AlreadyExists` if the name is taken. The
/// draft is gone either way.
pub fn publish(draft: &Path, path: &Path) -> Result<()> {
    // Unlike a rename, a link never replaces what is there.
    let linked = fs::hard_link(draft, path);
    fs::remove_file(draft)?;
    linked?;
    flush_folder(path)
}

/// Replaces a file in one step, or makes it; mode 0600 and flushed.
pub fn replace(path: &Path, text: &str, ctx: &Context) -> Result<()> {
    fs::rename(write_draft(path, text, ctx)?, path)?;
    flush_folder(path)
}

/// Makes an empty file of mode 0600 that nobody knows yet, beside `path`.
pub fn draft(path: &Path, ctx: &Context) -> Result<(PathBuf, File)> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", hex(&ctx.bytes::<8>())));
    let draft = PathBuf::from(draft);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    Ok((draft, file))
}

fn write_draft(path: &Path, text: &str, ctx: &Context) -> Result<PathBuf> {
    let (draft, mut file) = draft(path, ctx)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.inspect_err(|_| drop(fs::remove_file(&draft))).map(|()| draft)
}

/// Makes the names in the folder of `path` durable.
pub fn flush_folder(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use tempfile::TempDir;

    use super::*;
    use crate::testing::context;

    fn names(folder: &TempDir) -> Vec<String> {
        let entries = fs::read_dir(folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn only_its_owner_may_read_it() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("secret");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        create(&path, "one", &context()).unwrap();
        assert_eq!(mode(), 0o600);
        replace(&path, "two", &context()).unwrap();
        assert_eq!((mode(), fs::read_to_string(&path).unwrap()), (0o600, "two".to_owned()));
        assert_eq!(names(&folder), ["secret"]);
    }

    #[test]
    fn a_name_that_is_taken_stays_as_it_is() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("secret");
        symlink(folder.path().join("elsewhere"), &path).unwrap();
        assert_eq!(create(&path, "one", &context()).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(names(&folder), ["secret"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("missing/secret");
        assert_eq!(create(&path, "one", &context()).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
