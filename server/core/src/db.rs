//! The store: one writer, pooled readers, and a transaction with three verbs.
//!
//! SQL is written once, with TEXT and BIGINT columns and `?1` placeholders; only `ON CONFLICT` and `RETURNING` go
//! beyond plain SQL, so that the same text runs on PostgreSQL.

mod changes;
mod row;
mod schema;
mod sqlite;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

pub use changes::{Changes, Mark, Moment};
pub use row::{Column, FromRow, Json, Row, Value};
pub(crate) use row::{params, row, text_enum};
pub use schema::{VERSION, recognise, require_current, version};
pub use sqlite::{fold, inspect};

use crate::audit::{self, Chain};
use crate::error::{Error, Result};
use crate::generation;

/// An opened database.
#[derive(Clone)]
pub enum Store {
    /// Embedded SQLite.
    Sqlite(sqlite::Sqlite),
}

impl Store {
    /// Opens (and creates) the SQLite database at `path`; `readers` is the size of the reader pool.
    pub fn sqlite(path: &Path, readers: u32) -> Result<Self> {
        Ok(Store::Sqlite(sqlite::Sqlite::open(path, readers)?))
    }

    /// Brings the schema to this program's version; refuses a database of a newer one. Returns how many migrations ran.
    pub fn migrate(&self, now: i64) -> Result<usize> {
        self.write(|tx| schema::migrate(tx, now))
    }

    /// The same, without an audit trail.
    #[must_use]
    pub fn unaudited(self) -> Self {
        match self {
            Store::Sqlite(sqlite) => Store::Sqlite(sqlite.unaudited()),
        }
    }

    /// Runs `job` on a pooled reader. Blocks: call it from a blocking thread.
    pub fn read<T>(&self, job: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        match self {
            Store::Sqlite(sqlite) => sqlite.read(job),
        }
    }

    /// [`Self::read`] where all that `job` sees is of one moment.
    pub fn snapshot<T>(&self, job: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        self.read(|tx| {
            tx.execute("BEGIN", &[])?;
            let answer = job(tx);
            tx.execute("ROLLBACK", &[])?;
            answer
        })
    }

    /// What changed in this process, and when.
    pub fn changes(&self) -> &Changes {
        match self {
            Store::Sqlite(sqlite) => sqlite.changes(),
        }
    }

    /// Runs `job` in a transaction of its own on a connection of its own: for commands and start-up. A server that runs
    /// beside it hears of what it changed. Waits for other writers. Blocks.
    pub fn write<T>(&self, job: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        let mut writer = self.writer()?;
        writer.begin()?;
        let answer = writer.savepoint(job)?;
        if answer.as_ref().is_err_and(|error| !error.keeps_writes()) {
            writer.rollback()?;
            return answer;
        }
        if !writer.marks.is_empty() {
            generation::raise(&mut writer.tx(), generation::Of::Rows)?;
        }
        writer.commit()?;
        answer
    }

    /// Moves what was committed into the main file, so that the file alone is the whole database; for a clean stop.
    pub fn checkpoint(&self) -> Result<()> {
        match self {
            Store::Sqlite(sqlite) => sqlite.checkpoint(),
        }
    }

    /// Writes what is committed at this moment into the empty file `to`, beside readers and writers. It is not flushed
    /// yet. Blocks.
    pub fn copy_into(&self, to: &Path) -> Result<()> {
        match self {
            Store::Sqlite(sqlite) => sqlite.copy_into(to),
        }
    }

    /// A connection that writes. The issuer holds one for the life of the process.
    pub fn writer(&self) -> Result<Writer> {
        match self {
            Store::Sqlite(sqlite) => Ok(Writer {
                connection: Connection::Sqlite(sqlite.writer()?),
                chain: sqlite.is_audited().then(Chain::default),
                changes: Arc::clone(sqlite.changes()),
                marks: Vec::new(),
            }),
        }
    }
}

/// A connection that writes: `begin`, any number of `savepoint`s, `commit`.
pub struct Writer {
    connection: Connection,
    /// The end of the audit trail; `None` if the operator wants none.
    chain: Option<Chain>,
    changes: Arc<Changes>,
    /// Rows that the open transaction changed, or tried to.
    marks: Vec<Mark>,
}

enum Connection {
    Sqlite(rusqlite::Connection),
}

impl Writer {
    /// Opens a transaction and takes the write lock.
    pub fn begin(&mut self) -> Result<()> {
        self.forget_chain();
        self.batch("BEGIN IMMEDIATE")
    }

    /// Runs one job inside the open transaction. An error or a panic undoes what this job wrote and nothing else; a
    /// refusal that asks to be kept stays. The outer error means that the transaction itself is lost: roll back.
    pub fn savepoint<T>(&mut self, job: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<Result<T>> {
        self.batch("SAVEPOINT job")?;
        let mark = self.chain.as_ref().map(Chain::mark);
        let mut tx = self.tx();
        let answer = catch_unwind(AssertUnwindSafe(|| job(&mut tx))).unwrap_or_else(|_| {
            tracing::error!("a request panicked inside the transaction and is undone");
            Err(Error::panicked())
        });
        if answer.as_ref().is_err_and(|error| !error.keeps_writes()) {
            self.batch("ROLLBACK TO job")?;
            if let (Some(chain), Some(mark)) = (&mut self.chain, mark) {
                chain.return_to(mark);
            }
        }
        // Fails if the database gave the transaction up (a full disk does that): then no savepoint is left.
        self.batch("RELEASE job")?;
        Ok(answer)
    }

    /// Makes everything since `begin` durable.
    pub fn commit(&mut self) -> Result<()> {
        if self.chain.is_some() {
            audit::store_chain(&mut self.tx())?;
        }
        let commit = "COMMIT";
        // Where the time of a write goes.
        let _span = sqlite::statement(commit);
        let committed = self.batch(commit);
        // Whether it failed or not: one that failed may be durable.
        self.changes.note(&self.marks);
        self.marks.clear();
        committed
    }

    /// Undoes everything since `begin`; nothing to do if no transaction is open.
    pub fn rollback(&mut self) -> Result<()> {
        self.forget_chain();
        self.marks.clear();
        match &self.connection {
            Connection::Sqlite(connection) if connection.is_autocommit() => Ok(()),
            Connection::Sqlite(_) => self.batch("ROLLBACK"),
        }
    }

    /// The connection to SQLite.
    pub fn sqlite(&self) -> &rusqlite::Connection {
        let Connection::Sqlite(connection) = &self.connection;
        connection
    }

    fn forget_chain(&mut self) {
        if let Some(chain) = &mut self.chain {
            chain.reset();
        }
    }

    fn tx(&mut self) -> Tx<'_> {
        let Connection::Sqlite(connection) = &self.connection;
        let is_audited = self.chain.is_some();
        Tx {
            on: On::Sqlite(connection),
            chain: self.chain.as_mut(),
            marks: Some(&mut self.marks),
            is_audited,
        }
    }

    fn batch(&mut self, sql: &str) -> Result<()> {
        match &self.connection {
            Connection::Sqlite(connection) => Ok(connection.prepare_cached(sql)?.execute([]).map(drop)?),
        }
    }
}

/// An open transaction, or a reader's view.
pub struct Tx<'c> {
    on: On<'c>,
    /// `None` for a reader.
    chain: Option<&'c mut Chain>,
    /// `None` for a reader.
    marks: Option<&'c mut Vec<Mark>>,
    is_audited: bool,
}

enum On<'c> {
    Sqlite(&'c rusqlite::Connection),
}

impl<'c> Tx<'c> {
    fn reader(on: On<'c>) -> Self {
        Self { on, chain: None, marks: None, is_audited: true }
    }

    /// False if the operator wants no audit trail.
    pub(crate) fn is_audited(&self) -> bool {
        self.is_audited
    }

    /// The end of the audit trail, if this transaction writes.
    pub(crate) fn chain(&mut self) -> Option<&mut Chain> {
        self.chain.as_deref_mut()
    }

    /// Runs a statement; returns the number of rows it changed.
    pub fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<usize> {
        let Some((table, name)) = changes::watched(sql) else {
            return match self.on {
                On::Sqlite(connection) => sqlite::execute(connection, sql, params),
            };
        };
        let changed: Vec<(String,)> = self.query(&format!("{sql} RETURNING {name}"), params)?;
        self.mark(table, changed.iter().map(|(name,)| name.as_str()));
        Ok(changed.len())
    }

    /// The first row, if there is one.
    pub fn one<T: FromRow>(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Option<T>> {
        if changes::watched(sql).is_some() {
            return Ok(self.all(sql, params)?.into_iter().next());
        }
        match self.on {
            On::Sqlite(connection) => sqlite::one(connection, sql, params),
        }
    }

    /// Every row.
    pub fn all<T: FromRow>(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Vec<T>> {
        let Some((table, name)) = changes::watched(sql) else { return self.query(sql, params) };
        // It ends with what it returns.
        let rows: Vec<changes::Named<T>> = self.query(&format!("{sql}, {name}"), params)?;
        self.mark(table, rows.iter().map(|row| row.name.as_str()));
        Ok(rows.into_iter().map(|row| row.row).collect())
    }

    fn query<T: FromRow>(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Vec<T>> {
        match self.on {
            On::Sqlite(connection) => sqlite::all(connection, sql, params),
        }
    }

    fn mark<'n>(&mut self, table: &'static str, names: impl Iterator<Item = &'n str>) {
        if let Some(marks) = &mut self.marks {
            marks.extend(names.map(|name| Mark::of(table, name)));
        }
    }
}
