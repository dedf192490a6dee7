//! What is over goes, what is needed stays, and a database that is used for ever stays of one size.

use authgate_core::audit;
use authgate_core::cleaning::Walk;
use authgate_core::context::Clock as _;
use authgate_core::session;

use crate::world::{ACCESS, IDLE, REFRESH_MAX, START, World};

/// Seconds for which events are kept.
const RETENTION: i64 = 90 * 86_400;

const ROWS: [&str; 8] = [
    "interactions",
    "authorization_codes",
    "device_codes",
    "tokens",
    "families",
    "sessions",
    "client_secrets",
    "consents",
];

/// One walk through everything, in as many steps as it takes.
fn clean(world: &World) -> usize {
    let mut walk = Walk::default();
    loop {
        let mut next = walk.clone();
        let more = world
            .write(|tx, env| {
                let more = next.step(tx, env.now())?;
                Ok(more)
            })
            .unwrap();
        walk = next;
        if !more {
            return walk.removed();
        }
    }
}

fn count(world: &World, table: &str) -> i64 {
    world.number(&format!("SELECT COUNT(*) FROM {table}"))
}

#[test]
fn nothing_that_is_alive_goes() {
    let world = World::new();
    let app = world.web_app();
    let (_, tokens) = world.tokens(&app, &[]);
    let asked = world.device(&app, Some("openid"), &[]).unwrap();
    let before = world.dump(&ROWS);
    assert_eq!(clean(&world), 0);
    assert_eq!(world.dump(&ROWS), before);
    assert!(world.live(&tokens).is_some());
    world.poll(&app, &{ world.approve_device(&app, &asked).code }).unwrap();
}

#[test]
fn a_used_code_stays_as_long_as_what_it_produced() {
    let world = World::new();
    let app = world.web_app();
    let (approval, tokens) = world.tokens(&app, &[]);
    world.clock.advance(ACCESS + 1);
    clean(&world);
    assert_eq!((count(&world, "tokens"), count(&world, "authorization_codes")), (0, 1));
    // Its replay still ends the grant.
    world.redeem(&approval).unwrap_err();
    world.refresh(&app, tokens.refresh()).unwrap_err();
}

#[test]
fn d31_an_expired_session_stays_while_a_grant_ends_with_it() {
    let world = World::new();
    let app = world.web_app();
    let (_, tokens) = world.tokens(&app, &[]);
    world.clock.advance(2 * 86_400);
    clean(&world);
    assert_eq!(count(&world, "sessions"), 1);
    let tokens = world.refresh(&app, tokens.refresh()).unwrap();
    assert!(world.live(&tokens).is_some());
    // Once the grant is over, both go.
    world.clock.advance(IDLE + 1);
    clean(&world);
    clean(&world);
    assert_eq!((count(&world, "families"), count(&world, "sessions")), (0, 0));
}

#[test]
fn an_idle_family_stays_while_an_access_token_of_it_lives() {
    let world = World::new();
    let app = world.web_app();
    let (_, tokens) = world.tokens(&app, &[]);
    world.sql(&format!("UPDATE families SET idle_until = {}", START + 10));
    world.clock.advance(60);
    clean(&world);
    assert!(world.live(&tokens).is_some());
    world.clock.advance(ACCESS);
    clean(&world);
    assert_eq!(count(&world, "families"), 0);
}

#[test]
fn a_step_is_small_and_a_walk_ends() {
    let world = World::new();
    let app = world.web_app();
    let (approval, _) = world.tokens(&app, &[]);
    let insert = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) \
         INSERT INTO sessions SELECT 'f' || i, 'h' || i, user_id, user_epoch, auth_time, amr, acr, csrf_secret, \
         remember, browser, address, 'ended', created_at, last_seen_at, idle_until, expires_at \
         FROM sessions, n WHERE id = '{}'",
        approval.session.id
    );
    world.sql(&insert);
    let mut walk = Walk::default();
    let mut most = 0;
    let mut before = 0;
    while world.write(|tx, env| walk.step(tx, env.now())).unwrap() {
        most = most.max(walk.removed() - before);
        before = walk.removed();
    }
    assert_eq!((walk.removed(), most), (1200, 500));
    assert_eq!(count(&world, "sessions"), 1);
}

#[test]
fn a_database_in_use_stays_of_one_size() {
    let world = World::new();
    let app = world.web_app();
    let (mut events, mut pages) = (Vec::new(), Vec::new());
    let mut week = || {
        for _ in 0..5 {
            let (approval, tokens) = world.tokens(&app, &[("scope", "openid offline_access")]);
            world.clock.advance(ACCESS + 1);
            world.refresh(&app, tokens.refresh()).unwrap();
            world.write(|tx, env| session::end(tx, env, &approval.user, &approval.session.id)).unwrap();
            let asked = world.device(&app, Some("openid"), &[]).unwrap();
            world.poll(&app, &world.approve_device(&app, &asked).code).unwrap();
            world.device(&app, Some("openid"), &[]).unwrap();
            world.clock.advance(86_400);
        }
        clean(&world);
        let before = world.clock.now_ms() / 1000 - RETENTION;
        while world.write(|tx, env| audit::remove_old(tx, before, env.now())).unwrap() > 0 {}
        events.push(count(&world, "audit_logs"));
        pages.push(world.number("SELECT page_count FROM pragma_page_count()"));
        ROWS.map(|table| count(&world, table))
    };
    let settled = REFRESH_MAX / (5 * 86_400) + 2;
    let mut sizes = Vec::new();
    for _ in 0..settled * 2 {
        sizes.push(week());
    }
    let half = usize::try_from(settled).unwrap();
    // Consents stay until people take them back, so they grow with the people, one or two each.
    let steady = |at: usize| sizes[at][..7].to_vec();
    assert_eq!(steady(half), steady(2 * half - 1), "{sizes:?}");
    assert!(sizes[half][3] < 15 && sizes[half][1] <= 100, "{sizes:?}");
    assert_eq!(events[half], events[2 * half - 1], "{events:?}");
    assert!(pages[2 * half - 1] <= pages[half] * 5 / 4, "only people and consents grow: {pages:?}");
    let (_, verdict) = world.read(|tx, _| audit::verify(tx, &[])).unwrap();
    assert!(verdict.problems.is_empty(), "{:?}", verdict.problems);
}
