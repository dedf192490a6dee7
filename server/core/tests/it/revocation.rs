//! A client gives a token back (RFC 7009).

use authgate_core::db::Tx;
use authgate_core::env::Env;
use authgate_core::jwt;
use authgate_core::revocation::{Given, revoke};
use authgate_core::secret::Secret;

use crate::world::{App, World};

const ROWS: [&str; 2] = ["families", "tokens"];

fn give_back(world: &World, app: &App, text: &str) {
    let job = |tx: &mut Tx<'_>, env: Env<'_>| {
        let genuine = |text: &Secret| jwt::verify_access(text, env.keys, &env.policy.issuer);
        match Given::read(&Secret::new(text), genuine) {
            Some(given) => revoke(tx, env, &app.client, &given),
            None => Ok(()),
        }
    };
    world.write(job).unwrap();
}

#[test]
fn rfc7009_2_1_a_refresh_token_takes_its_whole_grant_along() {
    let world = World::new();
    let app = world.web_app();
    let (_, first) = world.tokens(&app, &[]);
    let second = world.refresh(&app, first.refresh()).unwrap();
    give_back(&world, &app, second.refresh());
    assert!(world.live(&first).is_none() && world.live(&second).is_none());
    assert!(world.refresh(&app, second.refresh()).is_err());
    assert_eq!(world.number("SELECT COUNT(*) FROM audit_logs WHERE event_type = 'TOKEN_REVOKED'"), 1);
    give_back(&world, &app, second.refresh());
    assert_eq!(world.number("SELECT COUNT(*) FROM audit_logs WHERE event_type = 'TOKEN_REVOKED'"), 1);
}

#[test]
fn a_superseded_refresh_token_still_gives_the_grant_back() {
    let world = World::new();
    let app = world.native_app();
    let (_, first) = world.tokens(&app, &[]);
    let second = world.refresh(&app, first.refresh()).unwrap();
    give_back(&world, &app, first.refresh());
    assert!(world.refresh(&app, second.refresh()).is_err());
    assert_eq!(world.number("SELECT COUNT(*) FROM audit_logs WHERE severity = 'CRITICAL'"), 0);
}

#[test]
fn an_access_token_takes_only_itself_along_and_may_have_expired() {
    let world = World::new();
    let app = world.web_app();
    let (_, tokens) = world.tokens(&app, &[]);
    let (_, other) = world.tokens(&app, &[]);
    give_back(&world, &app, tokens.access().expose());
    assert!(world.live(&tokens).is_none() && world.live(&other).is_some());
    world.refresh(&app, tokens.refresh()).unwrap();
    world.clock.advance(crate::world::ACCESS);
    give_back(&world, &app, other.access().expose());
    assert_eq!(world.number("SELECT COUNT(*) FROM tokens WHERE status = 'revoked'"), 2);
}

#[test]
fn d04_another_clients_token_and_garbage_change_nothing_and_look_the_same() {
    let world = World::new();
    let (app, other) = (world.web_app(), world.web_app());
    let (approval, tokens) = world.tokens(&app, &[]);
    let before = world.dump(&ROWS);
    let access = tokens.access().expose().to_owned();
    let (cut, touched) = (&tokens.refresh()[..81], format!("{access}x"));
    for (who, text) in [
        (&other, tokens.refresh()),
        (&other, &access),
        (&app, ""),
        (&app, "garbage"),
        (&app, cut),
        (&app, &touched),
        (&app, tokens.json["id_token"].as_str().unwrap()),
        (&app, approval.code.expose()),
    ] {
        give_back(&world, who, text);
        assert_eq!(world.dump(&ROWS), before, "{text}");
    }
    assert!(world.live(&tokens).is_some());
}
