//! Commands that revoke, as processes beside a server that issues all the while. What was handed out is dead a second
//! after the command has ended, at the latest: so long may the server believe what it read.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures_util::future::{join, join_all};
use tokio::time::Instant;

use super::OFFLINE;
use super::beside::Installed;
use crate::util::{Client, Registered};

const BOUND: Duration = Duration::from_secs(1);
/// Grants that are refreshed, codes that are redeemed and clients that ask for themselves, all at the same time.
const EACH: usize = 5;

struct Race<'a> {
    installed: &'a Installed,
    web: &'a Registered,
    watcher: &'a Registered,
    alice: Client,
}

impl Race<'_> {
    /// True if any of those who look calls a token live.
    async fn is_alive(&self, http: &Client, token: &str) -> bool {
        self.watcher.is_live(http, token).await
            || http.status_with("/oauth/tokeninfo", token).await == 200
            || http.status_with("/oauth/userinfo", token).await == 200
    }

    /// Runs a command while refresh tokens, codes and client credentials are turned into tokens. Returns what it ended.
    async fn ended_by(&self, args: &[&str]) -> Vec<String> {
        let http = self.installed.client();
        let (mut codes, mut refresh_tokens) = (Vec::new(), Vec::new());
        for _ in 0..EACH {
            codes.push(self.web.code(&self.alice, &[OFFLINE]).await);
            refresh_tokens.push(self.alice.tokens(self.web, OFFLINE.1).await.1);
        }
        let (is_over, handed_out, machines) = (Cell::new(false), RefCell::default(), RefCell::default());
        let keep = |tokens: &RefCell<Vec<String>>, token: String| tokens.borrow_mut().push(token);
        let redeemers = join_all(codes.iter().map(async |code| {
            let reply = self.web.redeem(&http, code).await;
            if reply.status == 200 {
                keep(&handed_out, reply.member("access_token"));
            }
        }));
        let refreshers = join_all(refresh_tokens.iter().map(async |first| {
            let mut newest = first.clone();
            while !is_over.get() {
                let reply = self.web.refresh(&http, &newest).await;
                if reply.status != 200 {
                    break;
                }
                keep(&handed_out, reply.member("access_token"));
                newest = reply.member("refresh_token");
            }
            newest
        }));
        let askers = join_all((0..EACH).map(async |_| {
            while !is_over.get() {
                let reply = self.web.token(&http, &[("grant_type", "client_credentials")]).await;
                if reply.status != 200 {
                    break;
                }
                keep(&machines, reply.member("access_token"));
            }
        }));
        let command = async {
            while handed_out.borrow().len() + machines.borrow().len() < EACH {
                actix_web::rt::task::yield_now().await;
            }
            let earlier = machines.borrow().len();
            self.installed.command_beside(args, "").await;
            is_over.set(true);
            (Instant::now() + BOUND, earlier)
        };
        let (newest, (_, (_, (deadline, earlier)))) =
            join(refreshers, join(redeemers, join(askers, command))).await;

        let (mut handed_out, machines) = (handed_out.into_inner(), machines.into_inner());
        assert!(!handed_out.is_empty() && !machines.is_empty());
        match args {
            // A client that stays may ask again in the moment between the commit and the command's end.
            ["client", "revoke-all", ..] => handed_out.extend(machines.into_iter().take(earlier)),
            ["client", ..] => handed_out.extend(machines),
            _ => assert!(self.is_alive(&http, machines.last().unwrap()).await, "that is another matter"),
        }
        for token in &newest {
            assert_ne!(self.web.refresh(&http, token).await.status, 200, "{args:?}: a refresh token lives");
        }
        for code in &codes {
            assert_ne!(self.web.redeem(&http, code).await.status, 200, "{args:?}: a code lives");
        }
        for token in &handed_out {
            loop {
                let began = Instant::now();
                if !self.is_alive(&http, token).await {
                    break;
                }
                assert!(began < deadline, "{args:?}: a token is alive after {BOUND:?}");
            }
        }
        handed_out
    }
}

#[actix_web::test]
async fn i3_i10_adv_02_commands_beside_the_server_end_what_it_issues() {
    let mut installed = Installed::start();
    let web = installed.register(&["authorization_code", "refresh_token", "client_credentials"]);
    let watcher = installed.register(&["client_credentials"]);
    let alice = installed.person("alice").await;
    alice.tokens(&web, OFFLINE.1).await;
    let consents = installed.command(&["consent", "list", "--user", "alice"], "");
    let consent = consents[0]["id"].as_str().unwrap();
    let mut ended = Vec::new();
    for end in [
        ["consent", "revoke", consent],
        ["user", "disable", "alice"],
        ["client", "disable", &web.id],
        ["client", "revoke-all", &web.id],
        ["client", "delete", &web.id],
    ] {
        let alice = installed.browser_of("alice").await;
        let race = Race { installed: &installed, web: &web, watcher: &watcher, alice };
        ended.extend(race.ended_by(&end).await);
        if end[1] == "disable" {
            installed.command(&[end[0], "enable", end[2]], "");
        }
    }
    installed.restart();
    let http = installed.client();
    for token in &ended {
        assert!(!watcher.is_live(&http, token).await, "alive again after a restart");
    }
}

#[actix_web::test]
async fn i3_adv_02_a_token_that_a_command_revokes_is_dead_beside_its_live_siblings() {
    let installed = Installed::start();
    let web = installed.register(&["authorization_code", "refresh_token", "client_credentials"]);
    let alice = installed.person("alice").await;
    let race = Race { installed: &installed, web: &web, watcher: &web, alice };
    let http = installed.client();
    let (access, refresh) = race.alice.tokens(&web, OFFLINE.1).await;
    let (sibling, its_refresh) = race.alice.tokens(&web, OFFLINE.1).await;
    for token in [&access, &sibling] {
        assert!(race.is_alive(&http, token).await);
    }
    for (given, dead) in [(&access, &access), (&its_refresh, &sibling)] {
        installed.command_beside(&["token", "revoke", "--token-stdin"], given).await;
        let deadline = Instant::now() + BOUND;
        loop {
            let began = Instant::now();
            if !race.is_alive(&http, dead).await {
                break;
            }
            assert!(began < deadline, "alive after {BOUND:?}");
        }
    }
    assert_eq!(web.refresh(&http, &refresh).await.status, 200, "only the access token was revoked");
    web.refresh(&http, &its_refresh).await.is_error(400, "invalid_grant");
}
