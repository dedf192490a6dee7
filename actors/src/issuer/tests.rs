#[cfg(debug_assertions)]
mod crash;

use std::path::PathBuf;
use std::sync::mpsc;

use authgate_core::db::Store;
use authgate_core::error::{Code, Error};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::supervisor::tests::{health, queued, run, survives_a_panic_under_load, testable};

testable!(Committer, Issuer, |issuer| &issuer.mailbox);

type Change = Box<dyn FnOnce(&rusqlite::Connection) + Send>;

/// Changes how the connection that writes behaves.
struct Rig(Change);

impl Message for Rig {
    type Result = ();
}

impl Handler<Letter<Rig>> for Committer {
    type Result = ();

    fn handle(&mut self, letter: Letter<Rig>, _: &mut Context<Self>) {
        letter.answer(|rig| (rig.0)(self.writer.sqlite()));
    }
}

impl Issuer {
    /// Changes how the connection that writes behaves, after all that was asked before.
    pub(crate) fn rig(&self, change: impl FnOnce(&rusqlite::Connection) + Send + 'static) {
        let _ = self.mailbox.tell(Rig(Box::new(change)));
    }
}

/// A database with one table, in a directory that goes with it.
struct Database {
    directory: PathBuf,
    store: Store,
}

impl Database {
    fn new(test: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("authgate-issuer-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let store = Store::sqlite(&directory.join("db"), 1).unwrap();
        store.write(|tx| tx.execute("CREATE TABLE notes (id TEXT PRIMARY KEY)", &[])).unwrap();
        Self { directory, store }
    }

    fn issuer(&self) -> (Issuer, Health) {
        let health = health();
        (Issuer::start(self.store.writer().unwrap(), &health), health)
    }

    fn notes(&self) -> Vec<String> {
        notes(&self.store)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.directory).unwrap();
    }
}

fn notes(store: &Store) -> Vec<String> {
    let rows: Vec<(String,)> = store.read(|tx| tx.all("SELECT id FROM notes ORDER BY id", &[])).unwrap();
    rows.into_iter().map(|(id,)| id).collect()
}

fn note(tx: &mut Tx<'_>, id: &str) -> Result<usize> {
    tx.execute("INSERT INTO notes (id) VALUES (?1)", &[id.into()])
}

type Job = Box<dyn FnOnce(&mut Tx<'_>) -> Result<usize> + Send>;

fn spawn(
    issuer: &Issuer,
    job: impl FnOnce(&mut Tx<'_>) -> Result<usize> + Send + 'static,
) -> JoinHandle<Result<usize>> {
    let issuer = issuer.clone();
    actix::spawn(async move { issuer.write(job).await })
}

/// A commit that is in flight until the sender is dropped.
async fn hold_a_commit(issuer: &Issuer) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (entered, inside) = oneshot::channel();
    spawn(issuer, move |_| {
        entered.send(()).unwrap();
        let _ = released.recv();
        Ok(0)
    });
    inside.await.unwrap();
    release
}

/// Runs the jobs in one commit and returns what each was answered.
async fn together(issuer: &Issuer, health: &Health, jobs: Vec<Job>) -> Vec<Result<usize>> {
    let release = hold_a_commit(issuer).await;
    let count = jobs.len();
    let asked: Vec<_> = jobs.into_iter().map(|job| spawn(issuer, job)).collect();
    queued(health, count + 1).await;
    drop(release);
    let mut answers = Vec::new();
    for answer in asked {
        answers.push(answer.await.unwrap());
    }
    answers
}

fn is_unavailable(answer: &Result<usize>) -> bool {
    answer.as_ref().is_err_and(|error| error.code() == Some(Code::TemporarilyUnavailable))
}

#[test]
fn a_held_commit_releases_a_hundred_requests_in_two_more_commits() {
    let database = Database::new("held");
    run(async {
        let (issuer, health) = database.issuer();
        let jobs =
            (0..100).map(|n| Box::new(move |tx: &mut Tx<'_>| note(tx, &n.to_string())) as Job).collect();
        let answers = together(&issuer, &health, jobs).await;
        assert!(answers.iter().all(|answer| *answer == Ok(1)));
        assert_eq!(issuer.commits(), 3);
        let sizes = issuer.batch_sizes();
        assert_eq!((sizes[0], sizes[MAX_BATCH - 1], sizes[35]), (1, 1, 1));
    });
    assert_eq!(database.notes().len(), 100);
}

#[test]
fn a_single_request_is_a_commit_and_waits_for_nobody() {
    let database = Database::new("single");
    run(async {
        let (issuer, _) = database.issuer();
        for n in 0..3 {
            assert_eq!(issuer.write(move |tx| note(tx, &n.to_string())).await, Ok(1));
            assert_eq!(issuer.commits(), n + 1);
            assert_eq!(
                database.notes().len(),
                usize::try_from(n).unwrap() + 1,
                "committed before the answer"
            );
        }
    });
}

#[test]
fn a_job_that_is_refused_fails_or_panics_is_undone_alone() {
    let database = Database::new("alone");
    let refused = Error::refused(Code::InvalidGrant, "no");
    let kept = Error::refused_and_kept(Code::InvalidGrant, "replayed");
    let failed = Error::failed("broken");
    run(async {
        let (issuer, health) = database.issuer();
        let answer_after_note =
            |id: &'static str, answer: Result<usize>| -> Job { Box::new(move |tx| note(tx, id).and(answer)) };
        let jobs = vec![
            answer_after_note("first", Ok(1)),
            answer_after_note("refused", Err(refused.clone())),
            answer_after_note("kept", Err(kept.clone())),
            answer_after_note("failed", Err(failed.clone())),
            Box::new(|tx: &mut Tx<'_>| {
                note(tx, "panicked")?;
                panic!("a test asked for it")
            }),
            answer_after_note("last", Ok(1)),
        ];
        let mut answers = together(&issuer, &health, jobs).await;
        assert!(is_unavailable(&answers.remove(4)));
        assert_eq!(answers, [Ok(1), Err(refused), Err(kept), Err(failed), Ok(1)]);
        assert_eq!(issuer.commits(), 2);
        assert_eq!(health.actors()[0].restarts, 0, "a panic inside a job does not reach the actor");
    });
    assert_eq!(database.notes(), ["first", "kept", "last"]);
}

#[test]
fn a_commit_that_fails_answers_nobody_yes_and_the_next_works() {
    let database = Database::new("commit-fails");
    let writer = database.store.writer().unwrap();
    let connection = writer.sqlite();
    connection
        .execute_batch(
            "PRAGMA foreign_keys = ON;
             CREATE TABLE replies (note TEXT REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED)",
        )
        .unwrap();
    run(async {
        let health = health();
        let issuer = Issuer::start(writer, &health);
        let jobs: Vec<Job> = vec![
            Box::new(|tx| note(tx, "good")),
            Box::new(|tx| tx.execute("INSERT INTO replies (note) VALUES ('nothing')", &[])),
            Box::new(|tx| {
                note(tx, "kept")?;
                Err(Error::refused_and_kept(Code::InvalidGrant, "replayed"))
            }),
        ];
        let answers = together(&issuer, &health, jobs).await;
        assert!(answers.iter().all(is_unavailable), "{answers:?}");
        assert!(database.notes().is_empty());
        assert_eq!(issuer.write(|tx| note(tx, "next")).await, Ok(1));
        assert_eq!(issuer.commits(), 2, "the held one and the next");
    });
    assert_eq!(database.notes(), ["next"]);
}

#[test]
fn a_writer_beside_us_that_does_not_let_go_is_503_and_the_next_works() {
    let database = Database::new("busy");
    let writer = database.store.writer().unwrap();
    let connection = writer.sqlite();
    connection.busy_timeout(std::time::Duration::ZERO).unwrap();
    let mut other = database.store.writer().unwrap();
    run(async {
        let issuer = Issuer::start(writer, &health());
        other.begin().unwrap();
        assert!(is_unavailable(&issuer.write(|tx| note(tx, "busy")).await));
        other.rollback().unwrap();
        assert_eq!(issuer.write(|tx| note(tx, "next")).await, Ok(1));
    });
    assert_eq!(database.notes(), ["next"]);
}

/// Panics where the issuer measures how long it waited for the lock.
struct Panics;

impl metrics::HistogramFn for Panics {
    fn record(&self, _: f64) {
        std::panic::resume_unwind(Box::new("a test asked for it"));
    }
}

#[test]
fn a_panic_inside_a_transaction_does_not_lock_others_out() {
    let database = Database::new("locked-out");
    let mut other = database.store.writer().unwrap();
    other.sqlite().busy_timeout(std::time::Duration::ZERO).unwrap();
    run(async {
        let lock = metrics::Histogram::from_arc(Arc::new(Panics));
        let health = health().measured(Measures { lock, ..Measures::default() });
        let issuer = Issuer::start(database.store.writer().unwrap(), &health);
        assert!(is_unavailable(&issuer.write(|tx| note(tx, "lost")).await));
        // It answers, so it has been restarted.
        issuer.mailbox.ask(Rig(Box::new(|_| {}))).await.unwrap();
        assert_eq!(other.begin(), Ok(()));
    });
    assert!(database.notes().is_empty());
}

#[test]
fn a_transaction_that_the_database_gave_up_answers_nobody_yes_and_the_next_works() {
    let database = Database::new("gave-up");
    run(async {
        let (issuer, health) = database.issuer();
        let jobs: Vec<Job> = vec![
            Box::new(|tx| note(tx, "before")),
            // What SQLite does by itself after some errors of the disk.
            Box::new(|tx| tx.execute("ROLLBACK", &[])),
            Box::new(|tx| note(tx, "after")),
        ];
        let answers = together(&issuer, &health, jobs).await;
        assert!(answers.iter().all(is_unavailable), "{answers:?}");
        assert!(database.notes().is_empty());
        assert_eq!(issuer.write(|tx| note(tx, "next")).await, Ok(1));
    });
    assert_eq!(database.notes(), ["next"]);
}

#[test]
fn on_a_full_disk_what_was_answered_is_what_is_stored() {
    let database = Database::new("full-disk");
    let writer = database.store.writer().unwrap();
    let connection = writer.sqlite();
    connection.execute_batch("PRAGMA max_page_count = 20").unwrap();
    let long = |n: usize| format!("{n:02}{}", "x".repeat(8000));
    run(async {
        let health = health();
        let issuer = Issuer::start(writer, &health);
        let job = |n| Box::new(move |tx: &mut Tx<'_>| note(tx, &long(n))) as Job;
        let mut stored = Vec::new();
        for from in (0..30).step_by(3) {
            let answers = together(&issuer, &health, (from..from + 3).map(job).collect()).await;
            stored.extend((from..).zip(answers).filter(|(_, answer)| answer.is_ok()).map(|(n, _)| long(n)));
        }
        assert!(!stored.is_empty() && stored.len() < 30, "{}", stored.len());
        assert_eq!(database.notes(), stored);
        assert_eq!(issuer.write(|tx| tx.execute("DELETE FROM notes", &[])).await, Ok(stored.len()));
        assert_eq!(issuer.write(|tx| note(tx, "next")).await, Ok(1));
    });
}

#[test]
fn a_full_mailbox_is_503_at_once() {
    let database = Database::new("full");
    run(async {
        let (issuer, health) = database.issuer();
        let release = hold_a_commit(&issuer).await;
        let asked: Vec<_> = (0..CAPACITY).map(|_| spawn(&issuer, |_| Ok(0))).collect();
        queued(&health, CAPACITY).await;
        assert!(is_unavailable(&issuer.write(|_| Ok(0)).await), "although the commit is still held");
        drop(release);
        let mut refused = 0;
        for answer in asked {
            refused += u32::from(is_unavailable(&answer.await.unwrap()));
        }
        assert_eq!(refused, 1, "the held one takes a place");
        assert_eq!(issuer.write(|_| Ok(7)).await, Ok(7));
    });
}

#[test]
fn whoever_would_wait_too_long_is_refused_at_once_and_the_servers_own_work_is_not() {
    let database = Database::new("slow");
    run(async {
        let (issuer, health) = database.issuer();
        let release = hold_a_commit(&issuer).await;
        let waiting: Vec<_> = (0..MAX_BATCH).map(|_| spawn(&issuer, |_| Ok(0))).collect();
        queued(&health, MAX_BATCH + 1).await;
        // As if the commit before had taken so long.
        let now = Instant::now();
        issuer.pace.begin(now);
        issuer.pace.end(now + 2 * MAX_WAIT);
        assert!(is_unavailable(&issuer.write_soon(|_| Ok(0)).await), "although the commit is still held");
        assert_eq!(health.actors()[0].turned_away, 1);
        let own = spawn(&issuer, |tx| note(tx, "own"));
        queued(&health, MAX_BATCH + 2).await;
        drop(release);
        for answer in waiting {
            assert_eq!(answer.await.unwrap(), Ok(0));
        }
        assert_eq!(own.await.unwrap(), Ok(1));
        assert_eq!(issuer.write_soon(|tx| note(tx, "next")).await, Ok(1), "nobody waits any more");
    });
    assert_eq!(database.notes(), ["next", "own"]);
}

#[test]
fn issuer_panics_under_load_and_comes_back() {
    let database = Database::new("panic");
    run(async {
        let (issuer, health) = database.issuer();
        survives_a_panic_under_load(&health, &issuer.mailbox, |n| {
            let issuer = issuer.clone();
            async move { issuer.write(move |tx| note(tx, &n.to_string())).await == Ok(1) }
        })
        .await;
    });
    assert_eq!(database.notes().len(), 100, "those that had gathered before the panic too");
}
