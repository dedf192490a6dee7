//! The server stops and starts again between attempts: what happened once has happened.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::beside::Installed;
use super::{OFFLINE, RACERS, successes};

const GRANTS: [&str; 3] = ["authorization_code", "refresh_token", "device_code"];

#[actix_web::test]
async fn i10_adv_34_codes_and_refresh_tokens_know_after_a_restart_what_happened_before() {
    const HALF: usize = RACERS / 2;
    let mut installed = Installed::start();
    let web = installed.register(&GRANTS);
    let alice = installed.person("alice").await;
    let device = web.device(&alice, &[OFFLINE]).await;
    alice.decide(&device, "approve").await;
    let (_, first) = alice.tokens(&web, OFFLINE.1).await;
    let (access, given_back) = alice.tokens(&web, OFFLINE.1).await;
    let code = web.code(&alice, &[OFFLINE]).await;

    let (mut by_code, mut by_device, mut by_refresh) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..2 {
        let http = installed.client();
        by_code.extend(join_all((0..HALF).map(|_| web.redeem(&http, &code))).await);
        by_device.extend(join_all((0..HALF).map(|_| web.poll(&http, &device))).await);
        by_refresh.extend(join_all((0..HALF).map(|_| web.refresh(&http, &first))).await);
        if round == 0 {
            web.revoke(&http, &given_back).await;
            installed.restart();
        }
    }
    assert_eq!(successes(&by_code), 1);
    assert_eq!(successes(&by_device), 1);
    assert_eq!(successes(&by_refresh), RACERS);
    let children: BTreeSet<_> = by_refresh.iter().map(|reply| reply.member("refresh_token")).collect();
    assert_eq!(children.len(), 1, "one rotation: the same refresh token before and after");

    let http = installed.client();
    // A code that comes back after ten seconds is no blind repeat any more, and this machine may be slow.
    for reply in &by_refresh {
        assert!(web.is_live(&http, &reply.member("access_token")).await, "what was handed out is good");
    }
    assert!(!web.is_live(&http, &access).await, "what was given back stays dead");
    web.refresh(&http, &given_back).await.is_error(400, "invalid_grant");
    assert_eq!(web.refresh(&http, children.first().unwrap()).await.status, 200);
}
