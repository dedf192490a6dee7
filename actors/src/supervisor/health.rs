//! How the actors are: what `/readyz` and the metrics show.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::Histogram;
use tokio::sync::Semaphore;

use crate::mailbox::Room;
use crate::measures::Measures;

/// A view of every actor that was started with it. Cheap to clone.
#[derive(Clone)]
pub struct Health {
    inner: Arc<Inner>,
    measures: Measures,
    place: Place,
}

/// Where an actor runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// On a thread of its own.
    #[default]
    Own,
    /// On the thread that starts it, in turn with whatever else runs there; so a simulation decides whose turn it is.
    Here,
}

struct Inner {
    actors: Mutex<Vec<Arc<Vitals>>>,
    on_give_up: Box<dyn Fn(&'static str) + Send + Sync>,
}

/// One actor at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorHealth {
    /// The actor's name.
    pub name: &'static str,
    /// Panics it was brought back from.
    pub restarts: u64,
    /// Messages accepted and not answered yet.
    pub queue: usize,
    /// The most that `queue` can be.
    pub capacity: usize,
    /// Messages turned away because the mailbox was full, or would have kept them too long.
    pub turned_away: u64,
    /// True once it panicked too often: it will not come back.
    pub gave_up: bool,
}

impl Health {
    /// `on_give_up` is called with the name of an actor that is given up, on that actor's thread; a server exits.
    pub fn new(on_give_up: impl Fn(&'static str) + Send + Sync + 'static) -> Self {
        let inner = Inner { actors: Mutex::default(), on_give_up: Box::new(on_give_up) };
        Self { inner: Arc::new(inner), measures: Measures::default(), place: Place::Own }
    }

    /// The same view; actors that are started with it from now on note what they cost in `measures`.
    #[must_use]
    pub fn measured(self, measures: Measures) -> Self {
        Self { measures, ..self }
    }

    /// The same view; actors that are started with it from now on run there.
    #[must_use]
    pub fn placed(self, place: Place) -> Self {
        Self { place, ..self }
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    pub(crate) fn measures(&self) -> &Measures {
        &self.measures
    }

    /// True as long as no actor was given up.
    pub fn healthy(&self) -> bool {
        self.actors().iter().all(|actor| !actor.gave_up)
    }

    /// Every actor, in the order they were started.
    pub fn actors(&self) -> Vec<ActorHealth> {
        self.lock().iter().map(|vitals| vitals.read()).collect()
    }

    pub(super) fn register(&self, name: &'static str, capacity: usize) -> Arc<Vitals> {
        let vitals = Arc::new(Vitals {
            name,
            capacity,
            room: Semaphore::new(capacity),
            turned_away: AtomicU64::new(0),
            successes: AtomicU64::new(0),
            restarts: AtomicU64::new(0),
            gave_up: AtomicBool::new(false),
            wait: (self.measures.wait)(name),
        });
        self.lock().push(Arc::clone(&vitals));
        vitals
    }

    pub(super) fn gave_up(&self, name: &'static str) {
        (self.inner.on_give_up)(name);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Vitals>>> {
        self.inner.actors.lock().expect("nothing panics while it is held")
    }
}

/// What an actor's mailbox and supervisor count.
pub(crate) struct Vitals {
    name: &'static str,
    capacity: usize,
    room: Semaphore,
    turned_away: AtomicU64,
    successes: AtomicU64,
    restarts: AtomicU64,
    gave_up: AtomicBool,
    wait: Histogram,
}

impl Vitals {
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// A place in the mailbox, if there is one.
    pub(crate) fn take_room(self: &Arc<Self>) -> Option<Room> {
        if let Ok(permit) = self.room.try_acquire() {
            permit.forget();
            return Some(Room::new(Arc::clone(self)));
        }
        self.turn_away();
        None
    }

    /// Counts a message that is refused.
    pub(crate) fn turn_away(&self) {
        let turned_away = self.turned_away.fetch_add(1, Ordering::Relaxed) + 1;
        // Thinned out, or an overload would also flood the log.
        if turned_away.is_power_of_two() {
            tracing::warn!(
                actor = self.name,
                turned_away,
                "an actor has too much to do; a message is refused"
            );
        }
    }

    /// A place in the mailbox, once there is one.
    pub(crate) async fn wait_for_room(self: &Arc<Self>) -> Room {
        self.room.acquire().await.expect("a mailbox is never closed to those who wait").forget();
        Room::new(Arc::clone(self))
    }

    /// Messages accepted and not answered yet.
    pub(crate) fn queue(&self) -> usize {
        self.capacity - self.room.available_permits()
    }

    pub(crate) fn give_room(&self) {
        self.room.add_permits(1);
    }

    pub(crate) fn count_wait(&self, wait: Duration) {
        self.wait.record(wait);
    }

    pub(crate) fn count_success(&self) {
        self.successes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn successes(&self) -> u64 {
        self.successes.load(Ordering::Relaxed)
    }

    pub(super) fn count_restart(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn give_up(&self) {
        self.gave_up.store(true, Ordering::Relaxed);
    }

    fn read(&self) -> ActorHealth {
        ActorHealth {
            name: self.name,
            restarts: self.restarts.load(Ordering::Relaxed),
            queue: self.queue(),
            capacity: self.capacity,
            turned_away: self.turned_away.load(Ordering::Relaxed),
            gave_up: self.gave_up.load(Ordering::Relaxed),
        }
    }
}
