//! The process dies before a commit, or between a commit and its answer; what a client received stays good (`refresh.md`,
//! 12, 13 and I7).

mod clients;
mod ledger;
mod load;

use std::fs;
use std::path::Path;

use authgate_core::db::Store;
use serde_json::Value;
use tempfile::TempDir;

use crate::util::process::{self, Process};
use crate::util::{Client, Registered, Request};

const PASSWORD: &str = "correct horse battery";

/// A server on files that outlive it, and a client that it knows.
struct Mortal {
    folder: TempDir,
    process: Process,
    app: Registered,
}

impl Mortal {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let process = spawn(folder.path());
        let app = process::client(
            process::program(folder.path()),
            &["authorization_code", "refresh_token", "device_code"],
        );
        Self { folder, process, app }
    }

    fn client(&self) -> Client {
        self.process.client()
    }

    /// A fresh code, from a browser that has just signed in.
    async fn code(&self) -> String {
        let browser = self.client();
        browser.sign_in("admin", PASSWORD).await;
        let asks = self.app.asks(&[("scope", "openid read offline_access"), ("prompt", "consent")]);
        browser.allow(&asks).await.sent("code")
    }

    async fn tokens(&self) -> (String, String) {
        let reply = self.app.redeem(&self.client(), &self.code().await).await;
        both(&reply.json())
    }

    /// Sends a request that the process dies over at `point`, and starts the process again.
    async fn dies(&mut self, point: &str, request: Request) {
        let failpoint = self.folder.path().join("failpoint");
        fs::write(&failpoint, point).unwrap();
        assert!(request.send_to_the_dying().await.is_none(), "it answered before it died");
        assert_eq!(self.process.code(), None, "it was killed by a signal");
        fs::remove_file(&failpoint).unwrap();
        self.process = spawn(self.folder.path());
    }

    /// What a query counts in the database.
    fn count(&self, sql: &str) -> i64 {
        let store = Store::sqlite(&self.folder.path().join("data/authgate.db"), 1).unwrap();
        let counted: Option<(i64,)> = store.read(|tx| tx.one(sql, &[])).unwrap();
        counted.unwrap().0
    }

    async fn is_live(&self, access_token: &str) -> bool {
        self.app.is_live(&self.client(), access_token).await
    }
}

fn spawn(folder: &Path) -> Process {
    // The cleaners commit over and over when a server has just started: on a busy machine they would always die first.
    let quiet = [("ENABLE_EXPIRED_TOKEN_CLEANUP", "false"), ("AUDIT_LOG_RETENTION", "0")];
    let own = [("DEFAULT_ADMIN_PASSWORD", PASSWORD), ("AUTHGATE_FAILPOINT", "failpoint")];
    Process::start(folder, &[quiet, own].concat())
}

fn both(tokens: &Value) -> (String, String) {
    let text = |name: &str| tokens[name].as_str().unwrap_or_else(|| panic!("{tokens}")).to_owned();
    (text("access_token"), text("refresh_token"))
}

const USED: &str = "SELECT COUNT(*) FROM authorization_codes WHERE used_at IS NOT NULL";
const GENERATIONS: &str = "SELECT COALESCE(SUM(generation), 0) FROM families";
const REVOKED: &str = "SELECT COUNT(*) FROM families WHERE state = 'revoked'";

#[actix_web::test]
async fn a_code_is_redeemed_once_whenever_the_process_dies() {
    let mut mortal = Mortal::start();
    let (access_token, refresh_token) = mortal.tokens().await;

    let code = mortal.code().await;
    mortal.dies("before_commit", mortal.app.redemption(&mortal.client(), &code)).await;
    assert_eq!(mortal.count(USED), 1, "nothing was written");
    assert_eq!(
        mortal.app.redeem(&mortal.client(), &code).await.status,
        200,
        "so the code is as good as before"
    );

    // The heartbeat commits too: if the process died over that, the code is fresh and the test tries again.
    let code = loop {
        let (code, used) = (mortal.code().await, mortal.count(USED));
        mortal.dies("after_commit", mortal.app.redemption(&mortal.client(), &code)).await;
        if mortal.count(USED) > used {
            break code;
        }
    };
    assert_eq!(mortal.app.redeem(&mortal.client(), &code).await.json()["error"], "invalid_grant");

    assert!(mortal.is_live(&access_token).await, "what was received before is good");
    assert_eq!(mortal.app.refresh(&mortal.client(), &refresh_token).await.status, 200);
}

#[actix_web::test]
async fn i7_a_refresh_whose_answer_was_lost_is_answered_again() {
    let mut mortal = Mortal::start();
    let (_, first) = mortal.tokens().await;

    mortal.dies("before_commit", mortal.app.refreshing(&mortal.client(), &first)).await;
    assert_eq!(mortal.count(GENERATIONS), 1, "nothing was written");
    let (_, mut newest) = both(&mortal.app.refresh(&mortal.client(), &first).await.json());

    loop {
        let before = mortal.count(GENERATIONS);
        mortal.dies("after_commit", mortal.app.refreshing(&mortal.client(), &newest)).await;
        let rotated = mortal.count(GENERATIONS) > before;
        let (access_token, child) = both(&mortal.app.refresh(&mortal.client(), &newest).await.json());
        let (_, again) = both(&mortal.app.refresh(&mortal.client(), &newest).await.json());
        assert_eq!(child, again, "every answer of a generation carries the same bytes");
        assert!(mortal.is_live(&access_token).await);
        newest = child;
        if rotated {
            break;
        }
    }
    assert_eq!(mortal.app.refresh(&mortal.client(), &newest).await.status, 200);
    assert_eq!(mortal.count(REVOKED), 0, "nobody was taken for a thief");
}

#[actix_web::test]
async fn a_revocation_holds_from_its_commit_on() {
    let mut mortal = Mortal::start();
    let (access_token, refresh_token) = mortal.tokens().await;
    let form = [("token", refresh_token.as_str())];

    mortal.dies("before_commit", mortal.app.asking(&mortal.client(), "/oauth/revoke", &form)).await;
    assert!(mortal.is_live(&access_token).await, "it was not committed");

    while mortal.count(REVOKED) == 0 {
        mortal.dies("after_commit", mortal.app.asking(&mortal.client(), "/oauth/revoke", &form)).await;
    }
    assert!(!mortal.is_live(&access_token).await);
    assert_eq!(mortal.app.refresh(&mortal.client(), &refresh_token).await.json()["error"], "invalid_grant");
}
