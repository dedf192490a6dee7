//! The steps of the refresh grant, by their numbers.

use authgate_core::error::Code;
use authgate_core::recovery::Recovery;

use crate::flow::{GROUNDS, WITHDRAWALS, sign_out};
use crate::world::{ACCESS, App, IDLE, REFRESH_MAX, START, WINDOW, World, refusal};

const ROWS: [&str; 2] = ["families", "tokens"];

fn fixed(world: &mut World) -> App {
    world.policy.rotation = false;
    world.web_app()
}

#[test]
fn step_1_d03_the_client_authenticates_before_anything_else_is_looked_at() {
    let world = World::new();
    let (web, native) = (world.web_app(), world.native_app());
    let (_, of_web) = world.tokens(&web, &[]);
    let (_, of_native) = world.tokens(&native, &[]);
    let before = world.dump(&ROWS);
    let nameless = App { secret: None, ..web.clone() };
    let wrong = App { secret: Some(authgate_core::secret::Secret::new("ago_wrong")), ..web.clone() };
    let boastful = App { secret: web.secret.clone(), ..native.clone() };
    for (app, token) in [(&nameless, &of_web), (&wrong, &of_web), (&boastful, &of_native)] {
        assert_eq!(refusal(world.refresh(app, token.refresh())), Code::InvalidClient);
        assert_eq!(refusal(world.refresh(app, "garbage")), Code::InvalidClient);
    }
    assert_eq!(world.dump(&ROWS), before);
    world.refresh(&web, of_web.refresh()).unwrap();
    world.refresh(&native, of_native.refresh()).unwrap();
}

#[test]
fn step_1_d03_a_secretless_client_may_refresh_and_then_rotates() {
    let mut world = World::new();
    let web = fixed(&mut world);
    let (_, tokens) = world.tokens(&web, &[]);
    world.sql(&format!("UPDATE clients SET secretless = 1 WHERE id = '{}'", web.client.id));
    let secretless = App { secret: None, ..web };
    let next = world.refresh(&secretless, tokens.refresh()).unwrap();
    assert_ne!(next.refresh(), tokens.refresh());
}

#[test]
fn step_2_another_clients_token_is_invalid_grant_and_leaves_a_warning() {
    let world = World::new();
    let (_, tokens) = world.tokens(&world.web_app(), &[]);
    let before = world.dump(&ROWS);
    assert_eq!(refusal(world.refresh(&world.web_app(), tokens.refresh())), Code::InvalidGrant);
    assert_eq!(world.dump(&ROWS), before);
    let warnings =
        "SELECT COUNT(*) FROM audit_logs WHERE event_type = 'SUSPICIOUS_ACTIVITY' AND severity = 'WARNING'";
    assert_eq!(world.number(warnings), 1);
}

#[test]
fn step_3_d08_scope_only_narrows_and_the_grant_keeps_its_own() {
    let world = World::new();
    let app = world.web_app();
    let (_, tokens) = world.tokens(&app, &[("scope", "openid read write")]);
    let before = world.dump(&ROWS);
    for wider in ["read email", "unknown", "READ"] {
        let refused = world.refresh_with(&app, tokens.refresh(), &[("scope", wider)]);
        assert_eq!(refusal(refused), Code::InvalidScope, "{wider}");
    }
    assert_eq!(world.dump(&ROWS), before);
    let narrowed = world.refresh_with(&app, tokens.refresh(), &[("scope", "read")]).unwrap();
    assert_eq!(narrowed.json["scope"], "read");
    assert_eq!(narrowed.claim("scope"), "read");
    assert_eq!(world.live(&narrowed).unwrap().scope.to_string(), "read");
    let whole = world.refresh(&app, narrowed.refresh()).unwrap();
    assert_eq!(whole.json["scope"], "openid read write");
}

#[test]
fn step_3_resources_only_narrow_and_keep_the_spelling_of_the_grant() {
    let world = World::new();
    let app = world.web_app();
    let both = [("resource", "https://api.example/a"), ("resource", "https://API.example/b/")];
    let (_, tokens) = world.tokens(&app, &both);
    let before = world.dump(&ROWS);
    let wider = world.refresh_with(&app, tokens.refresh(), &[("resource", "https://api.example/c")]);
    assert_eq!(refusal(wider), Code::InvalidTarget);
    assert_eq!(world.dump(&ROWS), before);
    let one = world.refresh_with(&app, tokens.refresh(), &[("resource", "https://api.example/b")]).unwrap();
    assert_eq!(one.claim("aud"), "https://API.example/b/");
    let all = world.refresh(&app, one.refresh()).unwrap();
    assert_eq!(all.claim("aud"), serde_json::json!(["https://api.example/a", "https://API.example/b/"]));
}

#[test]
fn step_3_without_granted_resources_none_can_be_named() {
    let world = World::new();
    let app = world.web_app();
    let (_, tokens) = world.tokens(&app, &[]);
    let named = world.refresh_with(&app, tokens.refresh(), &[("resource", "https://api.example")]);
    assert_eq!(refusal(named), Code::InvalidTarget);
}

#[test]
fn step_3_d07_scopes_taken_from_the_registration_are_gone() {
    let world = World::new();
    let app = world.web_app();
    let (_, tokens) = world.tokens(&app, &[("scope", "read write")]);
    world.sql("UPDATE clients SET scopes = 'read'");
    let next = world.refresh(&app, tokens.refresh()).unwrap();
    assert_eq!(next.json["scope"], "read");
    let gone = world.refresh_with(&app, next.refresh(), &[("scope", "write")]);
    assert_eq!(refusal(gone), Code::InvalidScope);
}

#[test]
fn step_4_adv_02_each_ground_alone_ends_it() {
    for (name, withdraw) in WITHDRAWALS {
        let world = World::new();
        let (approval, tokens) = world.tokens(&world.web_app(), &[("scope", "read offline_access")]);
        withdraw(&world, &approval);
        let before = world.dump(&ROWS);
        assert_eq!(refusal(world.refresh(&approval.app, tokens.refresh())), Code::InvalidGrant, "{name}");
        assert_eq!(world.dump(&ROWS), before, "{name}");
    }
}

#[test]
fn step_4_each_column_alone_ends_it() {
    for change in GROUNDS {
        let world = World::new();
        let (approval, tokens) = world.tokens(&world.web_app(), &[]);
        world.sql(&format!("UPDATE {change}"));
        assert_eq!(refusal(world.refresh(&approval.app, tokens.refresh())), Code::InvalidGrant, "{change}");
    }
}

#[test]
fn step_4_d31_logout_ends_a_grant_unless_it_is_offline() {
    let world = World::new();
    let app = world.web_app();
    let (online, of_online) = world.tokens(&app, &[("scope", "read")]);
    let (offline, of_offline) = world.tokens(&app, &[("scope", "read offline_access")]);
    sign_out(&world, &online);
    sign_out(&world, &offline);
    assert_eq!(refusal(world.refresh(&app, of_online.refresh())), Code::InvalidGrant);
    world.refresh(&app, of_offline.refresh()).unwrap();
}

#[test]
fn step_4_a_disabled_family_waits_and_can_come_back() {
    let world = World::new();
    let app = world.web_app();
    let (_, tokens) = world.tokens(&app, &[]);
    world.sql("UPDATE families SET state = 'disabled'");
    let before = world.dump(&ROWS);
    assert_eq!(refusal(world.refresh(&app, tokens.refresh())), Code::InvalidGrant);
    assert_eq!(world.dump(&ROWS), before);
    world.sql("UPDATE families SET state = 'active'");
    world.refresh(&app, tokens.refresh()).unwrap();
}

#[test]
fn step_5_the_idle_end_slides_and_the_absolute_end_stands() {
    let world = World::new();
    let app = world.web_app();
    let (_, mut tokens) = world.tokens(&app, &[]);
    let ends = |column: &str| world.number(&format!("SELECT {column} FROM families"));
    assert_eq!((ends("idle_until"), ends("expires_at")), (START + IDLE, START + REFRESH_MAX));
    for expected in [2 * IDLE - 1, 3 * IDLE - 2, REFRESH_MAX] {
        world.clock.advance(IDLE - 1);
        tokens = world.refresh(&app, tokens.refresh()).unwrap();
        assert_eq!((ends("idle_until"), ends("expires_at")), (START + expected, START + REFRESH_MAX));
    }
    world.clock.advance(START + REFRESH_MAX - world.now());
    assert_eq!(refusal(world.refresh(&app, tokens.refresh())), Code::InvalidGrant);
}

#[test]
fn step_5_a_grant_left_idle_ends_on_the_second() {
    let world = World::new();
    let app = world.web_app();
    let (_, first) = world.tokens(&app, &[]);
    let (_, second) = world.tokens(&app, &[]);
    world.clock.advance(IDLE - 1);
    world.refresh(&app, first.refresh()).unwrap();
    world.clock.advance(1);
    assert_eq!(refusal(world.refresh(&app, second.refresh())), Code::InvalidGrant);
}

#[test]
fn step_6_d05_a_fixed_token_stays_and_only_the_idle_end_moves() {
    let mut world = World::new();
    let app = fixed(&mut world);
    let (_, tokens) = world.tokens(&app, &[]);
    for round in 1..4 {
        world.clock.advance(WINDOW * 10);
        let next = world.refresh(&app, tokens.refresh()).unwrap();
        assert_eq!(next.refresh(), tokens.refresh());
        let moved = START + round * WINDOW * 10;
        assert_eq!(world.number("SELECT idle_until FROM families"), moved + IDLE);
        assert_eq!(world.number("SELECT last_used_at FROM families"), moved);
        assert_eq!(world.number("SELECT generation FROM families"), 1);
        assert_eq!(world.number("SELECT rotated_at FROM families"), START);
    }
}

#[test]
fn step_6_d05_public_clients_rotate_all_the_same() {
    let mut world = World::new();
    world.policy.rotation = false;
    let app = world.native_app();
    let (_, tokens) = world.tokens(&app, &[]);
    let next = world.refresh(&app, tokens.refresh()).unwrap();
    assert_ne!(next.refresh(), tokens.refresh());
    world.policy.compat.fixed_public_refresh = true;
    assert_eq!(world.refresh(&app, next.refresh()).unwrap().refresh(), next.refresh());
}

#[test]
fn step_7_the_parent_answers_until_the_window_ends() {
    for (after, answered) in [(0, true), (WINDOW, true), (WINDOW + 1, false)] {
        let world = World::new();
        let app = world.web_app();
        let (_, tokens) = world.tokens(&app, &[]);
        let child = world.refresh(&app, tokens.refresh()).unwrap();
        world.clock.advance(after);
        match world.refresh(&app, tokens.refresh()) {
            Ok(again) => assert!(answered && again.refresh() == child.refresh(), "{after}"),
            Err(error) => assert!(!answered && error.code() == Some(Code::InvalidGrant), "{after}"),
        }
    }
}

#[test]
fn step_7_a_hundred_retries_and_no_more() {
    let world = World::new();
    let app = world.web_app();
    let (_, tokens) = world.tokens(&app, &[]);
    let child = world.refresh(&app, tokens.refresh()).unwrap();
    for _ in 0..100 {
        assert_eq!(world.refresh(&app, tokens.refresh()).unwrap().refresh(), child.refresh());
    }
    let before = world.dump(&ROWS);
    assert_eq!(refusal(world.refresh(&app, tokens.refresh())), Code::RateLimitExceeded);
    assert_eq!(world.dump(&ROWS), before);
    let next = world.refresh(&app, child.refresh()).unwrap();
    assert_eq!(world.refresh(&app, child.refresh()).unwrap().refresh(), next.refresh());
}

#[test]
fn step_7_without_a_window_every_repeat_is_reuse() {
    let mut world = World::new();
    world.policy.retry_window = 0;
    let app = world.web_app();
    let (_, tokens) = world.tokens(&app, &[]);
    let child = world.refresh(&app, tokens.refresh()).unwrap();
    assert_eq!(refusal(world.refresh(&app, tokens.refresh())), Code::InvalidGrant);
    assert_eq!(refusal(world.refresh(&app, child.refresh())), Code::InvalidGrant);
}

#[test]
fn step_8_every_answer_has_an_access_token_of_its_own_and_an_id_token_if_openid() {
    let world = World::new();
    let app = world.web_app();
    let (approval, tokens) = world.tokens(&app, &[("nonce", "n-1")]);
    world.clock.advance(7);
    let first = world.refresh(&app, tokens.refresh()).unwrap();
    let second = world.refresh_with(&app, tokens.refresh(), &[("scope", "read")]).unwrap();
    assert_ne!(first.claim("jti"), second.claim("jti"));
    assert!(world.live(&first).is_some() && world.live(&second).is_some() && world.live(&tokens).is_some());
    assert_eq!(second.json.get("id_token"), None);
    let id_token = first.id_token();
    // OpenID Connect Core 12.2: the same sub, aud and auth_time as before, and no nonce.
    assert_eq!(id_token["sub"], approval.user.id.as_str());
    assert_eq!(id_token["aud"], app.client.id.as_str());
    assert_eq!((&id_token["auth_time"], &id_token["iat"]), (&START.into(), &(START + 7).into()));
    assert_eq!(id_token.get("nonce"), None);
    assert_eq!(first.json["expires_in"], ACCESS);
}

#[test]
fn step_8_no_access_token_outlives_its_grant() {
    let world = World::new();
    let app = world.web_app();
    let (_, mut tokens) = world.tokens(&app, &[]);
    while world.now() + ACCESS <= START + REFRESH_MAX {
        world.clock.advance((START + REFRESH_MAX - world.now() - 10).min(IDLE - 1));
        tokens = world.refresh(&app, tokens.refresh()).unwrap();
    }
    assert_eq!(tokens.claim("exp"), START + REFRESH_MAX);
    assert_eq!(tokens.json["expires_in"], 10);
}

#[test]
fn step_10_a_token_from_after_the_backup_ends_the_family() {
    let mut world = World::new();
    let app = world.web_app();
    let (_, tokens) = world.tokens(&app, &[]);
    let backup = world.backup();
    let lost = world.refresh(&app, tokens.refresh()).unwrap();
    world.restore(&backup);
    assert_eq!(refusal(world.refresh(&app, lost.refresh())), Code::InvalidGrant);
    assert_eq!(refusal(world.refresh(&app, tokens.refresh())), Code::InvalidGrant);
    assert!(world.live(&tokens).is_none());
    assert_eq!(world.number("SELECT COUNT(*) FROM families WHERE state = 'revoked' AND why = 'rollback'"), 1);
    assert_eq!(world.number("SELECT COUNT(*) FROM audit_logs WHERE severity = 'CRITICAL'"), 1);
}

#[test]
fn step_12_an_answer_whose_commit_was_lost_can_be_had_again() {
    let world = World::new();
    let app = world.web_app();
    let (_, tokens) = world.tokens(&app, &[]);
    let request =
        app.request(&[("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())]).unwrap();
    world.write_and_die(|tx, env| authgate_core::grants::exchange(tx, env, &request));
    assert_eq!(world.number("SELECT generation FROM families"), 1);
    world.refresh(&app, tokens.refresh()).unwrap();
}

#[test]
fn step_13_after_an_unclean_stop_the_window_does_not_count_the_time_away() {
    let mut world = World::new();
    let app = world.web_app();
    let (_, tokens) = world.tokens(&app, &[]);
    let child = world.refresh(&app, tokens.refresh()).unwrap();
    world.clock.advance(WINDOW * 20);
    let start = world.now();
    world.recovery = Some(Recovery { last_seen: START + 3, until: start + WINDOW });
    world.clock.advance(WINDOW);
    assert_eq!(world.refresh(&app, tokens.refresh()).unwrap().refresh(), child.refresh());
    world.clock.advance(1);
    assert_eq!(refusal(world.refresh(&app, tokens.refresh())), Code::InvalidGrant);
}

#[test]
fn adv_07_a_refresh_token_is_worth_nothing_where_the_grant_is_off() {
    let mut world = World::new();
    let app = world.web_app();
    let (_, tokens) = world.tokens(&app, &[]);
    world.policy.refresh_enabled = false;
    assert_eq!(refusal(world.refresh(&app, tokens.refresh())), Code::UnsupportedGrantType);
    let (_, none) = world.tokens(&app, &[]);
    assert_eq!(none.json.get("refresh_token"), None);
    world.policy.refresh_enabled = true;
    world.sql("UPDATE clients SET grants = '[\"authorization_code\"]'");
    assert_eq!(refusal(world.refresh(&app, tokens.refresh())), Code::UnauthorizedClient);
    let (_, none) = world.tokens(&app, &[]);
    assert_eq!(none.json.get("refresh_token"), None);
}
