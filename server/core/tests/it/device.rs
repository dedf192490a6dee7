//! The device flow: asking, typing, deciding, polling.

use authgate_core::client::{ClientSpec, Grant};
use authgate_core::error::Code;
use authgate_core::scope::Scope;
use authgate_core::secret::Secret;
use authgate_core::{code, device};

use crate::flow::{DEVICE, GROUNDS, WITHDRAWALS, sign_out};
use crate::world::{App, REFRESH_MAX, START, World, refusal, web_app};

const ROWS: [&str; 3] = ["device_codes", "families", "tokens"];

#[test]
fn rfc8628_6_1_a_user_code_is_typed_in_any_dress() {
    let world = World::new();
    let app = world.native_app();
    let asked = world.device(&app, None, &[]).unwrap();
    let code = asked.user_code.expose();
    assert_eq!((code.len(), &code[4..5]), (9, "-"));
    let bare = code.replace('-', "");
    assert!(bare.chars().all(|c| "ABCDEFGHJKMNPQRSTUVWXYZ23456789".contains(c)), "{code}");
    let spaced = format!(" {} {} ", &code[..4], &code[5..]);
    for typed in [code, &bare, &code.to_lowercase(), &spaced] {
        assert!(world.read(|tx, env| device::by_user_code(tx, env, typed)).unwrap().is_some(), "{typed:?}");
        assert_eq!(device::display(typed).as_deref(), Some(code));
    }
    let (cut, longer) = (&bare[..7], format!("{bare}A"));
    for typed in ["", "----", cut, &longer, "AAAA-AAAA", "IIII-0000", "ÄÄÄÄ-ÄÄÄÄ"] {
        assert!(world.read(|tx, env| device::by_user_code(tx, env, typed)).unwrap().is_none(), "{typed:?}");
    }
}

#[test]
fn every_letter_of_a_user_code_is_equally_likely() {
    let world = World::new();
    let app = world.native_app();
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..400 {
        let asked = world.device(&app, None, &[]).unwrap();
        for letter in asked.user_code.expose().chars().filter(|c| *c != '-') {
            *seen.entry(letter).or_insert(0) += 1;
        }
    }
    // 3,200 letters of 31: 103 each, with a standard deviation of 10.
    assert_eq!(seen.len(), 31);
    assert!(seen.values().all(|count| (60..150).contains(count)), "{seen:?}");
}

#[test]
fn d34_codes_are_stored_as_hashes_and_the_user_code_under_a_key() {
    let world = World::new();
    let asked = world.device(&world.native_app(), None, &[]).unwrap();
    let stored = world.dump(&["device_codes", "audit_logs"]).join("\n");
    let (code, device_code) = (asked.user_code.expose(), asked.device_code.expose());
    let bare = code.replace('-', "");
    let plain_hash = Secret::new(bare.as_str()).sha256();
    for secret in [code, &bare, device_code, &device_code[32..], &plain_hash] {
        assert!(!stored.contains(secret), "{secret}");
    }
    assert!(stored.contains(&format!("{}-****", &code[..4])));
    assert_eq!(device_code.len(), 64);
    assert!(device_code.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)));
}

#[test]
fn d30_scopes_outside_the_registration_are_dropped_before_anybody_is_asked() {
    let world = World::new();
    let app = world.app(ClientSpec { scopes: Scope::parse("openid email read").unwrap(), ..web_app() });
    let bare = world.app(ClientSpec { scopes: Scope::parse("read").unwrap(), ..web_app() });
    let table = [
        (&app, Some("read admin"), Ok("read")),
        (&app, Some("openid read"), Ok("openid read")),
        (&app, None, Ok("email")),
        (&bare, None, Ok("read")),
        (&app, Some("admin"), Err(Code::InvalidScope)),
        (&bare, Some("openid read"), Err(Code::InvalidScope)),
    ];
    for (app, asked, expected) in table {
        match (world.device(app, asked, &[]), expected) {
            (Ok(requested), Ok(scope)) => {
                let row = world.read(|tx, env| device::by_user_code(tx, env, requested.user_code.expose()));
                assert_eq!(row.unwrap().unwrap().scope.to_string(), scope);
            }
            (answer, expected) => assert_eq!(refusal(answer), expected.unwrap_err(), "{asked:?}"),
        }
    }
}

#[test]
fn adv_07_the_device_grant_must_be_registered() {
    let world = World::new();
    let app = world.app(ClientSpec { grants: vec![Grant::AuthorizationCode], ..web_app() });
    assert_eq!(refusal(world.device(&app, None, &[])), Code::UnauthorizedClient);
    assert_eq!(refusal(world.poll(&app, &Secret::new("0".repeat(40)))), Code::UnauthorizedClient);
}

#[test]
fn rfc8628_3_5_what_a_poll_hears() {
    let world = World::new();
    let app = world.native_app();
    let asked = world.device(&app, Some("openid read"), &[]).unwrap();
    let code = asked.device_code.expose();
    let zeroes = format!("{}{}", &code[..32], "0".repeat(32));
    for unknown in ["x", &code[..63], &format!("{code}0"), &zeroes, &"f".repeat(64), "ÄÖÜ"] {
        assert_eq!(refusal(world.poll(&app, &Secret::new(unknown))), Code::InvalidGrant, "{unknown}");
    }
    // Another client's code (D11, ADV 01).
    assert_eq!(refusal(world.poll(&world.native_app(), &asked.device_code)), Code::InvalidGrant);
    assert_eq!(refusal(world.poll(&app, &asked.device_code)), Code::AuthorizationPending);
    world.approve_device(&app, &asked);
    let tokens = world.poll(&app, &asked.device_code).unwrap();
    assert_eq!(tokens.json["scope"], "openid read");
    assert!(tokens.id_token()["sub"].is_string()); // D31
    world.refresh(&app, tokens.refresh()).unwrap();
}

#[test]
fn rfc8628_3_5_expired_after_half_an_hour_decided_or_not() {
    let world = World::new();
    let app = world.native_app();
    let (pending, approved) =
        (world.device(&app, None, &[]).unwrap(), world.device(&app, None, &[]).unwrap());
    world.approve_device(&app, &approved);
    world.clock.advance(device::LIFETIME - 1);
    assert_eq!(refusal(world.poll(&app, &pending.device_code)), Code::AuthorizationPending);
    world.clock.advance(1);
    for asked in [&pending, &approved] {
        assert_eq!(refusal(world.poll(&app, &asked.device_code)), Code::ExpiredToken);
    }
}

#[test]
fn a_decision_is_made_once() {
    let world = World::new();
    let app = world.native_app();
    let asked = world.device(&app, None, &[]).unwrap();
    let user = world.user("alice");
    let row = world.read(|tx, env| device::by_user_code(tx, env, asked.user_code.expose())).unwrap().unwrap();
    assert!(world.write(|tx, env| device::deny(tx, env, &row, &user)).unwrap());
    assert!(!world.write(|tx, env| device::deny(tx, env, &row, &user)).unwrap());
    let approval = world.tokens(&app, &[]).0;
    let by = (&approval.user, &approval.session, &approval.consent);
    assert!(!world.write(|tx, env| device::approve(tx, env, &row, by)).unwrap());
    assert_eq!(refusal(world.poll(&app, &asked.device_code)), Code::AccessDenied);
    let late = world.device(&app, None, &[]).unwrap();
    let row = world.read(|tx, env| device::by_user_code(tx, env, late.user_code.expose())).unwrap().unwrap();
    world.clock.advance(device::LIFETIME);
    assert!(!world.write(|tx, env| device::approve(tx, env, &row, by)).unwrap());
    assert!(!world.write(|tx, env| device::deny(tx, env, &row, &user)).unwrap());
}

#[test]
fn d09_d11_a_device_code_works_once_and_a_late_replay_ends_what_it_gave() {
    for (after, ended) in [(0, false), (10, false), (11, true), (device::LIFETIME + 1, true)] {
        let world = World::new();
        let app = world.native_app();
        let asked = world.device(&app, None, &["https://api.example"]).unwrap();
        world.approve_device(&app, &asked);
        let tokens = world.poll(&app, &asked.device_code).unwrap();
        assert_eq!(world.number("SELECT keep_until FROM device_codes"), START + REFRESH_MAX);
        world.clock.advance(after);
        let wrong = [
            ("grant_type", DEVICE),
            ("device_code", asked.device_code.expose()),
            ("resource", "https://b.example"),
        ];
        assert_eq!(refusal(world.post(&app, &wrong)), Code::InvalidGrant);
        assert!(world.live(&tokens).is_some(), "{after}");
        assert_eq!(refusal(world.poll(&app, &asked.device_code)), Code::InvalidGrant);
        assert_eq!(world.live(&tokens).is_none(), ended, "{after}");
    }
}

#[test]
fn d03_a_confidential_client_authenticates_and_a_secretless_one_need_not() {
    let world = World::new();
    let app = world.web_app();
    let asked = world.device(&app, None, &[]).unwrap();
    world.approve_device(&app, &asked);
    let nameless = App { secret: None, ..app };
    assert_eq!(refusal(world.poll(&nameless, &asked.device_code)), Code::InvalidClient);
    world.sql("UPDATE clients SET secretless = 1");
    world.poll(&nameless, &asked.device_code).unwrap();
}

#[test]
fn adv_02_each_ground_alone_makes_an_approval_worthless() {
    for (name, withdraw) in WITHDRAWALS {
        let world = World::new();
        let app = world.native_app();
        let asked = world.device(&app, None, &[]).unwrap();
        let approval = world.approve_device(&app, &asked);
        withdraw(&world, &approval);
        let before = world.dump(&ROWS);
        assert_eq!(refusal(world.poll(&app, &asked.device_code)), Code::InvalidGrant, "{name}");
        assert_eq!(world.dump(&ROWS), before, "{name}");
    }
}

#[test]
fn adv_02_each_column_but_the_sessions_alone_makes_an_approval_worthless() {
    for change in GROUNDS {
        let world = World::new();
        let app = world.native_app();
        let asked = world.device(&app, None, &[]).unwrap();
        world.approve_device(&app, &asked);
        world.sql(&format!("UPDATE {change}"));
        let answer = world.poll(&app, &asked.device_code);
        let expected = (!change.starts_with("sessions")).then_some(Code::InvalidGrant);
        assert_eq!(answer.err().and_then(|error| error.code()), expected, "{change}");
    }
}

#[test]
fn the_update_that_takes_a_device_code_decides_by_itself() {
    let world = World::new();
    let app = world.native_app();
    let take = |asked: &device::Requested| {
        let id = code::row_id(&asked.device_code).unwrap();
        world.write(|tx, env| device::redeem(tx, id, ("family", START), env.now())).unwrap()
    };
    let (used, pending) = (world.device(&app, None, &[]).unwrap(), world.device(&app, None, &[]).unwrap());
    world.approve_device(&app, &used);
    assert_eq!((take(&used), take(&used), take(&pending)), (true, false, false));
    world.approve_device(&app, &pending);
    world.clock.advance(device::LIFETIME);
    assert!(!take(&pending));
}

#[test]
fn the_television_stays_signed_in_when_the_phone_signs_out() {
    let world = World::new();
    let app = world.native_app();
    let asked = world.device(&app, None, &[]).unwrap();
    let approval = world.approve_device(&app, &asked);
    sign_out(&world, &approval);
    let tokens = world.poll(&app, &asked.device_code).unwrap();
    assert!(world.live(&tokens).is_some());
}

#[test]
fn rfc8707_resources_of_the_device_request_only_narrow() {
    let world = World::new();
    let app = world.native_app();
    let asked = world.device(&app, None, &["https://api.example/a", "https://api.example/b"]).unwrap();
    world.approve_device(&app, &asked);
    let poll = [("grant_type", DEVICE), ("device_code", asked.device_code.expose())];
    let with = |resource| poll.into_iter().chain([("resource", resource)]).collect::<Vec<_>>();
    assert_eq!(refusal(world.post(&app, &with("https://api.example/c"))), Code::InvalidTarget);
    assert_eq!(
        world.post(&app, &with("https://api.example/b/")).unwrap().claim("aud"),
        "https://api.example/b"
    );
}

#[test]
fn rfc8628_3_5_a_grown_interval_never_shrinks() {
    let world = World::new();
    let asked = world.device(&world.native_app(), None, &[]).unwrap();
    let id = code::row_id(&asked.device_code).unwrap();
    for (sent, stored) in [(10, 10), (15, 15), (10, 15)] {
        world.write(|tx, _| device::slow_down(tx, id, sent)).unwrap();
        assert_eq!(world.number("SELECT interval FROM device_codes"), stored);
    }
}
