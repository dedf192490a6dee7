//! The folder of the database: what it lies on, how much room there is, and how long a flush takes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use authgate_core::private_file;
use rustix::fs::statvfs;

use super::super::installation::context;
use super::Finding;
use super::files::me;

const ABOUT: &str = "disk";

/// File systems of other machines: they keep neither the locks nor the shared memory that the write-ahead log needs.
const OF_THE_NETWORK: [&str; 12] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "ceph",
    "glusterfs",
    "lustre",
    "fuse.sshfs",
    "fuse.glusterfs",
];
/// File systems that a restart empties.
const OF_MEMORY: [&str; 2] = ["tmpfs", "ramfs"];

/// Bytes below which it is time to look.
const LITTLE: u64 = 1 << 30;
/// Bytes below which writing will fail soon: a busy hour writes more.
const NOTHING: u64 = 64 << 20;
/// Flushes that are measured: one alone may meet another writer.
const FLUSHES: usize = 9;
/// A flush that takes longer holds every request that writes back for that long.
const SLOW: Duration = Duration::from_millis(10);
/// Requests that share a flush at most, as the issuer gathers them.
const SHARED: u128 = 64;

/// Everything about the folder.
pub fn check(folder: &Path) -> Vec<Finding> {
    if !folder.is_dir() {
        return vec![Finding::warning(
            ABOUT,
            format!("the folder {} is not there", folder.display()),
            "start the server, which makes it, or correct DATA_DIR",
        )];
    }
    let lies_on = file_system(folder).map(|kind| lies_on(folder, &kind));
    lies_on.into_iter().chain([room(folder), flush(folder)]).collect()
}

fn lies_on(folder: &Path, kind: &str) -> Finding {
    let at = format!("{} lies on {kind}", folder.display());
    if OF_THE_NETWORK.contains(&kind) {
        return Finding::problem(
            ABOUT,
            at,
            "move it to a local disk: on a network file system the database breaks",
        );
    }
    if OF_MEMORY.contains(&kind) {
        return Finding::warning(ABOUT, at, "move it to a disk: a restart of the machine empties it");
    }
    if kind == "overlay" {
        return Finding::warning(ABOUT, at, "mount a volume there: what is written goes with the container");
    }
    Finding::fine(ABOUT, at)
}

/// The kind of the mount that `folder` lies in, where the kernel says so (Linux).
fn file_system(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    kind_of(&fs::read_to_string("/proc/self/mountinfo").ok()?, &folder)
}

/// The kind of the innermost mount; of several at one place the last hides the others.
fn kind_of(mounts: &str, folder: &Path) -> Option<String> {
    let mount = |line: &str| {
        let (place, rest) = line.split_once(" - ")?;
        let point = place.split(' ').nth(4)?.replace("\\040", " ");
        folder
            .starts_with(&point)
            .then(|| (point.len(), rest.split(' ').next().unwrap_or_default().to_owned()))
    };
    mounts.lines().filter_map(mount).max_by_key(|(length, _)| *length).map(|(_, kind)| kind)
}

fn room(folder: &Path) -> Finding {
    let disk = match statvfs(folder) {
        Ok(disk) => disk,
        Err(error) => {
            let found = format!("the room on the disk of {} is not known: {error}", folder.display());
            return Finding::warning(ABOUT, found, "look at it by hand: df");
        }
    };
    let (free, all) =
        (disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize));
    room_of(folder, free, all)
}

fn room_of(folder: &Path, free: u64, all: u64) -> Finding {
    let percent = free.saturating_mul(100).checked_div(all).unwrap_or(100);
    let found = format!("{} MiB are free for {}, {percent} % of the disk", free >> 20, folder.display());
    let advice = "make room: on a full disk nobody signs in and no token is issued, though none is lost";
    match free {
        ..NOTHING => Finding::problem(ABOUT, found, advice),
        _ if free < LITTLE || percent < 10 => Finding::warning(ABOUT, found, advice),
        _ => Finding::fine(ABOUT, found),
    }
}

fn flush(folder: &Path) -> Finding {
    match median_flush(folder) {
        Ok(time) => flush_of(time),
        Err(error) => Finding::problem(
            ABOUT,
            format!("{} cannot be written to by {}: {error}", folder.display(), me()),
            "run this as the server's user, or give the folder to it",
        ),
    }
}

fn flush_of(time: Duration) -> Finding {
    let micros = time.as_micros().max(1);
    let (commits, tokens) = (1_000_000 / micros, SHARED * 1_000_000 / micros);
    let found = format!(
        "a flush takes {}.{} ms: at most {commits} commits a second, {tokens} tokens when many ask at once",
        micros / 1000,
        micros % 1000 / 100
    );
    if time > SLOW {
        return Finding::warning(ABOUT, found, "every request that writes waits for one: use a faster disk");
    }
    Finding::fine(ABOUT, found)
}

#[expect(clippy::disallowed_methods, reason = "this measures the disk, and no rule depends on it")]
fn median_flush(folder: &Path) -> io::Result<Duration> {
    let (path, _) = private_file::draft(&folder.join("doctor"), &context())?;
    let measured = (|| {
        let mut file = OpenOptions::new().append(true).mode(0o600).open(&path)?;
        let mut times = Vec::with_capacity(FLUSHES);
        for _ in 0..FLUSHES {
            file.write_all(&[0; 4096])?;
            let begin = Instant::now();
            File::sync_data(&file)?;
            times.push(begin.elapsed());
        }
        times.sort();
        Ok(times[FLUSHES / 2])
    })();
    fs::remove_file(&path)?;
    measured
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    const MOUNTS: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:35 / /srv rw - nfs4 files:/srv rw,vers=4.2
41 40 8:2 / /srv/local\\040disk rw master:1 - xfs /dev/sdb rw
42 22 0:36 / /var/lib/authgate rw - tmpfs tmpfs rw";

    #[test]
    fn the_innermost_mount_counts() {
        let kind = |folder: &str| kind_of(MOUNTS, Path::new(folder)).unwrap();
        for (folder, expected) in [
            ("/home/authgate", "ext4"),
            ("/srv", "nfs4"),
            ("/srv/data", "nfs4"),
            ("/srvdata", "ext4"),
            ("/srv/local disk/data", "xfs"),
            ("/var/lib/authgate", "tmpfs"),
        ] {
            assert_eq!(kind(folder), expected, "{folder}");
        }
        let level = |kind| lies_on(Path::new("/x"), kind).level;
        assert_eq!((level("nfs4"), level("cifs")), (Level::Problem, Level::Problem));
        assert_eq!((level("tmpfs"), level("overlay")), (Level::Warning, Level::Warning));
        assert_eq!(level("ext4"), Level::Fine);
    }

    #[test]
    fn little_room_warns_and_none_is_a_problem() {
        let level = |free, all| room_of(Path::new("/x"), free, all).level;
        assert_eq!(level(20 << 30, 100 << 30), Level::Fine);
        assert_eq!(level(9 << 30, 100 << 30), Level::Warning, "less than a tenth");
        assert_eq!(level(1 << 29, 1 << 30), Level::Warning, "less than a gibibyte");
        assert_eq!(level(63 << 20, 1 << 30), Level::Problem);
        assert_eq!(level(0, 0), Level::Problem);
    }

    #[test]
    fn a_slow_flush_warns_and_says_what_it_costs() {
        assert_eq!(flush_of(Duration::from_millis(10)).level, Level::Fine);
        let slow = flush_of(Duration::from_micros(20_500));
        assert_eq!(slow.level, Level::Warning);
        assert!(slow.text().contains("20.5 ms: at most 48 commits a second, 3121 tokens"), "{}", slow.text());
    }
}
