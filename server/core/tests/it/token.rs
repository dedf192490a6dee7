//! Access tokens: live only while everything they rest on is.

use authgate_core::secret::Secret;

use crate::flow::{GROUNDS, WITHDRAWALS, sign_out};
use crate::world::{ACCESS, START, Tokens, World};

#[test]
fn adv_02_each_ground_alone_kills() {
    for (name, withdraw) in WITHDRAWALS {
        let world = World::new();
        let (approval, tokens) = world.tokens(&world.web_app(), &[("scope", "read offline_access")]);
        assert!(world.live(&tokens).is_some());
        withdraw(&world, &approval);
        assert!(world.live(&tokens).is_none(), "{name}");
    }
    // Each column of the join by itself.
    let own = [
        "tokens SET status = 'revoked'",
        "tokens SET status = 'disabled'",
        "tokens SET client_epoch = 2",
        "families SET state = 'revoked'",
        "families SET state = 'disabled'",
        "families SET client_epoch = 2",
        "families SET user_epoch = 2",
        "families SET consent_epoch = 2",
        "clients SET status = 'inactive'",
        "clients SET status = 'pending'",
    ];
    for change in own.into_iter().chain(GROUNDS) {
        let world = World::new();
        let (_, tokens) = world.tokens(&world.web_app(), &[]);
        world.sql(&format!("UPDATE {change}"));
        assert!(world.live(&tokens).is_none(), "{change}");
    }
    for table in ["tokens", "families", "users", "clients", "consents", "sessions"] {
        let world = World::new();
        let (_, tokens) = world.tokens(&world.web_app(), &[]);
        world.sql(&format!("DELETE FROM {table}"));
        assert!(world.live(&tokens).is_none(), "{table} deleted");
    }
}

#[test]
fn d31_logout_kills_unless_it_is_for_offline_access() {
    let world = World::new();
    let (online, of_online) = world.tokens(&world.web_app(), &[("scope", "read")]);
    let (offline, of_offline) = world.tokens(&world.web_app(), &[("scope", "read offline_access")]);
    sign_out(&world, &online);
    sign_out(&world, &offline);
    assert!(world.live(&of_online).is_none() && world.live(&of_offline).is_some());
}

#[test]
fn d16_an_hour_and_no_second_longer() {
    let world = World::new();
    let (_, tokens) = world.tokens(&world.web_app(), &[]);
    assert_eq!((tokens.claim("iat"), tokens.claim("exp")), (START.into(), (START + ACCESS).into()));
    world.clock.advance(ACCESS - 1);
    assert!(world.live(&tokens).is_some());
    world.clock.advance(1);
    assert!(world.live(&tokens).is_none());
}

#[test]
fn jitter_makes_only_standard_tokens_longer_and_never_as_long_as_its_bound() {
    let mut world = World::new();
    world.policy.jitter = 10;
    let app = world.web_app();
    let lives: std::collections::BTreeSet<_> =
        (0..60).map(|_| world.tokens(&app, &[]).1.json["expires_in"].as_i64().unwrap()).collect();
    assert_eq!(lives.into_iter().collect::<Vec<_>>(), (ACCESS..ACCESS + 10).collect::<Vec<_>>());
    world.sql("UPDATE clients SET token_profile = 'short'");
    assert_eq!(world.tokens(&app, &[]).1.json["expires_in"], 900);
    world.sql("UPDATE clients SET token_profile = 'long'");
    assert_eq!(world.tokens(&app, &[]).1.json["expires_in"], 86_400);
}

#[test]
fn adv_09_an_id_token_or_a_refresh_token_is_no_access_token() {
    let world = World::new();
    let (_, tokens) = world.tokens(&world.web_app(), &[]);
    for text in [tokens.json["id_token"].as_str().unwrap(), tokens.refresh(), "", "a.b.c"] {
        let json = serde_json::json!({"access_token": text});
        assert!(world.live(&Tokens { json }).is_none(), "{text}");
    }
}

#[test]
fn adv_13_any_other_character_is_another_token() {
    let world = World::new();
    let (_, tokens) = world.tokens(&world.web_app(), &[]);
    let text = tokens.access().expose().to_owned();
    for at in 0..text.len() {
        let mut touched = text.clone();
        touched.replace_range(at..=at, if text[at..].starts_with('A') { "B" } else { "A" });
        assert!(world.live(&Tokens { json: serde_json::json!({"access_token": touched}) }).is_none(), "{at}");
    }
    let parsed = |text: String| world.live(&Tokens { json: serde_json::json!({"access_token": text}) });
    for other in [
        format!("{text}="),
        format!("{text} "),
        format!(" {text}"),
        format!("{text}.x"),
        text.replace('.', ""),
    ] {
        assert!(parsed(other).is_none());
    }
    assert!(parsed(text).is_some());
}

#[test]
fn adv_39_what_was_decided_shows_no_token_in_debug() {
    let world = World::new();
    let approval = world.code(&world.web_app(), &[]);
    let request = approval.app.request(&approval.redemption()).unwrap();
    let issued = world.write(|tx, env| authgate_core::grants::exchange(tx, env, &request)).unwrap();
    let shown = format!("{request:?} {issued:?} {:?}", Secret::new("s3cret"));
    let answer = serde_json::to_value(issued.sign(world.keys, &world.policy).unwrap()).unwrap();
    let secret = approval.app.secret.as_ref().unwrap();
    let hidden = [approval.code.expose(), crate::flow::VERIFIER, secret.expose(), "s3cret"];
    for secret in hidden.into_iter().chain([answer["refresh_token"].as_str().unwrap()]) {
        assert!(!shown.contains(secret), "{secret}");
    }
}
