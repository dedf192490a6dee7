use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use super::*;

/// The test runs itself in a process of its own, which finds its directory here.
const DIRECTORY: &str = "AUTHGATE_TEST_CRASH";

#[test]
fn a_crash_before_the_commit_leaves_nothing_and_one_after_it_everything() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        return write_and_report(Path::new(&directory));
    }
    for (point, expected) in [("before_commit", vec![]), ("after_commit", vec!["written"])] {
        let database = Database::new(point);
        let failpoint = database.directory.join("failpoint");
        std::fs::write(&failpoint, point).unwrap();
        let name = concat!(
            "issuer::tests::crash::",
            "a_crash_before_the_commit_leaves_nothing_and_one_after_it_everything"
        );
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(DIRECTORY, &database.directory)
            .env("AUTHGATE_FAILPOINT", failpoint)
            .output()
            .unwrap();
        assert_eq!(child.status.signal(), Some(6), "aborted: {child:?}");
        assert!(!database.directory.join("answered").exists(), "no answer left");
        assert_eq!(database.notes(), expected);
    }
}

fn write_and_report(directory: &Path) {
    run(async {
        let store = Store::sqlite(&directory.join("db"), 1).unwrap();
        let issuer = Issuer::start(store.writer().unwrap(), &health());
        let answer = issuer.write(|tx| note(tx, "written")).await;
        std::fs::write(directory.join("answered"), format!("{answer:?}")).unwrap();
    });
}
