//! SQLite: WAL, a flush at every commit, one file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use r2d2::Pool;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql};
use tracing::span::EnteredSpan;

use super::row::{FromRow, Row, Value};
use super::{Changes, On, Tx};
use crate::error::{Error, Result};
use crate::trace::SPANS;

/// How long a statement waits for another process (a command beside the server) before it fails.
const BUSY: Duration = Duration::from_secs(10);
/// Distinct statements kept prepared on each connection; there are fewer in this crate.
const STATEMENTS: usize = 256;

/// The database file and its readers.
#[derive(Clone)]
pub struct Sqlite {
    path: PathBuf,
    readers: Pool<SqliteConnectionManager>,
    is_audited: bool,
    changes: Arc<Changes>,
}

impl Sqlite {
    pub(super) fn open(path: &Path, readers: u32) -> Result<Self> {
        // The writer first: it creates the file and switches it to WAL, which readers cannot.
        drop(connect(path)?);
        let manager = SqliteConnectionManager::file(path)
            .with_flags(OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .with_init(|connection| {
                connection.busy_timeout(BUSY)?;
                connection.set_prepared_statement_cache_capacity(STATEMENTS);
                Ok(())
            });
        let readers = Pool::builder()
            .max_size(readers)
            .min_idle(Some(1))
            .test_on_check_out(false)
            .connection_timeout(Duration::from_secs(5))
            .build(manager)?;
        Ok(Self { path: path.to_owned(), readers, is_audited: true, changes: Arc::default() })
    }

    pub(super) fn unaudited(self) -> Self {
        Self { is_audited: false, ..self }
    }

    pub(super) fn is_audited(&self) -> bool {
        self.is_audited
    }

    pub(super) fn changes(&self) -> &Arc<Changes> {
        &self.changes
    }

    pub(super) fn read<T>(&self, job: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        let connection = self.readers.get()?;
        job(&mut Tx::reader(On::Sqlite(&connection)))
    }

    pub(super) fn checkpoint(&self) -> Result<()> {
        fold(&self.path)
    }

    /// One read transaction, so writers go on; what was deleted is not copied.
    pub(super) fn copy_into(&self, to: &Path) -> Result<()> {
        let to = to.to_str().ok_or_else(|| Error::failed("the name of the file is not UTF-8"))?;
        Ok(self.readers.get()?.execute("VACUUM INTO ?1", [to]).map(drop)?)
    }

    pub(super) fn writer(&self) -> Result<Connection> {
        connect(&self.path)
    }
}

/// Moves what was committed into the main file, so that the file alone is the whole database, and closes it.
pub fn fold(path: &Path) -> Result<()> {
    Ok(connect(path)?.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
}

/// Reads a file that may be anything, beside a server or without one, and changes nothing in it.
pub fn inspect<T>(path: &Path, job: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    // No function that a foreign schema names runs with rights of ours.
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    job(&mut Tx::reader(On::Sqlite(&connection)))
}

fn connect(path: &Path) -> Result<Connection> {
    connection(path)
        .map_err(|error| Error::failed(format_args!("cannot open the database {}: {error}", path.display())))
}

fn connection(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // An acknowledged token survives a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "OFF")?;
    Ok(connection)
}

struct Bound<'a>(&'a Value<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Int(int) => ValueRef::Integer(*int),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

fn bound<'a>(params: &'a [Value<'a>]) -> impl rusqlite::Params {
    rusqlite::params_from_iter(params.iter().map(Bound))
}

/// The span of one statement. SQL has placeholders where values go, so no value can stand in it.
pub(super) fn statement(sql: &str) -> EnteredSpan {
    let operation = || sql.split_ascii_whitespace().next();
    tracing::debug_span!(
        target: SPANS,
        "statement",
        otel.name = operation(),
        otel.kind = "client",
        db.system.name = "sqlite",
        db.operation.name = operation(),
        db.query.text = sql,
    )
    .entered()
}

pub(super) fn execute(connection: &Connection, sql: &str, params: &[Value<'_>]) -> Result<usize> {
    let _span = statement(sql);
    Ok(connection.prepare_cached(sql)?.execute(bound(params))?)
}

pub(super) fn one<T: FromRow>(connection: &Connection, sql: &str, params: &[Value<'_>]) -> Result<Option<T>> {
    let _span = statement(sql);
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(bound(params))?;
    rows.next()?.map(read).transpose()
}

pub(super) fn all<T: FromRow>(connection: &Connection, sql: &str, params: &[Value<'_>]) -> Result<Vec<T>> {
    let _span = statement(sql);
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(bound(params))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

fn read<T: FromRow>(row: &rusqlite::Row<'_>) -> Result<T> {
    let mut values = Vec::with_capacity(row.as_ref().column_count());
    for index in 0..row.as_ref().column_count() {
        values.push(match row.get_ref(index)? {
            ValueRef::Null => None,
            ValueRef::Integer(int) => Some(Value::Int(int)),
            ValueRef::Text(text) => {
                let text =
                    std::str::from_utf8(text).map_err(|_| Error::failed("database: text is not UTF-8"))?;
                Some(Value::Text(text.to_owned().into()))
            }
            ValueRef::Real(_) | ValueRef::Blob(_) => {
                return Err(Error::failed(format_args!(
                    "database: column {index} is neither text nor integer"
                )));
            }
        });
    }
    T::from_row(&mut Row::new(values))
}
