//! What a request can reach. There is one [`App`] per server and nothing beside it: no globals.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::USER_AGENT;
use actix_web::web::{Data, block};
use authgate_actors::audit::{Audit, Spool};
use authgate_actors::devices::Devices;
use authgate_actors::issuer::Issuer;
use authgate_actors::limiter::Limiter;
use authgate_actors::supervisor::Health;
use authgate_core::audit::{Event, Origin, shortened};
use authgate_core::context::{Clock, Context, Random};
use authgate_core::db::{Store, Tx};
use authgate_core::env::{Env, OwnEnv};
use authgate_core::error::{Code, Error, Result};
use authgate_core::generation::Generation;
use authgate_core::master::Master;
use authgate_core::policy::Policy;
use authgate_core::recovery::{self, Recovery};
use tokio::sync::Semaphore;
use tracing::Span;

use crate::client_address;
use crate::config::Config;
use crate::hasher::Hasher;
use crate::keyring::Keyring;
use crate::metrics::{Metrics, Watched};
use crate::open::Opened;
use crate::page::Pages;
use crate::policy;
use crate::tls::Certificate;
use crate::verdicts::Verdicts;

/// Reads that wait or run at most. One takes well under a millisecond, so the last waits less than a request may take;
/// whoever comes then is told to come back.
const MAX_READS: usize = 1024;

/// Everything that handlers share.
pub struct App {
    /// What the operator decided.
    pub config: Config,
    /// The same, as the rules need it.
    pub policy: Arc<Policy>,
    /// The database, for reading; writes go through the issuer.
    pub store: Store,
    /// Runs what writes, many requests in one commit.
    pub issuer: Issuer,
    /// The poll clock of the device flow.
    pub devices: Devices,
    /// Counts requests by rule and key.
    pub limiter: Limiter,
    /// Takes the events that no transaction writes.
    pub audit: Audit,
    /// How the actors are.
    pub health: Health,
    /// What signs and verifies tokens now, and the documents that say so.
    pub keyring: Keyring,
    /// What was judged a moment ago.
    pub verdicts: Verdicts,
    /// What it was when the keys were loaded.
    pub generation: Generation,
    /// The key of everything that stays on this server: cookies, CSRF tokens, user codes.
    pub master: Arc<Master>,
    /// Set if the last process did not stop cleanly.
    pub recovery: Option<Recovery>,
    /// Templates and assets.
    pub pages: Pages,
    /// Hashes passwords on threads of its own.
    pub hasher: Hasher,
    /// What connections are encrypted with, if TLS ends here.
    pub certificate: Option<Arc<Certificate>>,
    /// What monitoring sees.
    pub metrics: Metrics,
    /// How long a peer may take.
    pub timeouts: Timeouts,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives randomness.
    pub random: Arc<dyn Random>,
    reads: Semaphore,
    draining: AtomicBool,
}

/// How long a peer may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Until the head of a request has arrived.
    pub head: Duration,
    /// Until its body has.
    pub body: Duration,
    /// Until the peer has taken some of an answer, again and again.
    pub write: Duration,
    /// Until the next request on a connection.
    pub keep_alive: Duration,
}

impl Default for Timeouts {
    /// The contract's.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { head: seconds(10), body: seconds(30), write: seconds(30), keep_alive: seconds(120) }
    }
}

/// Time and randomness, which tests set.
pub struct Surroundings {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives randomness.
    pub random: Arc<dyn Random>,
    /// How long a peer may take.
    pub timeouts: Timeouts,
}

impl App {
    /// Starts the actors over an opened installation. Must be called inside an actix `System`. `health` is told by the
    /// actors how they are.
    pub fn start(config: Config, opened: Opened, surroundings: Surroundings, health: Health) -> Result<Self> {
        let Opened { store, master, keys, generation } = opened;
        let Surroundings { clock, random, timeouts } = surroundings;
        let policy = policy::of(&config);
        let now = clock.now_ms() / 1000;
        let certificate = config
            .server
            .tls
            .as_ref()
            .map(|files| Certificate::open(files, now).map(Arc::new))
            .transpose()?;
        let recovery = store.write(|tx| {
            master.require(tx)?;
            recovery::start(tx, policy.retry_window, now)
        })?;
        let metrics = Metrics::new(config.metrics.enabled, config.metrics.gauges);
        let health = health.measured(metrics.of_actors());
        let issuer = Issuer::start(store.writer()?, &health);
        let audit = if config.audit.enabled {
            let spool = Spool::open(&config.database.spool_folder())?;
            Audit::start(spool, config.audit.buffer, issuer.clone(), &health)
        } else {
            Audit::off()
        };
        Ok(Self {
            issuer,
            audit,
            devices: Devices::start(&health),
            limiter: Limiter::start(&health),
            hasher: Hasher::start(metrics.of_hasher(), Arc::clone(&clock))?,
            pages: Pages::new(&config.server.issuer_path)?,
            keyring: Keyring::new(&policy, keys),
            verdicts: Verdicts::new(&metrics.of_caches()),
            generation,
            reads: Semaphore::new(MAX_READS),
            draining: AtomicBool::new(false),
            certificate,
            policy: Arc::new(policy),
            master: Arc::new(master),
            config,
            store,
            health,
            recovery,
            metrics,
            timeouts,
            clock,
            random,
        })
    }

    /// Says that the server stops: from now on it is not ready for requests.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// True once it stops.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// The app that serves this request.
    pub fn of(request: &HttpRequest) -> &Data<App> {
        request.app_data().expect("every route is registered in an application that has it")
    }

    /// The moment and the randomness of one request.
    pub fn context(&self) -> Context {
        Context::new(self.clock.as_ref(), Arc::clone(&self.random))
    }

    /// Runs `job` on a pooled reader, off the worker's thread.
    pub async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let _permit = self.reads.try_acquire().map_err(|_| {
            self.metrics.reads_refused.increment(1);
            Error::refused(Code::TemporarilyUnavailable, "The server is busy. Please try again.")
        })?;
        let (store, span) = (self.store.clone(), Span::current());
        let (clock, wait) = (Arc::clone(&self.clock), self.metrics.read_wait.clone());
        let (asked, panics) = (clock.monotonic(), self.metrics.panics.read.clone());
        let timed = move |tx: &mut Tx<'_>| {
            wait.record(clock.monotonic().duration_since(asked));
            let _watched = Watched(&panics);
            job(tx)
        };
        let read = block(move || span.in_scope(|| store.read(timed)));
        read.await.map_err(|_| Error::panicked())?
    }

    /// [`Self::read`] with what every rule can see.
    pub async fn read_env<T: Send + 'static>(
        &self,
        request: &HttpRequest,
        job: impl FnOnce(&mut Tx<'_>, Env<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let own = self.own_env(request);
        self.read(move |tx| job(tx, own.env())).await
    }

    /// Runs `job` in the issuer's next commit, with what every rule can see; refused at once with `temporarily_unavailable` if
    /// that would take longer than a second. What it notes as a fact is counted after the commit.
    pub async fn write_env<T: Send + 'static>(
        &self,
        request: &HttpRequest,
        job: impl FnOnce(&mut Tx<'_>, Env<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let own = self.own_env(request);
        let (facts, panics) = (Arc::clone(&own.facts), self.metrics.panics.transaction.clone());
        let write = move |tx: &mut Tx<'_>| {
            let _watched = Watched(&panics);
            job(tx, own.env())
        };
        let answer = self.issuer.write_soon(write).await;
        if answer.as_ref().err().is_none_or(Error::keeps_writes) {
            facts.take().into_iter().for_each(|fact| self.metrics.committed.count(fact));
        }
        answer
    }

    /// What a rule can see, owned, so that it can go to another thread.
    pub fn own_env(&self, request: &HttpRequest) -> OwnEnv {
        self.env_for(self.origin(request))
    }

    /// The same for what the server does by itself; `part` is its path in the audit trail.
    pub fn env_of(&self, part: &str) -> OwnEnv {
        self.env_for(Origin { path: Some(part.to_owned()), ..Origin::default() })
    }

    fn env_for(&self, origin: Origin) -> OwnEnv {
        OwnEnv {
            policy: Arc::clone(&self.policy),
            keys: Arc::clone(&self.keyring.now().keys),
            master: Arc::clone(&self.master),
            recovery: self.recovery,
            origin,
            ctx: self.context(),
            facts: Arc::default(),
        }
    }

    /// Writes down what no transaction does; it is kept once this returns.
    pub async fn record(&self, request: &HttpRequest, event: Event<'_>) -> Result<()> {
        self.audit.record(event.entry(&self.origin(request), &self.context())).await
    }

    /// Who asks, for the audit trail.
    pub fn origin(&self, request: &HttpRequest) -> Origin {
        let agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        Origin {
            ip: client_address::of(request).map(|address| address.to_string()),
            user_agent: agent.map(shortened),
            path: Some(shortened(request.uri().path())),
            method: method(request),
        }
    }
}

fn method(request: &HttpRequest) -> Option<&'static str> {
    ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]
        .into_iter()
        .find(|known| request.head().method == *known)
}
