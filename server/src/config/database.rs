//! Where the data is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::parse::{self, Parsed};
use super::reader::Reader;
use super::reference::settings;

settings! { "Database";
    /// `sqlite`; PostgreSQL comes in a later version.
    DATABASE_DRIVER = "sqlite";
    /// The SQLite file, as a path or `file:` and a path.
    DATABASE_DSN = "(DATABASE_PATH)", secret;
    /// The SQLite file; an older name, `DATABASE_DSN` wins.
    DATABASE_PATH = "(authgate.db in DATA_DIR)";
    /// Folder of what the server writes, if the database is not placed by its own setting.
    DATA_DIR = "./data";
    /// Connections that read at the same time, 1 to 64; one more writes.
    DB_MAX_OPEN_CONNS = "8";
    /// How long opening the database, with migrations and the first start, may take.
    DB_INIT_TIMEOUT = "30s";
    /// How long closing it may take.
    DB_CLOSE_TIMEOUT = "5s";
    /// Removes tokens, codes, grants, sessions and requests that are over.
    ENABLE_EXPIRED_TOKEN_CLEANUP = "true";
    /// Time between two walks through the database that remove them.
    EXPIRED_TOKEN_CLEANUP_INTERVAL = "1h";
}

/// The SQLite database.
#[derive(Clone, Debug)]
pub struct Database {
    /// The file; what else the server keeps lies beside it.
    pub path: PathBuf,
    /// Connections that read at the same time.
    pub readers: u32,
    /// How long opening it may take.
    pub init_timeout: Duration,
    /// How long closing it may take.
    pub close_timeout: Duration,
    /// Seconds between two removals of what is over; `None` keeps everything.
    pub cleanup: Option<i64>,
}

impl Database {
    /// The folder of the database.
    pub fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// Where events wait for the database.
    pub fn spool_folder(&self) -> PathBuf {
        self.folder().join("audit-spool")
    }

    /// Where the password of the first administrator is written if one had to be made.
    pub fn credentials_file(&self) -> PathBuf {
        self.folder().join("authgate-credentials.txt")
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Database {
    reader.value(DATABASE_DRIVER, driver);
    let data = reader.text(DATA_DIR).unwrap_or_else(|| DATA_DIR.default.to_owned());
    let place = |reader: &mut Reader<'_>| match reader.text(DATABASE_DSN) {
        Some(_) => reader.optional(DATABASE_DSN, file),
        None => reader.optional(DATABASE_PATH, file),
    };
    // A connection string of another driver would only add a second problem.
    let placed = if reader.sound(&[DATABASE_DRIVER]) { place(reader) } else { None };
    let (cleans, interval) = (
        reader.switch(ENABLE_EXPIRED_TOKEN_CLEANUP),
        reader.lifetime(EXPIRED_TOKEN_CLEANUP_INTERVAL, 1..=i64::MAX),
    );
    Database {
        cleanup: cleans.then_some(interval),
        path: placed.unwrap_or_else(|| Path::new(&data).join("authgate.db")),
        init_timeout: reader.value(DB_INIT_TIMEOUT, parse::duration),
        close_timeout: reader.value(DB_CLOSE_TIMEOUT, parse::duration),
        readers: u32::try_from(reader.integer(DB_MAX_OPEN_CONNS, 1..=64)).expect("at most 64"),
    }
}

fn driver(text: &str) -> Parsed<()> {
    if matches!(text, "postgres" | "postgresql") {
        return Err(
            "PostgreSQL is not available in this version, it comes in a later one: must be sqlite".into()
        );
    }
    parse::word(text, &[("sqlite", ())])
}

/// The path in `path`, `file:path` or `file:///path`.
fn file(text: &str) -> Parsed<PathBuf> {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") || text.contains("dbname=") {
        return Err(
            "is of PostgreSQL, which comes in a later version: must be the path of a SQLite file".into()
        );
    }
    if text.contains('?') {
        return Err("must be a path without options: what follows the ? is decided by the server".into());
    }
    let path = match text.strip_prefix("file:") {
        Some(uri) if uri.contains('%') => {
            return Err("must be a plain path: percent escapes are not decoded".into());
        }
        Some(uri) => uri.strip_prefix("//localhost").or(uri.strip_prefix("//")).unwrap_or(uri),
        None => text,
    };
    let file_uri_of_a_host = text.starts_with("file://") && !path.starts_with('/');
    if path.contains(":memory:") || path.is_empty() || path.ends_with('/') || file_uri_of_a_host {
        return Err("must be the path of a file such as /var/lib/authgate/authgate.db".into());
    }
    Ok(path.into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{config, refused};
    use super::*;

    fn path(pairs: &[(&str, &str)]) -> PathBuf {
        config(pairs).database.path
    }

    #[test]
    fn the_dsn_wins_over_the_path_over_the_folder() {
        let all = [("DATABASE_DSN", "file:a.db"), ("DATABASE_PATH", "/b.db"), ("DATA_DIR", "/c")];
        assert_eq!(path(&all), Path::new("a.db"));
        assert_eq!(path(&all[1..]), Path::new("/b.db"));
        assert_eq!(path(&all[2..]), Path::new("/c/authgate.db"));
        assert_eq!(path(&[]), Path::new("./data/authgate.db"));
    }

    #[test]
    fn file_uris_are_paths() {
        for (dsn, expected) in [
            ("file:/x/a.db", "/x/a.db"),
            ("file:///x/a.db", "/x/a.db"),
            ("file://localhost/x/a.db", "/x/a.db"),
        ] {
            assert_eq!(path(&[("DATABASE_DSN", dsn)]), Path::new(expected), "{dsn}");
        }
        for dsn in [
            "file:a.db?_journal=WAL",
            "a.db?x",
            "file:",
            "file://host/a.db",
            ":memory:",
            "dir/",
            "file:a%20.db",
        ] {
            assert!(refused(&[("DATABASE_DSN", dsn)]).contains("DATABASE_DSN=***: must be"), "{dsn}");
        }
    }

    #[test]
    fn what_is_over_is_removed_unless_somebody_wants_to_keep_it() {
        assert_eq!(config(&[]).database.cleanup, Some(3600));
        assert_eq!(config(&[("EXPIRED_TOKEN_CLEANUP_INTERVAL", "10m")]).database.cleanup, Some(600));
        assert_eq!(config(&[("ENABLE_EXPIRED_TOKEN_CLEANUP", "false")]).database.cleanup, None);
        assert!(refused(&[("EXPIRED_TOKEN_CLEANUP_INTERVAL", "0")]).contains("positive duration"));
    }

    #[test]
    fn postgres_is_refused_by_name_once() {
        let text = refused(&[
            ("DATABASE_DRIVER", "postgres"),
            ("DATABASE_DSN", "postgres://joe:hunter2@db/authgate?x"),
        ]);
        assert!(text.contains("PostgreSQL is not available in this version"), "{text}");
        assert_eq!(text.lines().count(), 2, "{text}");
        let text = refused(&[("DATABASE_DSN", "host=db password=hunter2 dbname=authgate")]);
        assert!(text.contains("PostgreSQL") && !text.contains("hunter2"), "{text}");
        assert!(refused(&[("DATABASE_DRIVER", "mysql")]).contains("must be sqlite"));
    }

    #[test]
    fn readers_have_bounds() {
        assert_eq!(config(&[]).database.readers, 8);
        assert_eq!(config(&[("DB_MAX_OPEN_CONNS", "25")]).database.readers, 25);
        for text in ["0", "65", "x"] {
            assert!(refused(&[("DB_MAX_OPEN_CONNS", text)]).contains("from 1 to 64"));
        }
    }

    #[test]
    fn other_files_lie_beside_the_database() {
        let at = |path: &str| config(&[("DATABASE_PATH", path)]);
        assert_eq!(at("/x/a.db").database.credentials_file(), Path::new("/x/authgate-credentials.txt"));
        assert_eq!(at("/x/a.db").keys.master_file, Path::new("/x/master.key"));
        assert_eq!(at("a.db").keys.master_file, Path::new("./master.key"));
    }
}
