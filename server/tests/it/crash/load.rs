//! `kill -9` at any moment under mixed load, also on a full disk: what was answered before holds afterwards.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;

use authgate_core::db::Store;
use rustix::process::Signal;
use tempfile::TempDir;

use super::PASSWORD;
use super::clients::{Habit, Party};
use super::ledger::{Fate, Ledger};
use crate::util::process::{self, Process};
use crate::util::{Client, Registered};

/// Who asks at the same time, and whose browser it has.
const PARTIES: [(Habit, usize); 10] = [
    (Habit::Machine, 0),
    (Habit::Machine, 0),
    (Habit::Machine, 0),
    (Habit::App, 1),
    (Habit::App, 1),
    (Habit::Device, 1),
    (Habit::Withdrawer, 2),
    (Habit::Guesser, 0),
    (Habit::Watcher, 0),
    (Habit::Watcher, 0),
];

/// Where the files are that outlive every server.
enum Place<'a> {
    Folder(&'a Path),
    Small(&'a SmallDisk),
}

impl Place<'_> {
    fn program(&self) -> Command {
        match self {
            Self::Folder(folder) => process::program(folder),
            Self::Small(disk) => disk.program(),
        }
    }

    /// The folder as the test sees it.
    fn folder(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder,
            Self::Small(disk) => &disk.path,
        }
    }

    fn server(&self) -> Process {
        let env = [("SERVER_ADDR", "127.0.0.1:0"), ("ENABLE_RATE_LIMIT", "false")];
        let admin = ("DEFAULT_ADMIN_PASSWORD", PASSWORD);
        Process::spawn(self.program().arg("serve").envs(env).envs([admin]))
    }

    /// Opens a copy, so that what was left behind is not changed by looking at it.
    fn store(&self) -> (Store, TempDir) {
        let copy = tempfile::tempdir().unwrap();
        for name in ["authgate.db", "authgate.db-wal"] {
            let from = self.folder().join("data").join(name);
            if from.exists() {
                fs::copy(from, copy.path().join(name)).unwrap();
            }
        }
        (Store::sqlite(&copy.path().join("authgate.db"), 1).unwrap(), copy)
    }
}

/// A place, and who uses it.
struct World<'a> {
    place: Place<'a>,
    app: Rc<Registered>,
    /// Nobody's, and two that are signed in.
    browsers: Vec<Client>,
}

impl<'a> World<'a> {
    async fn new(place: Place<'a>) -> Self {
        let mut server = place.server();
        let grants = ["authorization_code", "refresh_token", "device_code", "client_credentials"];
        let app = Rc::new(process::client(place.program(), &grants));
        let second =
            process::json(place.program().args(["user", "create", "--json", "--username", "second"]));
        let mut browsers = vec![server.client()];
        for (name, password) in [("admin", PASSWORD), ("second", second["password"].as_str().unwrap())] {
            let browser = server.client();
            assert!(matches!(browser.sign_in(name, password).await.status, 302 | 303));
            browsers.push(browser);
        }
        server.signal(Signal::TERM);
        assert_eq!(server.code(), Some(0));
        Self { place, app, browsers }
    }

    /// One life of a server, killed once `end` returns; then another that is asked about all that the first has answered.
    async fn round(&self, name: &str, end: impl AsyncFnOnce(&Ledger), freed: impl FnOnce()) {
        let ledger = Rc::new(Ledger::default());
        let mut server = self.place.server();
        let load: Vec<_> = PARTIES
            .iter()
            .enumerate()
            .map(|(at, (habit, browser))| {
                let http = self.browsers[*browser].at(server.addr);
                let (app, ledger) = (Rc::clone(&self.app), Rc::clone(&ledger));
                Party { http, app, ledger, name: format!("{name} {at}") }.go_on(*habit)
            })
            .collect();
        end(&ledger).await;
        ledger.close();
        server.signal(Signal::KILL);
        assert_eq!(server.code(), None);
        for party in load {
            party.await.unwrap();
        }
        freed();
        let (store, _copy) = self.place.store();
        let found: Option<(String,)> = store.read(|tx| tx.one("PRAGMA integrity_check", &[])).unwrap();
        assert_eq!(found.unwrap().0, "ok");

        let mut server = self.place.server();
        let anon = server.client();
        self.check(&anon, &ledger).await;
        server.signal(Signal::TERM);
        assert_eq!(server.code(), Some(0), "every event comes to the database");
        let (store, _copy) = self.place.store();
        let events = store.read(|tx| ledger.check_events(tx)).unwrap();
        process::json(self.place.program().args(["audit", "verify", "--json"]));
        println!("{name}: killed after {} answers, {events} events", ledger.heard());
    }

    async fn check(&self, anon: &Client, ledger: &Ledger) {
        let (tokens, grants) = ledger.settle();
        for (token, fate) in &tokens {
            let active = self.app.is_live(anon, token).await;
            assert!(*fate == Fate::Ending || active == (*fate == Fate::Live), "{fate:?}: {active}");
        }
        for grant in &grants {
            let reply = self.app.refresh(anon, &grant.refresh_token).await;
            match grant.fate {
                // I7: the newest delivered token works, or is the parent of one whose answer was lost.
                Fate::Live => assert!(self.app.is_live(anon, &reply.member("access_token")).await),
                Fate::Ended => assert_eq!((reply.status, reply.error().as_str()), (400, "invalid_grant")),
                Fate::Ending => {}
            }
        }
    }
}

/// A step of SplitMix64, whose constants these are.
fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

#[actix_web::test]
async fn what_was_answered_holds_whenever_the_process_is_killed_under_load() {
    let rounds = number("AUTHGATE_CRASHES").unwrap_or(3);
    let seed = number("AUTHGATE_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("AUTHGATE_SEED={seed}");
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(Place::Folder(folder.path())).await;
    for round in 0..rounds {
        let answers = usize::try_from(30 + mixed(seed.wrapping_add(round)) % 400).unwrap();
        world.round(&format!("round {round}"), async |ledger| ledger.until(answers, 0).await, || ()).await;
    }
}

/// A file system of a few megabytes, which only one process sees, and others that enter its namespace.
struct SmallDisk {
    holder: Child,
    folder: PathBuf,
    /// The same from outside.
    path: PathBuf,
}

impl SmallDisk {
    fn new(folder: &Path) -> Self {
        let mount = "mount -t tmpfs -o size=24m,mode=0700 small \"$1\" && echo mounted && exec cat";
        let mut holder = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "--", "sh", "-c", mount, "sh"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = [0; 8];
        std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut said).expect("it is mounted");
        let path = PathBuf::from(format!("/proc/{}/root{}", holder.id(), folder.display()));
        Self { holder, folder: folder.to_owned(), path }
    }

    /// The program, run inside.
    fn program(&self) -> Command {
        let mut program = Command::new("nsenter");
        program.arg(format!("--target={}", self.holder.id())).args(["--mount", "--", "sh", "-c"]);
        program.args(["cd \"$1\" && shift && exec \"$@\"", "sh"]).arg(&self.folder);
        program.arg(env!("CARGO_BIN_EXE_authgate")).env_clear();
        program
    }

    /// Leaves no room.
    fn fill(&self) {
        let mut filler = File::create(self.path.join("filler")).unwrap();
        while filler.write_all(&[0; 4096]).is_ok() {}
    }

    fn free(&self) {
        fs::remove_file(self.path.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

#[actix_web::test]
async fn what_was_answered_holds_when_the_disk_is_full_and_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SmallDisk::new(folder.path());
    let world = World::new(Place::Small(&disk)).await;
    let fill = async |ledger: &Ledger| {
        ledger.until(150, 0).await;
        disk.fill();
        ledger.until(0, 50).await;
    };
    world.round("full disk", fill, || disk.free()).await;
    world.round("afterwards", async |ledger| ledger.until(100, 0).await, || ()).await;
}
