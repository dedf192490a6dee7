//! The lives of a server, one after the other over the same store: each ends cleanly, or in the middle of things.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use actix::System;
use authgate_core::context::Clock as _;
use authgate_core::recovery;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::check::Witness;
use super::faults::{Saboteur, restore_spool};
use super::life::{Ages, Life};
use super::run::{Played, Run};
use super::template::{START, Template, folder};

/// Clients of a life, and steps of each at most.
const CLIENTS: u64 = 4;
const STEPS: u64 = 5;
/// Lives in which something happens, at most; one more looks at what they left.
const LIVES: u64 = 3;

/// Plays a seed from its beginning to its end.
pub(super) fn play(template: &Arc<Template>, seed: u64) -> Played {
    let folder = folder();
    let run = Rc::new(Run::new(seed));
    let mut lives = Lives {
        template: Arc::clone(template),
        ages: Rc::default(),
        database: folder.path().join("0.db"),
        spool: folder.path().join("spool"),
        now_ms: START * 1000,
        witness: Vec::new(),
        run: Rc::clone(&run),
    };
    template.copy_to(&lives.database);
    for number in 0..=run.random.below(LIVES) {
        lives.live(number);
        if run.is_violated() {
            return run.played();
        }
    }
    lives.look();
    run.played()
}

struct Lives {
    run: Rc<Run>,
    template: Arc<Template>,
    ages: Rc<Ages>,
    database: PathBuf,
    spool: PathBuf,
    now_ms: i64,
    witness: Witness,
}

impl Lives {
    /// One life. What is left of it afterwards is what a killed process leaves: its files as they were at that moment.
    fn live(&mut self, number: u64) {
        self.run.note(format!("life {number} at {}", self.now_ms - START * 1000));
        let next = self.database.with_file_name(format!("{}.db", number + 1));
        inside(async {
            let Some(life) = self.open() else { return };
            let is_clean = self.serve(&life).await && self.stop(&life).await;
            self.now_ms = life.clock.now_ms();
            if !is_clean {
                self.run.note("crash".to_owned());
                self.run.count("crash");
                copy(&self.database, &next);
                self.database = next;
            }
        });
        restore_spool(&self.spool);
        // The machine is away for a while.
        self.now_ms += i64::try_from(self.run.random.below(20_000)).unwrap();
    }

    /// A last life in which nothing happens and nothing goes wrong.
    fn look(&mut self) {
        self.run.note("the end".to_owned());
        inside(async {
            let Some(life) = self.open() else { return };
            let settled = life.answered("the trail", life.audit.settle()).await;
            self.run.require(settled == Some(Ok(())), || format!("the trail does not settle: {settled:?}"));
            life.check(&mut self.witness);
            life.check_events();
        });
    }

    fn open(&mut self) -> Option<Rc<Life>> {
        let with = (&self.run, &self.template, &self.ages);
        let opened = Life::open(with, (&self.database, &self.spool), self.now_ms);
        self.run
            .require(opened.is_ok(), || format!("the server does not start: {:?}", opened.as_ref().err()));
        let life = Rc::new(opened.ok()?);
        self.run.known.borrow().devices.iter().for_each(|device| device.is_polling.set(false));
        life.check(&mut self.witness);
        Some(life)
    }

    /// Serves until all clients are done, which is true, or the process dies.
    async fn serve(&self, life: &Rc<Life>) -> bool {
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn_local(Rc::clone(life).go_on(1 + self.run.random.below(STEPS)));
        }
        let saboteur = Saboteur { life: Rc::clone(life), spool: self.spool.clone() };
        let saboteur = actix::spawn(saboteur.work());
        if self.run.chance(2) {
            let (over, after) = (Arc::clone(&life.over), self.run.random.below(60_000));
            actix::spawn(async move {
                sleep(Duration::from_millis(after)).await;
                over.notify_one();
            });
        }
        let all_done = async {
            while let Some(done) = clients.join_next().await {
                self.run.require(done.is_ok(), || format!("a client broke: {done:?}"));
            }
            true
        };
        let dies = async {
            life.over.notified().await;
            false
        };
        let outlives = first(all_done, dies).await;
        saboteur.abort();
        let broke = saboteur.await.is_err_and(|error| error.is_panic());
        self.run.require(!broke, || "the saboteur broke".to_owned());
        outlives
    }

    /// Stops as the server does.
    async fn stop(&self, life: &Rc<Life>) -> bool {
        life.mend(&self.spool);
        let settled = life.answered("the trail", life.audit.settle()).await;
        self.run.require(settled == Some(Ok(())), || format!("the trail does not settle: {settled:?}"));
        let now = life.ctx().now();
        let stopped = life.issuer.write(move |tx| recovery::stopped(tx, now));
        let stopped = life.answered("the stop", stopped).await;
        self.run.note("stop".to_owned());
        self.run.count("stop");
        life.check_events();
        stopped == Some(Ok(())) && life.store.checkpoint().is_ok()
    }
}

/// Runs one life on this thread, with time that passes when nobody has anything to do.
fn inside(life: impl Future<Output = ()>) {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap()
    };
    System::with_tokio_rt(runtime).block_on(life);
}

fn copy(from: &Path, to: &Path) {
    let wal = |path: &Path| path.with_extension("db-wal");
    std::fs::copy(from, to).unwrap();
    if wal(from).exists() {
        std::fs::copy(wal(from), wal(to)).unwrap();
    }
}

/// The outcome of the one that is ready first.
async fn first<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> T {
    let (mut one, mut other) = (pin!(one), pin!(other));
    std::future::poll_fn(|task| match one.as_mut().poll(task) {
        Poll::Pending => other.as_mut().poll(task),
        ready @ Poll::Ready(_) => ready,
    })
    .await
}
