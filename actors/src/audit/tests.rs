use std::path::Path;
use std::sync::mpsc;

use authgate_core::audit::{self, Event, Filter, Origin};
use authgate_core::context::{Context as Moment, ManualClock, SystemRandom};
use authgate_core::db::Store;
use tempfile::TempDir;

use super::*;
use crate::supervisor::tests::{Crash, Hold, health, run, testable};

testable!(Recorder, Audit, |audit| audit.mailbox.as_ref().unwrap());

/// Closes the spool, as after an error of the disk, and changes what it finds when it is opened anew.
struct Close(Box<dyn FnOnce() + Send>);

impl Message for Close {
    type Result = ();
}

impl actix::Handler<Letter<Close>> for Recorder {
    type Result = ();

    fn handle(&mut self, letter: Letter<Close>, _: &mut Context<Self>) {
        letter.answer(|close| {
            let broken = sled::Error::Unsupported("a test asked for it".to_owned());
            let _ = self.spool.with(|_| Err::<(), _>(broken));
            (close.0)();
        });
    }
}

impl Audit {
    /// Closes the spool, and changes what it finds when it is opened anew.
    pub(crate) fn close_spool(&self, change: impl FnOnce() + Send + 'static) {
        let _ = self.mailbox.as_ref().unwrap().tell(Close(Box::new(change)));
    }
}

const NOW: i64 = 1_700_000_000;

fn entry(name: &str) -> Entry {
    let ctx = Moment::new(&ManualClock::at(NOW * 1000), std::sync::Arc::new(SystemRandom));
    let origin = Origin { ip: Some("192.0.2.1".to_owned()), ..Origin::default() };
    Event::info("LOGOUT", "User signed out").named(name).entry(&origin, &ctx)
}

struct World {
    folder: TempDir,
    store: Store,
    health: Health,
    audit: Audit,
    issuer: Issuer,
}

impl World {
    fn new(capacity: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::sqlite(&folder.path().join("a.db"), 1).unwrap();
        store.migrate(NOW).unwrap();
        let health = health();
        let spool = Spool::open(&folder.path().join("spool")).unwrap();
        let issuer = Issuer::start(store.writer().unwrap(), &Health::new(|_| {}));
        let audit = Audit::start(spool, capacity, issuer.clone(), &health);
        Self { folder, store, health, audit, issuer }
    }

    fn names(&self) -> Vec<String> {
        let entries = self.store.read(|tx| audit::page(tx, &Filter::default(), None, (10_000, 0))).unwrap();
        let mut names: Vec<_> = entries.into_iter().filter_map(|entry| entry.actor_username).collect();
        names.sort();
        names
    }

    /// The issuer does nothing until the sender is dropped.
    fn hold_the_writer(&self) -> mpsc::Sender<()> {
        let (release, hold) = mpsc::channel::<()>();
        let issuer = self.issuer.clone();
        actix::spawn(async move {
            let _ = issuer
                .write(move |_| {
                    let _ = hold.recv();
                    Ok(())
                })
                .await;
        });
        release
    }
}

fn names_in(path: &Path) -> Vec<String> {
    let db = sled::open(path).unwrap();
    let events = db.open_tree("events").unwrap();
    events
        .iter()
        .map(|item| serde_json::from_slice::<Entry>(&item.unwrap().1).unwrap().actor_username.unwrap())
        .collect()
}

#[test]
fn what_is_recorded_comes_to_the_database_once() {
    run(async {
        let world = World::new(1000);
        let mut asked = Vec::new();
        for n in 0..250 {
            let audit = world.audit.clone();
            asked.push(actix::spawn(async move { audit.record(entry(&format!("{n:03}"))).await }));
        }
        for answer in asked {
            answer.await.unwrap().unwrap();
        }
        world.audit.settle().await.unwrap();
        assert_eq!(world.names(), (0..250).map(|n| format!("{n:03}")).collect::<Vec<_>>());
        world
            .store
            .read(|tx| {
                let (heads, verdict) = audit::verify(tx, &[])?;
                assert_eq!((heads[0].sequence, verdict.verified), (250, 250));
                assert!(verdict.problems.is_empty());
                Ok(())
            })
            .unwrap();
    });
}

#[test]
fn an_event_is_on_disk_before_the_caller_goes_on() {
    run(async {
        let world = World::new(1000);
        let release = world.hold_the_writer();
        world.audit.record(entry("one")).await.unwrap();
        let copy = tempfile::tempdir().unwrap();
        copy_folder(&world.folder.path().join("spool/0"), copy.path());
        assert_eq!(names_in(copy.path()), ["one"]);
        assert!(world.names().is_empty(), "the database is not asked for that");
        drop(release);
        world.audit.settle().await.unwrap();
        assert_eq!(world.names(), ["one"]);
    });
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for item in std::fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy_folder(&item.path(), &target);
        } else {
            std::fs::copy(item.path(), target).unwrap();
        }
    }
}

#[test]
fn what_another_process_left_is_taken_over_once() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool");
        let mut first = Spool::open(&path).unwrap();
        let mut second = Spool::open(&path).unwrap();
        let left = entry("left");
        first.add([entry("mine"), left.clone()].iter()).unwrap();
        second.add([entry("theirs"), left].iter()).unwrap();
        second.keep_open(&[entry("counted")]).unwrap();
        drop((first, second));
        let mut spool = Spool::open(&path).unwrap();
        let mut names: Vec<_> =
            spool.oldest(10).unwrap().into_iter().filter_map(|entry| entry.actor_username).collect();
        names.sort();
        assert_eq!(names, ["counted", "left", "mine", "theirs"]);
        assert!(!path.join("1").exists());
    });
}

#[test]
fn an_event_that_cannot_be_read_is_set_aside_and_holds_up_no_other() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path()).unwrap();
        spool.add([entry("one"), entry("two")].iter()).unwrap();
        let break_one = |trees: &spool::Trees| {
            let (first, _) = trees.events.iter().next().expect("there is one")?;
            trees.events.insert(&first, "no event").map(drop)
        };
        spool.with(break_one).unwrap();
        assert_eq!((spool.oldest(10).unwrap().len(), spool.len()), (1, 1));
        let aside = spool.with(|trees| Ok(trees.db.open_tree("unreadable")?.len())).unwrap();
        assert_eq!(aside, 1, "for whoever wants to look at it");
    });
}

#[test]
fn a_spool_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool");
    std::fs::write(&path, "a file").unwrap();
    let error = Spool::open(&path).err().unwrap().to_string();
    assert!(error.contains("cannot open the audit spool") && error.contains("spool:"), "{error}");
}

#[test]
fn without_room_the_caller_waits_and_is_refused() {
    run(async {
        let world = World::new(2);
        let release = world.hold_the_writer();
        world.audit.record(entry("one")).await.unwrap();
        world.audit.record(entry("two")).await.unwrap();
        let refused = world.audit.record(entry("three")).await.unwrap_err();
        assert_eq!(refused.code(), Some(authgate_core::error::Code::TemporarilyUnavailable));
        drop(release);
        world.audit.record(entry("four")).await.unwrap();
        world.audit.settle().await.unwrap();
        assert_eq!(world.names(), ["four", "one", "three", "two"], "nothing that was accepted is lost");
    });
}

#[test]
fn d41_what_repeats_is_one_event_with_a_count() {
    run(async {
        let world = World::new(1000);
        // Its minute must not pass between two of them.
        let (release, hold) = mpsc::channel();
        world.audit.mailbox.as_ref().unwrap().tell(Hold(hold)).unwrap();
        for n in 0..30 {
            world.audit.count(format!("key {}", n % 3), move || entry(&format!("key {}", n % 3))).unwrap();
        }
        drop(release);
        world.audit.settle().await.unwrap();
        world.audit.count("key 0".to_owned(), || entry("later")).unwrap();
        world.audit.settle().await.unwrap();
        let entries = world.store.read(|tx| audit::page(tx, &Filter::default(), None, (10, 0))).unwrap();
        let mut counts: Vec<_> = entries
            .into_iter()
            .map(|entry| (entry.actor_username.unwrap(), entry.details.unwrap()))
            .collect();
        counts.sort();
        let ten = r#"{"count":10}"#.to_owned();
        let expected = [
            ("key 0", ten.clone()),
            ("key 1", ten.clone()),
            ("key 2", ten),
            ("later", r#"{"count":1}"#.to_owned()),
        ];
        assert_eq!(counts, expected.map(|(name, count)| (name.to_owned(), count)));
    });
}

#[test]
fn adv_15_a_flood_of_counted_keys_is_bounded() {
    let mut counts = Counts::default();
    for n in 0..20_000 {
        counts.add(n.to_string(), Box::new(|| entry("x")));
        if counts.is_full() {
            assert_eq!(counts.events().len(), 10_000);
            counts = Counts::default();
        }
    }
    assert!(counts.is_empty());
}

#[test]
fn audit_panics_under_load_and_loses_no_event() {
    run(async {
        let world = World::new(1000);
        let mut asked = Vec::new();
        for n in 0..100 {
            let audit = world.audit.clone();
            asked.push(actix::spawn(
                async move { (n, audit.record(entry(&format!("{n:03}"))).await.is_ok()) },
            ));
            if n == 50 {
                let mailbox = world.audit.mailbox.clone().unwrap();
                actix::spawn(async move { mailbox.ask(Crash).await });
            }
        }
        let mut recorded = Vec::new();
        for answer in asked {
            let (n, is_recorded) = answer.await.unwrap();
            if is_recorded {
                recorded.push(format!("{n:03}"));
            }
        }
        world.audit.settle().await.unwrap();
        assert_eq!(world.names(), recorded);
        assert_eq!(recorded.len(), 100, "only the message in hand is lost");
        assert_eq!(world.health.actors()[0].restarts, 1);
    });
}

#[test]
fn without_a_trail_nothing_is_recorded() {
    run(async {
        Audit::off().record(entry("x")).await.unwrap();
        Audit::off().settle().await.unwrap();
    });
}
