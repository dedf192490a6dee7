//! Interactions: single use, ten minutes, bound to a browser, a session and what its page showed.

use authgate_core::interaction::{self, AuthorizationRequest, Interaction};
use authgate_core::session::Session;

use crate::flow::Changes;
use crate::world::World;

const BROWSER: &str = "a cookie of 43 characters, as far as we know";

fn store(world: &World, changes: Changes<'_>) -> Interaction {
    let request: AuthorizationRequest = world.asked(&world.web_app(), changes);
    world.write(|tx, env| interaction::store(tx, env, request, BROWSER, None)).unwrap()
}

fn open(world: &World, id: &str, browser: &str) -> Option<Interaction> {
    world.read(|tx, env| interaction::open(tx, id, browser, env.now())).unwrap()
}

fn show(world: &World, interaction: &Interaction, session: &Session) {
    world.write(|tx, _| interaction::show(tx, &interaction.id, session, "digest")).unwrap();
}

fn take(world: &World, interaction: &Interaction, session: &Session) -> bool {
    world.write(|tx, env| interaction::take(tx, interaction, session, env.now())).unwrap()
}

#[test]
fn what_is_stored_is_what_was_asked() {
    let world = World::new();
    let sent = [
        ("state", "s\u{e9}"),
        ("nonce", "n"),
        ("prompt", "consent"),
        ("max_age", "60"),
        ("resource", "https://API.example/"),
    ];
    let stored = store(&world, &sent);
    let found = open(&world, &stored.id, BROWSER).unwrap();
    assert_eq!(format!("{:?}", found.request), format!("{:?}", stored.request));
    assert_eq!(found.request.0.resources.iter().next().unwrap().as_str(), "https://API.example/");
}

#[test]
fn adv_08_only_the_browser_that_sent_it_goes_on_with_it() {
    let world = World::new();
    let stored = store(&world, &[]);
    assert!(open(&world, &stored.id, BROWSER).is_some());
    for (id, browser) in
        [(stored.id.as_str(), ""), (&stored.id, "another"), ("", BROWSER), (&stored.browser_hash, BROWSER)]
    {
        assert!(open(&world, id, browser).is_none(), "{id} {browser}");
    }
    assert!(!world.dump(&["interactions"]).join("\n").contains(BROWSER));
}

#[test]
fn a_request_must_be_decided_within_ten_minutes() {
    let world = World::new();
    let session = world.session(&world.user("alice"));
    let stored = store(&world, &[]);
    show(&world, &stored, &session);
    world.clock.advance(599);
    assert!(open(&world, &stored.id, BROWSER).is_some());
    world.clock.advance(1);
    assert!(open(&world, &stored.id, BROWSER).is_none());
    assert!(!take(&world, &stored, &session));
}

#[test]
fn adv_04_a_decision_is_made_once() {
    let world = World::new();
    let session = world.session(&world.user("alice"));
    let stored = store(&world, &[]);
    show(&world, &stored, &session);
    assert!(take(&world, &stored, &session));
    assert!(!take(&world, &stored, &session));
    assert!(open(&world, &stored.id, BROWSER).is_none());
    show(&world, &stored, &session);
    assert!(!take(&world, &stored, &session));
}

#[test]
fn adv_33_only_the_session_that_saw_the_page_decides() {
    let world = World::new();
    let alice = world.user("alice");
    let (one, again, bob) = (world.session(&alice), world.session(&alice), world.session(&world.user("bob")));
    let stored = store(&world, &[]);
    assert!(!take(&world, &stored, &one), "nothing was shown yet");
    show(&world, &stored, &one);
    assert!(!take(&world, &stored, &again) && !take(&world, &stored, &bob));
    show(&world, &stored, &bob);
    assert!(!take(&world, &stored, &one));
    assert_eq!(open(&world, &stored.id, BROWSER).unwrap().shown.as_deref(), Some("digest"));
    assert!(take(&world, &stored, &bob));
}

/// (parameter, seconds from the login to the request, whether that login is enough)
#[test]
fn d14_adv_22_a_login_is_recent_enough_or_it_does_not_count() {
    let table: [(Changes<'_>, i64, bool); 11] = [
        (&[], 86_400, true),
        (&[("prompt", "consent")], 86_400, true),
        (&[("prompt", "none")], 86_400, true),
        (&[("prompt", "login")], 1, false),
        (&[("prompt", "select_account")], 1, false),
        (&[("prompt", "login"), ("max_age", "9999")], 1, false),
        (&[("max_age", "0")], 1, false),
        (&[("max_age", "60")], 60, true),
        (&[("max_age", "60")], 61, false),
        (&[("prompt", "none"), ("max_age", "60")], 61, false),
        (&[("max_age", "4294967295")], 86_400, true),
    ];
    for (changes, seconds, enough) in table {
        let world = World::new();
        let session = world.session(&world.user("alice"));
        world.clock.advance(seconds);
        let stored = store(&world, changes);
        assert_eq!(stored.accepts(&session), enough, "{changes:?} {seconds}");
        // A login after the request is enough, and time that passes then changes nothing.
        world.clock.advance(1);
        let fresh = world.session(&world.user("bob"));
        world.clock.advance(500);
        assert!(open(&world, &stored.id, BROWSER).unwrap().accepts(&fresh), "{changes:?}");
    }
}
