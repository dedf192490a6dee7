//! What who learns about which token (RFC 7662).

use authgate_core::client::{Client, ClientSpec};
use authgate_core::db::Tx;
use authgate_core::env::Env;
use authgate_core::error::{Code, Result};
use authgate_core::family::Presented;
use authgate_core::introspection::{self, Answer};
use authgate_core::secret::Secret;
use authgate_core::token;
use serde_json::{Value, json};

use crate::flow::{WITHDRAWALS, Withdrawal, sign_out};
use crate::world::{ACCESS, App, IDLE, ISSUER, START, World, web_app};

/// As the endpoint does it, without what it remembers.
fn introspect(
    tx: &mut Tx<'_>,
    env: Env<'_>,
    caller: &Client,
    (text, hint): (&Secret, Option<&str>),
) -> Result<Answer> {
    match Presented::parse(text) {
        Some(presented) if hint == Some("refresh_token") => {
            introspection::refresh(tx, env, caller, &presented)
        }
        Some(_) => Ok(Answer::inactive()),
        None => match token::present(tx, env, text) {
            Ok(live) => Ok(introspection::access(env.policy, caller, &live)),
            Err(error) if error.code() == Some(Code::InvalidToken) => Ok(Answer::inactive()),
            Err(error) => Err(error),
        },
    }
}

fn ask(world: &World, caller: &App, text: &str, hint: Option<&str>) -> Value {
    world.read(|tx, env| introspect(tx, env, &caller.client, (&Secret::new(text), hint))).unwrap().members
}

/// RFC 7662 2.2: nothing but this.
fn inactive() -> Value {
    json!({"active": false})
}

#[test]
fn rfc7662_2_2_the_members_of_an_access_token() {
    let world = World::new();
    let app = world.web_app();
    let (approval, tokens) = world.tokens(&app, &[]);
    let expected = json!({
        "active": true, "scope": "openid read", "client_id": app.client.id, "token_type": "Bearer",
        "exp": START + ACCESS, "iat": START, "sub": approval.user.id, "iss": ISSUER, "jti": tokens.claim("jti"),
        "aud": ISSUER, "username": approval.user.username,
    });
    for hint in [None, Some("access_token"), Some("refresh_token"), Some("anything")] {
        assert_eq!(ask(&world, &app, tokens.access().expose(), hint), expected);
    }
}

#[test]
fn a_clients_own_token_names_no_person_and_several_resources_are_a_list() {
    let world = World::new();
    let app = world.web_app();
    let machine = world.post(&app, &[("grant_type", "client_credentials")]).unwrap();
    let answer = ask(&world, &app, machine.access().expose(), None);
    assert_eq!(answer["sub"], format!("client:{}", app.client.id));
    assert_eq!(answer.get("username"), None);
    let both = [("resource", "https://api.example/a"), ("resource", "https://api.example/b")];
    let (_, tokens) = world.tokens(&app, &both);
    let answer = ask(&world, &app, tokens.access().expose(), None);
    assert_eq!(answer["aud"], json!(["https://api.example/a", "https://api.example/b"]));
}

#[test]
fn d21_adv_14_only_ones_own_tokens_and_those_for_ones_audiences() {
    let mut world = World::new();
    let owner = world.web_app();
    let audiences = |values: &[&str]| Some(values.iter().map(|value| (*value).to_owned()).collect());
    let api = world.app(ClientSpec { audiences: audiences(&["https://api.example"]), ..web_app() });
    let stranger = world.app(ClientSpec { audiences: audiences(&[]), ..web_app() });
    let public = world.native_app();
    let (_, default) = world.tokens(&owner, &[]);
    let (_, bound) = world.tokens(&owner, &[("resource", "https://api.example")]);
    // Clients that an admin creates have the default audience.
    let usual = world.web_app();
    let table = [
        (&owner, true, true),
        (&api, false, true),
        (&usual, true, false),
        (&stranger, false, false),
        (&public, false, false),
    ];
    for (at, (caller, sees_default, sees_bound)) in table.into_iter().enumerate() {
        for (tokens, sees) in [(&default, sees_default), (&bound, sees_bound)] {
            let answer = ask(&world, caller, tokens.access().expose(), None);
            assert_eq!(answer != inactive(), sees, "caller {at}");
        }
    }
    let (_, own) = world.tokens(&public, &[]);
    assert_eq!(ask(&world, &public, own.access().expose(), None), inactive());
    world.policy.compat.introspect_any = true;
    for (caller, by_switch) in [(&stranger, true), (&owner, false), (&public, false)] {
        let answer =
            world.read(|tx, env| introspect(tx, env, &caller.client, (&default.access(), None))).unwrap();
        assert_eq!(
            (answer.by_switch, answer.members["active"] == true),
            (by_switch, !caller.client.is_public())
        );
    }
    assert_eq!(ask(&world, &public, default.access().expose(), None), inactive());
}

#[test]
fn d21_a_refresh_token_only_to_its_own_client_when_that_says_what_it_is() {
    let mut world = World::new();
    world.policy.compat.introspect_any = true;
    let (app, other) = (world.web_app(), world.web_app());
    let (approval, tokens) = world.tokens(&app, &[]);
    let expected = json!({
        "active": true, "scope": "openid read", "client_id": app.client.id, "exp": START + IDLE, "iat": START,
        "sub": approval.user.id, "iss": ISSUER,
    });
    assert_eq!(ask(&world, &app, tokens.refresh(), Some("refresh_token")), expected);
    assert_eq!(ask(&world, &app, tokens.refresh(), None), inactive());
    assert_eq!(ask(&world, &app, tokens.refresh(), Some("access_token")), inactive());
    assert_eq!(ask(&world, &other, tokens.refresh(), Some("refresh_token")), inactive());
    // Looking is not using, and a superseded token is over.
    let before = world.dump(&["families"]);
    ask(&world, &app, tokens.refresh(), Some("refresh_token"));
    assert_eq!(world.dump(&["families"]), before);
    let next = world.refresh(&app, tokens.refresh()).unwrap();
    assert_eq!(ask(&world, &app, tokens.refresh(), Some("refresh_token")), inactive());
    assert_eq!(ask(&world, &app, next.refresh(), Some("refresh_token"))["active"], true);
}

#[test]
fn adv_02_what_is_dead_is_exactly_inactive() {
    for (name, withdraw) in WITHDRAWALS.into_iter().chain([("logout", sign_out as Withdrawal)]) {
        let world = World::new();
        let app = world.web_app();
        let (approval, tokens) = world.tokens(&app, &[]);
        withdraw(&world, &approval);
        let caller = world.read(|tx, _| authgate_core::client::by_id(tx, &app.client.id)).unwrap().unwrap();
        let caller = App { client: caller, ..app };
        assert_eq!(ask(&world, &caller, tokens.access().expose(), None), inactive(), "{name}");
        assert_eq!(ask(&world, &caller, tokens.refresh(), Some("refresh_token")), inactive(), "{name}");
    }
    let world = World::new();
    let (approval, tokens) = world.tokens(&world.web_app(), &[]);
    for text in ["", "garbage", "agr_", tokens.json["id_token"].as_str().unwrap(), approval.code.expose()] {
        assert_eq!(ask(&world, &approval.app, text, None), inactive(), "{text}");
    }
    world.clock.advance(ACCESS);
    assert_eq!(ask(&world, &approval.app, tokens.access().expose(), None), inactive());
}
