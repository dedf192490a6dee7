//! Sixty-four at once, over HTTP: what may happen once happens once, and what was ended stays so. Also with a restart in
//! between, and with a command beside the server.

mod beside;
mod commands;
mod once;
mod restart;
mod revocation;

use std::sync::mpsc;

use authgate_core::error::Result;
use futures_util::future::{join, join_all};

use crate::util::{Reply, TestApp};

const RACERS: usize = 64;
const OFFLINE: (&str, &str) = ("scope", "openid read offline_access");

fn successes(replies: &[Reply]) -> usize {
    replies.iter().filter(|reply| reply.status == 200).count()
}

#[actix_web::test]
async fn a_held_commit_releases_a_hundred_requests_in_at_most_two_more() {
    const REQUESTS: usize = 100;
    let (app, anon) = TestApp::init().start();
    let machine = app.machine("read", &[]).await;
    let (release, held) = mpsc::channel::<()>();
    let (taken, is_taken) = tokio::sync::oneshot::channel();
    let issuer = app.app.issuer.clone();
    let holder = actix_web::rt::spawn(async move {
        let job = move |_: &mut authgate_core::db::Tx<'_>| -> Result<()> {
            taken.send(()).unwrap();
            let _ = held.recv();
            Ok(())
        };
        issuer.write(job).await
    });
    is_taken.await.unwrap();
    let before = app.app.issuer.commits();
    let asked =
        join_all((0..REQUESTS).map(|_| machine.token(&anon, &[("grant_type", "client_credentials")])));
    let all_wait = async {
        while waiting(&app) < REQUESTS {
            actix_web::rt::task::yield_now().await;
        }
        drop(release);
    };
    let (replies, ()) = join(asked, all_wait).await;
    assert_eq!(successes(&replies), REQUESTS);
    holder.await.unwrap().unwrap();
    assert!(app.app.issuer.commits() - before <= 3, "the held one, and at most two more");
}

/// Messages that the issuer has not answered, besides the one it holds.
fn waiting(app: &TestApp) -> usize {
    app.app.health.actors().iter().find(|actor| actor.name == "issuer").map_or(0, |actor| actor.queue - 1)
}
