//! Sessions, by the numbers of their statements.

use authgate_core::session::{self, Browser, Lives, Session};
use authgate_core::user::{self, User, UserStatus};

use crate::world::{LIVES, START, World};

/// Signs somebody in: the session and the cookie's value.
fn sign_in(world: &World, user: &User, remember: bool, lives: Lives) -> (Session, String) {
    let at = (Browser::default(), remember, lives);
    let (session, cookie) = world.write(|tx, env| session::create(tx, env, user, at)).unwrap();
    (session, cookie.expose().to_owned())
}

fn live(world: &World, cookie: &str) -> Option<Session> {
    let found = world.read(|tx, env| session::live(tx, env.master, cookie, env.now())).unwrap();
    found.map(|(session, _)| session)
}

fn use_it(world: &World, session: &Session, lives: Lives) {
    world.write(|tx, env| session::seen(tx, session, lives, env.now())).unwrap();
}

#[test]
fn s1_the_handle_is_sealed_in_the_cookie_and_hashed_in_the_row() {
    let world = World::new();
    let (session, cookie) = sign_in(&world, &world.user("alice"), false, LIVES);
    let handle = world.master.open("session handle", "", &cookie).unwrap();
    assert_eq!(handle.len(), 32);
    let stored = world.dump(&["sessions", "audit_logs"]).join("\n");
    assert!(!stored.contains(&cookie) && !stored.contains(&authgate_core::secret::base64url(&handle)));
    assert_eq!(live(&world, &cookie).unwrap().id, session.id);
}

#[test]
fn s1_a_value_that_this_server_did_not_seal_is_nobody() {
    let world = World::new();
    let (session, cookie) = sign_in(&world, &world.user("alice"), false, LIVES);
    let (_, other) = sign_in(&World::new(), &world.user("bob"), false, LIVES);
    let cut = &cookie[..cookie.len() - 1];
    let mut touched = cookie.clone();
    touched.replace_range(20..21, if cookie[20..].starts_with('A') { "B" } else { "A" });
    let padded = format!("{cookie}=");
    for value in ["", "x", cut, &touched, &padded, &session.id, &session.handle_hash, &other] {
        assert!(live(&world, value).is_none(), "{value}");
    }
}

#[test]
fn s2_adv_08_a_new_handle_and_form_secret_at_every_login() {
    let world = World::new();
    let user = world.user("alice");
    let (before, old) = sign_in(&world, &user, false, LIVES);
    let form = before.csrf_token(&world.master, "consent x");
    world.clock.advance(100);
    let new = world.write(|tx, env| session::renew(tx, env, &before, None)).unwrap().0.expose().to_owned();
    // Whoever planted or saw the old cookie holds nothing.
    assert!(live(&world, &old).is_none());
    let after = live(&world, &new).unwrap();
    assert_eq!((&after.id, after.auth_time), (&before.id, START + 100));
    assert!(!after.has_csrf_token(&world.master, "consent x", &form));
    let (second, _) = sign_in(&world, &user, false, LIVES);
    assert_ne!((second.id, second.handle_hash), (before.id, before.handle_hash));
}

#[test]
fn s2_an_ended_session_is_not_brought_back_by_a_login() {
    let world = World::new();
    let user = world.user("alice");
    let (session, _) = sign_in(&world, &user, false, LIVES);
    assert!(world.write(|tx, env| session::end(tx, env, &user, &session.id)).unwrap());
    let cookie = world.write(|tx, env| session::renew(tx, env, &session, None)).unwrap().0;
    assert!(live(&world, cookie.expose()).is_none());
}

#[test]
fn s3_the_idle_end_slides_with_use_up_to_the_absolute_end() {
    let world = World::new();
    let (session, cookie) = sign_in(&world, &world.user("alice"), false, LIVES);
    world.clock.advance(LIVES.idle - 1);
    use_it(&world, &live(&world, &cookie).unwrap(), LIVES);
    world.clock.advance(LIVES.idle - 1);
    use_it(&world, &live(&world, &cookie).unwrap(), LIVES);
    assert_eq!(session.expires_at, START + LIVES.max_age);
    world.clock.advance(START + LIVES.max_age - world.now() - 1);
    assert!(live(&world, &cookie).is_some());
    world.clock.advance(1);
    assert!(live(&world, &cookie).is_none());
}

#[test]
fn s3_an_unused_session_ends_on_the_second() {
    let world = World::new();
    let (_, cookie) = sign_in(&world, &world.user("alice"), false, LIVES);
    world.clock.advance(LIVES.idle - 1);
    assert!(live(&world, &cookie).is_some());
    world.clock.advance(1);
    assert!(live(&world, &cookie).is_none());
}

#[test]
fn s3_without_an_idle_time_only_the_absolute_end_counts() {
    let world = World::new();
    let (_, cookie) = sign_in(&world, &world.user("alice"), false, Lives { idle: 0, ..LIVES });
    world.clock.advance(LIVES.max_age - 1);
    assert!(live(&world, &cookie).is_some());
    world.clock.advance(1);
    assert!(live(&world, &cookie).is_none());
}

#[test]
fn s3_a_remembered_session_slides_to_30_days_ends_after_90_and_keeps_its_login() {
    let world = World::new();
    let (_, cookie) = sign_in(&world, &world.user("alice"), true, LIVES);
    for day in [29, 58, 87] {
        world.clock.advance(29 * 86_400);
        let session = live(&world, &cookie).unwrap();
        assert_eq!(session.auth_time, START);
        use_it(&world, &session, LIVES);
        let ends = world.number("SELECT idle_until FROM sessions");
        assert_eq!(ends, START + (day + 30).min(90) * 86_400);
    }
    world.clock.advance(3 * 86_400 - 1);
    assert!(live(&world, &cookie).is_some());
    world.clock.advance(1);
    assert!(live(&world, &cookie).is_none());
    let (_, idle) = sign_in(&world, &world.user("bob"), true, LIVES);
    world.clock.advance(30 * 86_400);
    assert!(live(&world, &idle).is_none());
}

#[test]
fn s3_a_login_again_is_a_use_of_the_session() {
    let world = World::new();
    let (session, cookie) = sign_in(&world, &world.user("alice"), false, LIVES);
    world.clock.advance(LIVES.idle - 1);
    let cookie_again = world.write(|tx, env| session::renew(tx, env, &session, None)).unwrap().0;
    assert!(live(&world, &cookie).is_none());
    let renewed = live(&world, cookie_again.expose()).unwrap();
    assert!(session::is_due(&renewed, world.now()));
    use_it(&world, &renewed, LIVES);
    world.clock.advance(LIVES.idle - 1);
    assert!(live(&world, cookie_again.expose()).is_some());
}

#[test]
fn s3_last_seen_is_written_once_a_minute() {
    let world = World::new();
    let (session, _) = sign_in(&world, &world.user("alice"), false, LIVES);
    assert!(!session::is_due(&session, START + 59));
    assert!(session::is_due(&session, START + 60));
}

#[test]
fn s4_disable_and_reset_end_every_session_for_good() {
    let ends: [fn(&World, &User); 2] = [
        |world, user| {
            for status in [UserStatus::Disabled, UserStatus::Active] {
                world.write(|tx, env| user::set_status(tx, user, status, env.origin, env.ctx)).unwrap();
            }
        },
        |world, user| {
            world.write(|tx, env| user::reset_password(tx, user, "x", env.origin, env.ctx)).unwrap();
        },
    ];
    for end in ends {
        let world = World::new();
        let user = world.user("alice");
        let cookies = [sign_in(&world, &user, false, LIVES).1, sign_in(&world, &user, true, LIVES).1];
        end(&world, &user);
        assert!(cookies.iter().all(|cookie| live(&world, cookie).is_none()));
        let user = world.read(|tx, _| user::by_id(tx, &user.id)).unwrap().unwrap();
        assert!(world.read(|tx, env| session::of_user(tx, &user, env.now())).unwrap().is_empty());
        assert!(live(&world, &sign_in(&world, &user, false, LIVES).1).is_some());
    }
}

#[test]
fn s4_adv_26_logout_ends_one_session_of_ones_own() {
    let world = World::new();
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    let (one, other) = (sign_in(&world, &alice, false, LIVES), sign_in(&world, &alice, false, LIVES));
    assert!(!world.write(|tx, env| session::end(tx, env, &bob, &one.0.id)).unwrap());
    assert!(live(&world, &one.1).is_some());
    assert!(world.write(|tx, env| session::end(tx, env, &alice, &one.0.id)).unwrap());
    assert!(!world.write(|tx, env| session::end(tx, env, &alice, &one.0.id)).unwrap());
    assert!(live(&world, &one.1).is_none() && live(&world, &other.1).is_some());
    let left = world.read(|tx, env| session::of_user(tx, &alice, env.now())).unwrap();
    assert_eq!(left.iter().map(|session| &session.id).collect::<Vec<_>>(), [&other.0.id]);
}

#[test]
fn s5_a_form_token_is_for_one_session_and_one_purpose() {
    let world = World::new();
    let user = world.user("alice");
    let (one, other) = (sign_in(&world, &user, false, LIVES).0, sign_in(&world, &user, false, LIVES).0);
    let token = one.csrf_token(&world.master, "consent 1");
    assert!(one.has_csrf_token(&world.master, "consent 1", &token));
    for wrong in ["", "x", &token[1..], &format!("{token} "), &token.to_uppercase()] {
        assert!(!one.has_csrf_token(&world.master, "consent 1", wrong));
    }
    assert!(!one.has_csrf_token(&world.master, "consent 2", &token));
    assert!(!other.has_csrf_token(&world.master, "consent 1", &token));
}

#[test]
fn adv_39_the_form_secret_does_not_show_in_debug() {
    let world = World::new();
    let (session, _) = sign_in(&world, &world.user("alice"), false, LIVES);
    assert!(!format!("{session:?}").contains(session.csrf_secret.expose()));
}
