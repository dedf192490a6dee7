//! The code grant: each refusal of the contract, single use, replay, and what the tokens carry.

use authgate_core::audit::Event;
use authgate_core::client::{ClientSpec, Grant};
use authgate_core::code;
use authgate_core::error::Code;
use authgate_core::grants;
use authgate_core::secret::Secret;

use crate::flow::{Approval, Changes, GROUNDS, VERIFIER, WITHDRAWALS, changed, sign_out};
use crate::world::{App, ISSUER, REFRESH_MAX, START, World, refusal, web_app};

const ROWS: [&str; 3] = ["authorization_codes", "families", "tokens"];

#[test]
fn a_failed_check_changes_nothing_and_the_code_still_works() {
    let world = World::new();
    let app = world.web_app();
    let approval = world.code(&app, &[("resource", "https://api.example")]);
    let other_verifier = "x".repeat(43);
    let code = approval.code.expose();
    let (cut, longer, upper) = (&code[..63], format!("{code}0"), code.to_ascii_uppercase());
    let zeroes = format!("{}{}", &code[..32], "0".repeat(32));
    let table: [(Changes<'_>, Code); 15] = [
        (&[("grant_type", "")], Code::UnsupportedGrantType),
        (&[("grant_type", "device_code")], Code::UnsupportedGrantType),
        (&[("code", "")], Code::InvalidRequest),
        (&[("code", cut)], Code::InvalidGrant),
        (&[("code", &longer)], Code::InvalidGrant),
        (&[("code", &upper)], Code::InvalidGrant),
        (&[("code", &zeroes)], Code::InvalidGrant),
        (&[("redirect_uri", "https://app.example/CB")], Code::InvalidGrant),
        (&[("redirect_uri", "https://app.example/cb?")], Code::InvalidGrant),
        (&[("code_verifier", "")], Code::InvalidGrant),
        (&[("code_verifier", &other_verifier)], Code::InvalidGrant),
        (&[("code_verifier", "short")], Code::InvalidGrant),
        (&[("resource", "https://other.example")], Code::InvalidTarget),
        (&[("resource", "urn:x")], Code::InvalidTarget),
        (&[("extra_claims", "{}")], Code::InvalidRequest),
    ];
    let before = world.dump(&ROWS);
    for (changes, expected) in table {
        let answer = world.post(&app, &changed(approval.redemption(), changes));
        assert_eq!(refusal(answer), expected, "{changes:?}");
    }
    assert_eq!(world.dump(&ROWS), before);
    world.redeem(&approval).unwrap();
}

#[test]
fn adv_04_a_code_with_any_other_digit_is_nobodys_and_ends_nothing() {
    let world = World::new();
    let approval = world.code(&world.web_app(), &[]);
    let code = approval.code.expose();
    let before = world.dump(&ROWS);
    for (at, digit) in code.bytes().enumerate() {
        let mut forged = code.to_owned();
        forged.replace_range(at..=at, if digit == b'0' { "1" } else { "0" });
        let answer = world.post(&approval.app, &changed(approval.redemption(), &[("code", &forged)]));
        assert_eq!(refusal(answer), Code::InvalidGrant, "digit {at}");
    }
    assert_eq!(world.dump(&ROWS), before);
    world.redeem(&approval).unwrap();
}

#[test]
fn d12_a_failed_authentication_never_burns_a_code() {
    let world = World::new();
    let approval = world.code(&world.web_app(), &[]);
    let app = &approval.app;
    for secret in [None, Some(Secret::new("ago_wrong"))] {
        let stranger = App { secret, ..app.clone() };
        assert_eq!(refusal(world.post(&stranger, &approval.redemption())), Code::InvalidClient);
    }
    world.redeem(&approval).unwrap();
}

#[test]
fn rfc6749_4_1_3_adv_01_a_code_is_bound_to_its_client() {
    let world = World::new();
    let approval = world.code(&world.web_app(), &[]);
    for thief in [world.web_app(), world.native_app()] {
        let before = world.dump(&ROWS);
        assert_eq!(refusal(world.post(&thief, &approval.redemption())), Code::InvalidGrant);
        assert_eq!(world.dump(&ROWS), before);
    }
    let tokens = world.redeem(&approval).unwrap();
    // A thief with the used code of another client ends nothing either, however late.
    world.clock.advance(11);
    assert_eq!(refusal(world.post(&world.web_app(), &approval.redemption())), Code::InvalidGrant);
    assert!(world.live(&tokens).is_some());
}

#[test]
fn d16_a_code_lives_a_minute() {
    for (after, works) in [(59, true), (60, false)] {
        let world = World::new();
        let approval = world.code(&world.web_app(), &[]);
        world.clock.advance(after);
        match world.redeem(&approval) {
            Ok(_) => assert!(works),
            Err(error) => assert!(!works && error.code() == Some(Code::InvalidGrant)),
        }
    }
}

#[test]
fn rfc6749_4_1_2_d11_a_replay_ends_what_the_code_gave_unless_it_is_a_blind_repeat() {
    for (after, ended) in [(0, false), (10, false), (11, true), (3000, true)] {
        let world = World::new();
        let (approval, tokens) = world.tokens(&world.web_app(), &[]);
        let refreshed = world.refresh(&approval.app, tokens.refresh()).unwrap();
        world.clock.advance(after);
        for _ in 0..2 {
            assert_eq!(refusal(world.redeem(&approval)), Code::InvalidGrant);
        }
        assert_eq!(world.live(&tokens).is_none(), ended, "{after}");
        assert_eq!(world.refresh(&approval.app, refreshed.refresh()).is_err(), ended, "{after}");
        let criticals = world.number("SELECT COUNT(*) FROM audit_logs WHERE severity = 'CRITICAL'");
        assert_eq!(criticals, i64::from(ended), "{after}");
    }
}

#[test]
fn adv_04_a_replay_that_fails_a_check_is_invalid_grant_and_ends_nothing() {
    let world = World::new();
    let (approval, tokens) = world.tokens(&world.web_app(), &[("resource", "https://api.example")]);
    world.clock.advance(100);
    let before = world.dump(&ROWS);
    let other_verifier = "y".repeat(43);
    let table: [Changes<'_>; 4] = [
        &[("code_verifier", &other_verifier)],
        &[("code_verifier", "")],
        &[("redirect_uri", "https://app.example/other")],
        &[("resource", "https://other.example")],
    ];
    for changes in table {
        let answer = world.post(&approval.app, &changed(approval.redemption(), changes));
        assert_eq!(refusal(answer), Code::InvalidGrant, "{changes:?}");
    }
    assert_eq!(world.dump(&ROWS), before);
    assert!(world.live(&tokens).is_some());
}

#[test]
fn a_used_code_is_kept_until_the_longest_token_from_it_has_expired() {
    let world = World::new();
    let approval = world.code(&world.web_app(), &[]);
    let keep = || world.number("SELECT keep_until FROM authorization_codes");
    assert_eq!(keep(), START + 60);
    world.redeem(&approval).unwrap();
    assert_eq!(keep(), START + REFRESH_MAX);
}

#[test]
fn adv_02_each_ground_alone_makes_a_code_worthless() {
    for (name, withdraw) in WITHDRAWALS {
        let world = World::new();
        let approval = world.code(&world.web_app(), &[("scope", "read offline_access")]);
        withdraw(&world, &approval);
        let before = world.dump(&ROWS);
        assert_eq!(refusal(world.redeem(&approval)), Code::InvalidGrant, "{name}");
        assert_eq!(world.dump(&ROWS), before, "{name}");
    }
}

#[test]
fn adv_02_each_column_alone_makes_a_code_worthless() {
    for change in GROUNDS {
        let world = World::new();
        let approval = world.code(&world.web_app(), &[]);
        world.sql(&format!("UPDATE {change}"));
        assert_eq!(refusal(world.redeem(&approval)), Code::InvalidGrant, "{change}");
    }
}

#[test]
fn the_update_that_takes_a_code_decides_by_itself() {
    let world = World::new();
    let (used, unused) = (world.code(&world.web_app(), &[]), world.code(&world.web_app(), &[]));
    let take = |of: &Approval| {
        let id = &of.code.expose()[..32];
        world.write(|tx, env| code::redeem(tx, id, ("family", START), env.now())).unwrap()
    };
    assert_eq!((take(&used), take(&used)), (true, false));
    world.clock.advance(60);
    assert!(!take(&unused));
}

#[test]
fn d31_a_code_dies_with_its_session_unless_it_is_for_offline_access() {
    let world = World::new();
    let online = world.code(&world.web_app(), &[("scope", "read")]);
    let offline = world.code(&world.web_app(), &[("scope", "read offline_access")]);
    sign_out(&world, &online);
    sign_out(&world, &offline);
    assert_eq!(refusal(world.redeem(&online)), Code::InvalidGrant);
    world.redeem(&offline).unwrap();
}

#[test]
fn d02_pkce_is_answered_if_and_only_if_it_was_asked() {
    let world = World::new();
    let app = world.app(ClientSpec { pkce_required: Some(false), ..web_app() });
    let plain: Changes<'_> = &[("code_challenge", ""), ("code_challenge_method", "")];
    // (asked with a challenge, verifier, redirect_uri, answer)
    let table = [
        (true, VERIFIER, "https://app.example/cb", None),
        (true, VERIFIER, "", None),
        (true, "", "https://app.example/cb", Some(Code::InvalidGrant)),
        (false, "", "https://app.example/cb", None),
        (false, "", "", Some(Code::InvalidRequest)),
        (false, VERIFIER, "https://app.example/cb", Some(Code::InvalidGrant)),
    ];
    for (challenged, verifier, redirect_uri, expected) in table {
        let approval = world.code(&app, if challenged { &[] } else { plain });
        let changes = [("code_verifier", verifier), ("redirect_uri", redirect_uri)];
        let answer = world.post(&app, &changed(approval.redemption(), &changes));
        assert_eq!(answer.err().and_then(|error| error.code()), expected, "{challenged} {changes:?}");
    }
}

#[test]
fn rfc8252_7_3_the_code_is_bound_to_the_port_that_was_sent() {
    let world = World::new();
    let app = world.native_app();
    let approval = world.code(&app, &[("redirect_uri", "http://127.0.0.1:51004/cb")]);
    for other in ["http://127.0.0.1/cb", "http://127.0.0.1:51005/cb", "http://localhost:51004/cb"] {
        let answer = world.post(&app, &changed(approval.redemption(), &[("redirect_uri", other)]));
        assert_eq!(refusal(answer), Code::InvalidGrant, "{other}");
    }
    world.redeem(&approval).unwrap();
}

#[test]
fn rfc8707_2_2_the_access_token_is_for_the_resource_that_was_named() {
    let world = World::new();
    let app = world.web_app();
    let asked = [("resource", "https://api.example/a"), ("resource", "https://api.example/b")];
    let whole = world.tokens(&app, &asked).1;
    assert_eq!(whole.claim("aud"), serde_json::json!(["https://api.example/a", "https://api.example/b"]));
    let approval = world.code(&app, &asked);
    let narrowed = changed(approval.redemption(), &[("resource", "https://API.example/a/")]);
    let narrowed = world.post(&app, &narrowed).unwrap();
    assert_eq!(narrowed.claim("aud"), "https://api.example/a");
    // The grant keeps both.
    let refreshed = world.refresh(&app, narrowed.refresh()).unwrap();
    assert_eq!(refreshed.claim("aud"), whole.claim("aud"));
    // D29: without a resource the issuer is the audience.
    assert_eq!(world.tokens(&app, &[]).1.claim("aud"), ISSUER);
}

#[test]
fn d28_a_client_that_registered_itself_gets_one_resource_a_token() {
    let world = World::new();
    let app = world.web_app();
    world.sql("UPDATE clients SET origin = 'self'");
    let asked = [("resource", "https://api.example/a"), ("resource", "https://api.example/b")];
    let approval = world.code(&app, &asked);
    assert_eq!(refusal(world.redeem(&approval)), Code::InvalidTarget);
    let named = changed(approval.redemption(), &[("resource", "https://api.example/b")]);
    assert_eq!(world.post(&app, &named).unwrap().claim("aud"), "https://api.example/b");
}

#[test]
fn d07_scopes_taken_from_the_registration_since_are_left_out() {
    let world = World::new();
    let approval = world.code(&world.web_app(), &[("scope", "openid read write")]);
    world.sql("UPDATE clients SET scopes = 'read email'");
    let tokens = world.redeem(&approval).unwrap();
    assert_eq!((&tokens.json["scope"], tokens.json.get("id_token")), (&"read".into(), None));
}

#[test]
fn openid_core_2_the_id_token_tells_who_and_when_and_repeats_the_nonce() {
    let world = World::new();
    let app = world.web_app();
    let user = world.user("alice");
    let session = world.session(&user);
    world.clock.advance(300);
    let request = world.asked(&app, &[("nonce", "n-0S6"), ("scope", "openid email profile")]);
    let (_, code) = world.allow(&app, (&user, &session), &request).unwrap();
    let redemption = [
        ("grant_type", "authorization_code"),
        ("code", code.expose()),
        ("redirect_uri", "https://app.example/cb"),
        ("code_verifier", VERIFIER),
    ];
    let tokens = world.post(&app, &redemption).unwrap();
    let claims = tokens.id_token();
    assert_eq!((&claims["iss"], &claims["sub"]), (&ISSUER.into(), &user.id.as_str().into()));
    assert_eq!((&claims["aud"], &claims["nonce"]), (&app.client.id.as_str().into(), &"n-0S6".into()));
    assert_eq!((&claims["auth_time"], &claims["iat"]), (&START.into(), &(START + 300).into()));
    assert_eq!(
        (&claims["email"], &claims["preferred_username"]),
        (&"alice@example.com".into(), &"alice".into())
    );
    assert_eq!(claims["at_hash"], authgate_core::jwt::at_hash(tokens.access().expose()));
    assert_eq!(tokens.claim("sub"), user.id.as_str());
}

#[test]
fn adv_07_the_grant_must_be_registered() {
    let world = World::new();
    let approval = world.code(&world.web_app(), &[]);
    world.sql(&format!("UPDATE clients SET grants = '[\"{}\"]'", Grant::Refresh.as_str()));
    assert_eq!(refusal(world.redeem(&approval)), Code::UnauthorizedClient);
}

#[test]
fn what_happens_after_the_code_is_taken_and_fails_gives_it_back() {
    let world = World::new();
    let approval = world.code(&world.web_app(), &[]);
    let before = world.dump(&["authorization_codes", "families", "tokens", "audit_logs"]);
    let request = approval.app.request(&approval.redemption()).unwrap();
    let failed: Result<(), _> = world.write(|tx, env| {
        grants::exchange(tx, env, &request)?;
        Event::info("SUSPICIOUS_ACTIVITY", "never kept").write(tx, env.origin, env.ctx)?;
        Err(authgate_core::error::Error::failed("the disk is full"))
    });
    assert!(failed.is_err());
    assert_eq!(world.dump(&["authorization_codes", "families", "tokens", "audit_logs"]), before);
    world.redeem(&approval).unwrap();
}
