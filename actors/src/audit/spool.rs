//! Events on their way to the database: a folder of this process that survives it.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use authgate_core::audit::Entry;
use authgate_core::error::{Error, Result};
use sled::{Batch, Db, IVec, Tree};

/// Processes that can share a folder; more than one is an accident.
const MAX_PROCESSES: usize = 16;
/// Bytes of memory: the spool is written and removed, hardly ever read.
const CACHE: u64 = 4 * 1024 * 1024;

/// A spool, locked by this process.
pub struct Spool {
    path: PathBuf,
    /// `None` after an error: sled repeats its first error for ever, so it is opened anew.
    trees: Option<Trees>,
    len: usize,
}

/// An opened spool.
pub(super) struct Trees {
    pub(super) db: Db,
    /// By id, so in the order in which they happened.
    pub(super) events: Tree,
    /// Counts that still grow, by id.
    open: Tree,
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
            let trees = match Trees::open(&path) {
                Ok(trees) => trees,
                Err(sled::Error::Io(error)) if error.to_string().contains("lock") => continue,
                Err(error) => return Err(failed(&error)),
            };
            trees.end_counts().map_err(|error| failed(&error))?;
            let mut spool = Self { len: trees.events.len(), path: path.clone(), trees: Some(trees) };
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

    /// How many events wait.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Runs `job`; opens the spool anew if the last one failed.
    pub(super) fn with<T>(&mut self, job: impl FnOnce(&Trees) -> sled::Result<T>) -> Result<T> {
        let trees = if let Some(trees) = self.trees.take() {
            trees
        } else {
            let trees = Trees::open(&self.path).map_err(Error::failed)?;
            self.len = trees.events.len();
            trees
        };
        let outcome = job(&trees).map_err(Error::failed)?;
        self.trees = Some(trees);
        Ok(outcome)
    }

    /// Keeps events; they are on the disk when this returns.
    pub(super) fn add<'e>(&mut self, entries: impl Iterator<Item = &'e Entry>) -> Result<()> {
        let (batch, added) = batch(entries);
        self.with(|trees| {
            trees.events.apply_batch(batch)?;
            trees.db.flush().map(drop)
        })?;
        self.len += added;
        Ok(())
    }

    /// Keeps counts that still grow, as far as they are now; the disk has them within a second.
    pub(super) fn keep_open(&mut self, entries: &[Entry]) -> Result<()> {
        let (batch, _) = batch(entries.iter());
        self.with(|trees| trees.open.apply_batch(batch))
    }

    /// Turns counts into events.
    pub(super) fn close(&mut self, entries: &[Entry]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        self.add(entries.iter())?;
        self.with(|trees| trees.open.clear())
    }

    /// The oldest events. One that cannot be read is set aside and logged.
    pub(super) fn oldest(&mut self, count: usize) -> Result<Vec<Entry>> {
        let items: Vec<_> = self.with(|trees| trees.events.iter().take(count).collect())?;
        let mut found = Vec::new();
        for (id, event) in items {
            match serde_json::from_slice(&event) {
                Ok(entry) => found.push(entry),
                Err(error) => {
                    let name = String::from_utf8_lossy(&id);
                    tracing::error!(%error, id = %name, "an event in the spool cannot be read and is set aside");
                    self.with(|trees| trees.set_aside(&id, event))?;
                    self.len = self.len.saturating_sub(1);
                }
            }
        }
        Ok(found)
    }

    /// Forgets events that are in the database. If that is lost they are moved again, which changes nothing.
    pub(super) fn remove(&mut self, ids: &[String]) -> Result<()> {
        let mut batch = Batch::default();
        for id in ids {
            batch.remove(id.as_bytes());
        }
        self.with(|trees| trees.events.apply_batch(batch))?;
        self.len = self.len.saturating_sub(ids.len());
        Ok(())
    }
}

impl Trees {
    fn open(path: &Path) -> sled::Result<Self> {
        let db = sled::Config::new().path(path).cache_capacity(CACHE).flush_every_ms(Some(1000)).open()?;
        let (events, open) = (db.open_tree("events")?, db.open_tree("open")?);
        Ok(Self { db, events, open })
    }

    /// Turns what a dead process counted into events.
    fn end_counts(&self) -> sled::Result<()> {
        let mut counted = Batch::default();
        for count in &self.open {
            let (id, event) = count?;
            counted.insert(id, event);
        }
        self.events.apply_batch(counted)?;
        self.open.clear()?;
        self.db.flush().map(drop)
    }

    fn set_aside(&self, id: &IVec, event: IVec) -> sled::Result<()> {
        self.db.open_tree("unreadable")?.insert(id, event)?;
        self.events.remove(id).map(drop)
    }
}

/// Entries by their ids, and how many they are.
fn batch<'e>(entries: impl Iterator<Item = &'e Entry>) -> (Batch, usize) {
    let (mut batch, mut count) = (Batch::default(), 0);
    for entry in entries {
        let text = serde_json::to_vec(entry).expect("texts and numbers always serialise");
        batch.insert(entry.id.as_bytes(), text);
        count += 1;
    }
    (batch, count)
}
