//! One life of a server: fresh actors over the store that the last life left, and the ways its clients reach them.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use authgate_core::audit::{Event, Origin};
use authgate_core::context::{Clock as _, Context, Random};
use authgate_core::db::{Store, Tx};
use authgate_core::env::{Env, OwnEnv};
use authgate_core::error::{Code, Error, Result};
use authgate_core::recovery::{self, Recovery};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::clock::VirtualClock;
use super::faults::Ambush;
use super::run::{Outcome, Run};
use super::template::{App, START, Template};
use crate::audit::{Audit, Spool};
use crate::devices::Devices;
use crate::issuer::Issuer;
use crate::limiter::Limiter;
use crate::supervisor::{Health, Place};

/// Nothing takes longer, on the clock of the run: faults are over in seconds.
const DEADLINE: Duration = Duration::from_mins(2);
/// Events in the spool at most, which the server takes from its configuration.
const SPOOLED: usize = 1000;

pub(super) struct Life {
    pub(super) run: Rc<Run>,
    pub(super) template: Arc<Template>,
    pub(super) store: Store,
    pub(super) issuer: Issuer,
    pub(super) audit: Audit,
    pub(super) devices: Devices,
    pub(super) limiter: Limiter,
    pub(super) clock: Arc<VirtualClock>,
    pub(super) ambush: Arc<Ambush>,
    /// Told when the process dies.
    pub(super) over: Arc<Notify>,
    /// How often the poll clock and the limiter may have begun anew, in all lives.
    pub(super) ages: Rc<Ages>,
    recovery: Option<Recovery>,
}

#[derive(Default)]
pub(super) struct Ages {
    pub(super) devices: Cell<u32>,
    pub(super) limiter: Cell<u32>,
}

impl Ages {
    pub(super) fn begin_anew(&self) {
        self.devices.set(self.devices.get() + 1);
        self.limiter.set(self.limiter.get() + 1);
    }
}

/// Why a request did not get what it wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum No {
    Refused(Code),
    Kept(Code),
    /// Unavailable, or the answer was lost on its way.
    Unknown,
}

impl Life {
    pub(super) fn open(
        (run, template, ages): (&Rc<Run>, &Arc<Template>, &Rc<Ages>),
        (database, spool): (&Path, &Path),
        now_ms: i64,
    ) -> Result<Self> {
        let clock = Arc::new(VirtualClock::showing(now_ms));
        let store = Store::sqlite(database, 1)?;
        let over = Arc::new(Notify::new());
        let ambush = Ambush::new(Arc::clone(&over));
        let given_up = Arc::clone(&ambush);
        let health = Health::new(move |_| given_up.give_up()).placed(Place::Here).measured(ambush.measures());
        let mut writer = store.writer()?;
        writer.begin()?;
        let window = template.policy.retry_window;
        let recovery = writer.savepoint(|tx| recovery::start(tx, window, now_ms / 1000))??;
        writer.commit()?;
        // Who finds the store busy hears it at once: this thread is also the one that would let go.
        writer.sqlite().busy_timeout(Duration::ZERO)?;
        writer.sqlite().pragma_update(None, "synchronous", "OFF")?;
        let issuer = Issuer::start(writer, &health);
        ages.begin_anew();
        Ok(Self {
            run: Rc::clone(run),
            template: Arc::clone(template),
            audit: Audit::start(Spool::open(spool)?, SPOOLED, issuer.clone(), &health),
            devices: Devices::start(&health),
            limiter: Limiter::start(&health),
            store,
            issuer,
            clock,
            ambush,
            over,
            ages: Rc::clone(ages),
            recovery,
        })
    }

    pub(super) fn app(&self, client: usize) -> &App {
        &self.template.apps[client]
    }

    /// The moment and the randomness of one request.
    pub(super) fn ctx(&self) -> Context {
        let ids: Arc<dyn Random> = self.run.ids.clone();
        Context::new(&*self.clock, ids)
    }

    /// What a rule can see. `path` says in the audit trail which request it was.
    pub(super) fn own_env(&self, path: String) -> OwnEnv {
        OwnEnv {
            policy: Arc::clone(&self.template.policy),
            keys: Arc::clone(&self.template.keys),
            master: Arc::clone(&self.template.master),
            recovery: self.recovery,
            origin: Origin { path: Some(path), ..Origin::default() },
            ctx: self.ctx(),
            facts: Arc::default(),
        }
    }

    pub(super) fn note(&self, line: &str) {
        let at = self.clock.now_ms() - START * 1000;
        self.run.note(format!("{at} {line}"));
    }

    /// The answer, if it comes in time.
    pub(super) async fn answered<T>(&self, what: &str, answer: impl Future<Output = T>) -> Option<T> {
        let answer = timeout(DEADLINE, answer).await.ok();
        self.run.require(answer.is_some(), || format!("{what} was never answered"));
        answer
    }

    /// A write as a handler asks for it. The job leaves a mark beside what it writes, and what comes of both is compared
    /// with the answer.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        what: &str,
        job: impl FnOnce(&mut Tx<'_>, Env<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T, No> {
        let number = self.run.writes.borrow().len();
        self.run.writes.borrow_mut().push(None);
        let (op, own) = (format!("op {number}"), self.own_env(format!("op {number}")));
        self.note(&format!("{op}: {what}"));
        let (mark, panics) = (op.clone(), self.run.chance(60));
        let marked = move |tx: &mut Tx<'_>| {
            tx.execute("INSERT INTO marks (op, events) VALUES (?1, 0)", &[(&mark).into()])?;
            let answer = job(tx, own.env());
            if answer.as_ref().err().is_none_or(Error::keeps_writes) {
                let count = "UPDATE marks SET events = (SELECT COUNT(*) FROM audit_logs WHERE request_path = ?1) \
                             WHERE op = ?1";
                tx.execute(count, &[(&mark).into()])?;
            }
            if panics {
                std::panic::resume_unwind(Box::new("a fault"));
            }
            answer
        };
        let answer = self.answered(&op, self.issuer.write(marked)).await.ok_or(No::Unknown)?;
        let is_marked = self.is_marked(&op);
        let outcome = self.outcome(&op, &answer);
        let fits = match outcome {
            Outcome::Done | Outcome::Kept => is_marked,
            Outcome::Refused => !is_marked,
            Outcome::Unknown => true,
        };
        let said = answer.as_ref().err().map(ToString::to_string).unwrap_or_default();
        self.note(&format!("{op}: {outcome:?} {said} {}", if is_marked { "written" } else { "" }));
        self.run.require(fits, || format!("{op} ({what}) is {outcome:?}, written: {is_marked}"));
        self.run.writes.borrow_mut()[number] = Some((outcome, is_marked));
        self.run.count(&format!("{what} {outcome:?}"));
        if self.run.chance(12) {
            self.note(&format!("{op}: the answer is lost"));
            return Err(No::Unknown);
        }
        answer.map_err(|error| match (outcome, error.code()) {
            (Outcome::Refused, Some(code)) => No::Refused(code),
            (Outcome::Kept, Some(code)) => No::Kept(code),
            _ => No::Unknown,
        })
    }

    fn outcome<T>(&self, op: &str, answer: &Result<T>) -> Outcome {
        match answer {
            Ok(_) => Outcome::Done,
            Err(error) if error.keeps_writes() => Outcome::Kept,
            Err(error) if error.code() == Some(Code::TemporarilyUnavailable) => Outcome::Unknown,
            Err(Error::Refused(_)) => Outcome::Refused,
            Err(Error::Failed(cause)) => {
                self.run.require(cause.contains("full"), || format!("{op} failed: {cause}"));
                Outcome::Refused
            }
        }
    }

    fn is_marked(&self, op: &str) -> bool {
        let found: Option<(i64,)> =
            self.store.read(|tx| tx.one("SELECT 1 FROM marks WHERE op = ?1", &[op.into()])).unwrap();
        found.is_some()
    }

    /// A read as a handler asks for it.
    pub(super) fn read<T>(&self, job: impl FnOnce(&mut Tx<'_>, Env<'_>) -> Result<T>) -> Result<T, No> {
        let own = self.own_env("a read".to_owned());
        self.store.read(|tx| job(tx, own.env())).map_err(|error| {
            self.run.require(error.code().is_some(), || format!("a read failed: {error}"));
            error.code().map_or(No::Unknown, No::Refused)
        })
    }

    /// An event that no transaction writes.
    pub(super) async fn record(&self, event: Event<'_>) {
        let entry = event.entry(&Origin::default(), &self.ctx());
        let id = entry.id.clone();
        self.run.known.borrow_mut().events.insert(id.clone(), false);
        let Some(recorded) = self.answered("an event", self.audit.record(entry)).await else { return };
        self.note(&format!("event {id}: {recorded:?}"));
        self.run.count(if recorded.is_ok() { "event Done" } else { "event Refused" });
        self.run.known.borrow_mut().events.insert(id, recorded.is_ok());
    }
}
