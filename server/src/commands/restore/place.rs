//! The file that is to become the database, and how it takes the place of the one before.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use authgate_core::context::Context;
use authgate_core::db;
use authgate_core::error::{Code, Error, Result};
use authgate_core::private_file;
use rustix::fs::{FlockOperation, fcntl_lock};

use super::super::answer::time;

/// A copy beside the database, which goes with this value unless it has taken the database's place.
pub struct Draft(PathBuf);

impl Draft {
    /// Copies `file` to a name beside `target`, with mode 0600.
    pub fn copy_of(file: &Path, target: &Path, ctx: &Context) -> Result<Self> {
        let trouble = |error: io::Error| {
            Error::failed(format_args!("cannot copy {} beside the database: {error}", file.display()))
        };
        let mut source = File::open(file)
            .map_err(|error| Error::failed(format_args!("cannot read {}: {error}", file.display())))?;
        if companion(file, "-wal").exists() {
            return Err(Error::refused(
                Code::InvalidRequest,
                format!(
                    "{0} is a database in use or copied from one, since {0}-wal lies beside it: make a backup of it \
                     with DATABASE_PATH={0}",
                    file.display()
                ),
            ));
        }
        let (path, mut copy) = private_file::draft(target, ctx).map_err(trouble)?;
        let draft = Self(path);
        io::copy(&mut source, &mut copy).map_err(trouble)?;
        Ok(draft)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes this the database. Returns where the one before is kept.
    pub fn take_place(self, target: &Path, ctx: &Context) -> Result<Option<PathBuf>> {
        let trouble = |error: io::Error| {
            Error::failed(format_args!("cannot put the backup in the place of {}: {error}", target.display()))
        };
        for name in ["-wal", "-shm"] {
            gone(&companion(&self.0, name)).map_err(trouble)?;
        }
        self.owned_as(target).and_then(|()| File::open(&self.0)?.sync_all()).map_err(trouble)?;
        let moment = time(ctx.now()).replace([':', '-'], "");
        let aside = companion(target, &format!(".before-{moment}"));
        if target.symlink_metadata().is_err() {
            // A log without its database belongs to another one: SQLite would play it into this one.
            set_log_aside(target, &aside).map_err(trouble)?;
            private_file::publish(&self.0, target).map_err(trouble)?;
            return Ok(None);
        }
        // What only the log has moves into the file; if that fails, both are kept as they are.
        if is_sqlite(target) {
            let _ = db::fold(target);
        }
        let _lock = locked(target)?;
        fs::hard_link(target, &aside).map_err(trouble)?;
        set_log_aside(target, &aside).map_err(trouble)?;
        fs::rename(&self.0, target).and_then(|()| private_file::flush_folder(target)).map_err(trouble)?;
        Ok(Some(aside))
    }

    /// Root may restore for the server's own user.
    fn owned_as(&self, target: &Path) -> io::Result<()> {
        let folder =
            target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let wanted = fs::metadata(target).or_else(|_| fs::metadata(folder))?;
        let is = fs::metadata(&self.0)?;
        if (is.uid(), is.gid()) == (wanted.uid(), wanted.gid()) || !rustix::process::geteuid().is_root() {
            return Ok(());
        }
        chown(&self.0, Some(wanted.uid()), Some(wanted.gid()))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After it took its place there is nothing of this name.
        for name in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(companion(&self.0, name));
        }
    }
}

/// Where the database at `path` is: the log of one behind a link lies beside the file itself.
pub fn real(path: &Path) -> Result<PathBuf> {
    if !path.is_symlink() {
        return Ok(path.to_owned());
    }
    path.canonicalize()
        .map_err(|error| Error::failed(format_args!("{} leads nowhere: {error}", path.display())))
}

/// True if the file begins as every database does. SQLite takes a shorter one for new and deletes its log.
pub fn is_sqlite(path: &Path) -> bool {
    let mut head = [0; 16];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *b"SQLite format 3\0"
}

/// Keeps every other process from the database at `path` as long as the file is held, or refuses if one has it open:
/// each connection of SQLite holds a lock on the file for as long as it is open, whether its server answers or hangs.
pub fn locked(path: &Path) -> Result<File> {
    let file = OpenOptions::new().read(true).write(true).open(path);
    let file =
        file.map_err(|error| Error::failed(format_args!("cannot open {}: {error}", path.display())))?;
    fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        Error::refused(
            Code::InvalidRequest,
            format!("a server or a command is using {}: stop it first", path.display()),
        )
    })?;
    Ok(file)
}

fn set_log_aside(target: &Path, aside: &Path) -> io::Result<()> {
    let log = companion(target, "-wal");
    if log.symlink_metadata().is_ok() {
        fs::rename(log, companion(aside, "-wal"))?;
    }
    gone(&companion(target, "-shm"))
}

fn gone(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// SQLite's name for what belongs to the database at `path`.
fn companion(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}
