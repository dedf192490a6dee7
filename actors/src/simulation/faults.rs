//! What goes wrong in a run.

use std::os::raw::c_int;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use metrics::{Histogram, HistogramFn};
use rusqlite::Connection;
use rusqlite::hooks::Wal;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::life::Life;
use crate::measures::Measures;
use crate::supervisor::tests::Troubled;

/// Waits inside the issuer, where it measures, and makes it panic with a commit in hand.
pub(super) struct Ambush {
    in_transaction: AtomicBool,
    committed: AtomicBool,
    /// The process does not outlive the next panic.
    kills: AtomicBool,
    over: Arc<Notify>,
}

impl Ambush {
    pub(super) fn new(over: Arc<Notify>) -> Arc<Self> {
        let unarmed = || AtomicBool::new(false);
        Arc::new(Self { in_transaction: unarmed(), committed: unarmed(), kills: unarmed(), over })
    }

    pub(super) fn measures(self: &Arc<Self>) -> Measures {
        let at = |point| Histogram::from_arc(Arc::new(Point { ambush: Arc::clone(self), point }));
        Measures {
            lock: at(|ambush| &ambush.in_transaction),
            commit: at(|ambush| &ambush.committed),
            ..Measures::default()
        }
    }

    /// A process that gives an actor up exits.
    pub(super) fn give_up(&self) {
        self.over.notify_one();
    }
}

/// Where the issuer measures.
struct Point {
    ambush: Arc<Ambush>,
    point: fn(&Ambush) -> &AtomicBool,
}

impl HistogramFn for Point {
    fn record(&self, _: f64) {
        if (self.point)(&self.ambush).swap(false, Ordering::Relaxed) {
            if self.ambush.kills.swap(false, Ordering::Relaxed) {
                self.ambush.over.notify_one();
            }
            std::panic::resume_unwind(Box::new("a fault"));
        }
    }
}

/// What stands in the place of a spool that is gone.
pub(super) fn restore_spool(folder: &Path) {
    let (spool, away) = (folder.join("0"), folder.join("away"));
    if away.exists() {
        // Nothing can be opened where a file is.
        std::fs::remove_file(&spool).unwrap();
        std::fs::rename(away, spool).unwrap();
    }
}

fn remove_spool(folder: &Path) {
    let (spool, away) = (folder.join("0"), folder.join("away"));
    if !away.exists() {
        std::fs::rename(&spool, away).unwrap();
        std::fs::write(spool, "").unwrap();
    }
}

fn io_error(_: &Wal, _: c_int) -> rusqlite::Result<()> {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR);
    Err(rusqlite::Error::SqliteFailure(code, None))
}

/// SQLite calls this before a commit, and rolls back if it says so.
fn refuse_commits(connection: &Connection) {
    connection.commit_hook(Some(|| true)).unwrap();
}

/// SQLite calls this when a commit is durable, and hands its error on all the same.
fn deny_commits(connection: &Connection) {
    connection.wal_hook(Some(io_error));
}

fn fill_disk(connection: &Connection) {
    set_max_page_count(connection, 1);
}

fn set_max_page_count(connection: &Connection, count: u32) {
    // It is never less than what is there.
    connection.query_row(&format!("PRAGMA max_page_count = {count}"), [], |_| Ok(())).unwrap();
}

fn mend(connection: &Connection) {
    connection.commit_hook(None::<fn() -> bool>).unwrap();
    connection.wal_hook(None);
    set_max_page_count(connection, 1_000_000_000);
}

/// Jumps of the clock in seconds: within what is tolerated, across a retry window, a code's, a device code's and a
/// token's life.
const JUMPS: [i64; 10] = [-2000, -61, -7, -1, 1, 8, 61, 601, 1900, 3700];

pub(super) struct Saboteur {
    pub(super) life: Rc<Life>,
    pub(super) spool: PathBuf,
}

impl Saboteur {
    pub(super) async fn work(self) {
        for _ in 0..self.life.run.random.below(6) {
            self.rest(9000).await;
            self.fault().await;
        }
    }

    async fn rest(&self, at_most_ms: u64) {
        sleep(Duration::from_millis(self.life.run.random.below(at_most_ms))).await;
    }

    fn says(&self, what: &str) {
        self.life.note(&format!("fault: {what}"));
        self.life.run.count(&format!("fault: {what}"));
    }

    async fn fault(&self) {
        match self.life.run.random.below(10) {
            0 => self.for_a_while("commits are refused", refuse_commits).await,
            1 => self.for_a_while("commits are durable and denied", deny_commits).await,
            2 => self.for_a_while("the disk is full", fill_disk).await,
            3 => self.busy().await,
            4 => self.spool_is_gone().await,
            5 => self.crash(),
            6 => self.stall(),
            7 | 8 => self.lie_in_wait(),
            _ => self.jump(),
        }
    }

    async fn for_a_while(&self, what: &str, change: fn(&Connection)) {
        self.says(what);
        self.life.issuer.rig(change);
        self.rest(5000).await;
        self.life.note(&format!("no longer: {what}"));
        self.life.issuer.rig(mend);
    }

    /// Another process writes.
    async fn busy(&self) {
        self.says("the store is busy");
        let mut other = self.life.store.writer().unwrap();
        other.begin().unwrap();
        self.rest(5000).await;
        self.life.note("no longer: the store is busy");
        other.rollback().unwrap();
    }

    async fn spool_is_gone(&self) {
        self.says("the spool is gone");
        let spool = self.spool.clone();
        self.life.audit.close_spool(move || remove_spool(&spool));
        self.rest(5000).await;
        self.life.note("no longer: the spool is gone");
        restore_spool(&self.spool);
    }

    fn actor(&self) -> (&'static str, &dyn Troubled) {
        let Life { issuer, audit, devices, limiter, .. } = &*self.life;
        let actors: [(_, &dyn Troubled); 4] =
            [("issuer", issuer), ("audit", audit), ("devices", devices), ("limiter", limiter)];
        self.life.run.pick(&actors).unwrap()
    }

    fn crash(&self) {
        let (name, actor) = self.actor();
        self.says(&format!("{name} panics"));
        self.life.ages.begin_anew();
        actor.crash();
    }

    fn stall(&self) {
        let (name, actor) = self.actor();
        self.says(&format!("{name} stalls"));
        actor.stall(Duration::from_millis(self.life.run.random.below(5000)));
    }

    fn lie_in_wait(&self) {
        let (ambush, run) = (&self.life.ambush, &self.life.run);
        let (what, point) = match run.random.below(2) {
            0 => ("in a transaction", &ambush.in_transaction),
            _ => ("between commit and answer", &ambush.committed),
        };
        let kills = run.chance(2);
        self.says(&format!("a {} {what}", if kills { "crash" } else { "panic" }));
        point.store(true, Ordering::Relaxed);
        ambush.kills.store(kills, Ordering::Relaxed);
    }

    fn jump(&self) {
        let seconds = self.life.run.pick(&JUMPS).unwrap();
        self.says(&format!("the clock jumps {}", if seconds < 0 { "back" } else { "ahead" }));
        self.life.clock.jump(seconds);
        self.life.ages.begin_anew();
    }
}

impl Life {
    /// Nothing goes wrong any more.
    pub(super) fn mend(&self, spool: &Path) {
        self.issuer.rig(mend);
        restore_spool(spool);
    }
}
