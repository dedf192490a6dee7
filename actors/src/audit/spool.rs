//! Events on their way to the database: a folder of this process that survives it.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use authgate_core::audit::Entry;
use authgate_core::error::{Error, Result};
use sled::{Batch, Db, IVec, Tree};

/// Processes that can share a folder; more than one is an accident.
const MAX_PROCESSES: usize = 16;
/// Bytes of memory: the spool is written and removed, hardly ever read.
const CACHE: u64 = 4 * 1024 * 1024;

/// A spool, locked by this process.
pub struct Spool {
    pub(super) db: Db,
    /// By id, so in the order in which they happened.
    pub(super) events: Tree,
    /// Counts that still grow, by id.
    open: Tree,
    len: usize,
}

impl Spool {
    /// Opens the first spool below `folder` that no other process has, and takes over what dead ones left in theirs.
    pub fn open(folder: &Path) -> Result<Self> {
        let failed = |error: &dyn std::fmt::Display| {
            Error::failed(format_args!("cannot open the audit spool {}: {error}", folder.display()))
        };
        // Events tell about people: only the server's own user needs what is inside.
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| failed(&error))?;
        let mut own: Option<Self> = None;
        for number in 0..MAX_PROCESSES {
            let path = folder.join(number.to_string());
            if own.is_some() && !path.exists() {
                continue;
            }
            let opened = match opened(&path) {
                Ok(opened) => opened,
                Err(sled::Error::Io(error)) if error.to_string().contains("lock") => continue,
                Err(error) => return Err(failed(&error)),
            };
            let mut spool = Self::of(opened).map_err(|error| failed(&error))?;
            match &mut own {
                None => own = Some(spool),
                Some(own) => {
                    own.add(spool.oldest(usize::MAX)?.iter())?;
                    drop(spool);
                    fs::remove_dir_all(&path).map_err(|error| failed(&error))?;
                }
            }
        }
        own.ok_or_else(|| failed(&format_args!("{MAX_PROCESSES} other processes use it")))
    }

    fn of(db: Db) -> sled::Result<Self> {
        let (events, open) = (db.open_tree("events")?, db.open_tree("open")?);
        let mut counted = Batch::default();
        for count in &open {
            let (id, event) = count?;
            counted.insert(id, event);
        }
        events.apply_batch(counted)?;
        open.clear()?;
        db.flush()?;
        let len = events.len();
        Ok(Self { db, events, open, len })
    }

    /// How many events wait.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Keeps events; they are on the disk when this returns.
    pub(super) fn add<'e>(&mut self, entries: impl Iterator<Item = &'e Entry>) -> Result<()> {
        let (mut batch, mut added) = (Batch::default(), 0);
        for entry in entries {
            batch.insert(entry.id.as_bytes(), text(entry));
            added += 1;
        }
        self.events.apply_batch(batch).map_err(Error::failed)?;
        self.len += added;
        self.db.flush().map_err(Error::failed).map(drop)
    }

    /// Keeps counts that still grow, as far as they are now; the disk has them within a second.
    pub(super) fn keep_open(&mut self, entries: &[Entry]) -> Result<()> {
        let mut batch = Batch::default();
        for entry in entries {
            batch.insert(entry.id.as_bytes(), text(entry));
        }
        self.open.apply_batch(batch).map_err(Error::failed)
    }

    /// Turns counts into events.
    pub(super) fn close(&mut self, entries: &[Entry]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        self.add(entries.iter())?;
        self.open.clear().map_err(Error::failed)
    }

    /// The oldest events. One that cannot be read is set aside and logged.
    pub(super) fn oldest(&mut self, count: usize) -> Result<Vec<Entry>> {
        let mut found = Vec::new();
        for item in self.events.iter().take(count) {
            let (id, event) = item.map_err(Error::failed)?;
            match serde_json::from_slice(&event) {
                Ok(entry) => found.push(entry),
                Err(error) => {
                    self.set_aside(&id, event, &error)?;
                    self.len = self.len.saturating_sub(1);
                }
            }
        }
        Ok(found)
    }

    fn set_aside(&self, id: &IVec, event: IVec, error: &serde_json::Error) -> Result<()> {
        let name = String::from_utf8_lossy(id);
        tracing::error!(%error, id = %name, "an event in the spool cannot be read and is set aside");
        let aside = self.db.open_tree("unreadable").map_err(Error::failed)?;
        aside.insert(id, event).map_err(Error::failed)?;
        self.events.remove(id).map_err(Error::failed).map(drop)
    }

    /// Forgets events that are in the database. If that is lost they are moved again, which changes nothing.
    pub(super) fn remove(&mut self, ids: &[String]) -> Result<()> {
        let mut batch = Batch::default();
        for id in ids {
            batch.remove(id.as_bytes());
        }
        self.events.apply_batch(batch).map_err(Error::failed)?;
        self.len = self.len.saturating_sub(ids.len());
        Ok(())
    }
}

fn opened(path: &Path) -> sled::Result<Db> {
    sled::Config::new().path(path).cache_capacity(CACHE).flush_every_ms(Some(1000)).open()
}

fn text(entry: &Entry) -> Vec<u8> {
    serde_json::to_vec(entry).expect("texts and numbers always serialise")
}
