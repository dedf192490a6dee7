//! The client credentials grant.

use authgate_core::client::{ClientSpec, Grant};
use authgate_core::error::{Code, Result};
use authgate_core::grants::TokenRequest;
use authgate_core::resource::Resources;
use authgate_core::scope::Scope;
use authgate_core::secret::Secret;

use crate::world::{App, ISSUER, Tokens, World, form, refusal, web_app};

fn ask(world: &World, app: &App, more: &[(&str, &str)]) -> Result<Tokens> {
    let own = [("grant_type", "client_credentials")];
    world.post(app, &own.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
}

#[test]
fn rfc6749_4_4_3_an_access_token_for_the_client_itself_and_no_refresh_token() {
    let world = World::new();
    let app = world.web_app();
    let tokens = ask(&world, &app, &[]).unwrap();
    let subject = format!("client:{}", app.client.id);
    assert_eq!((tokens.claim("sub"), tokens.claim("user_id")), (subject.as_str().into(), subject.into()));
    assert_eq!((&tokens.json["expires_in"], &tokens.json["token_type"]), (&1800.into(), &"Bearer".into()));
    assert_eq!((tokens.json.get("refresh_token"), tokens.json.get("id_token")), (None, None));
    assert_eq!(tokens.claim("aud"), ISSUER);
    assert!(world.live(&tokens).unwrap().family_id.is_none());
}

#[test]
fn rfc6749_4_4_only_confidential_clients_that_prove_it() {
    let world = World::new();
    let app = world.web_app();
    let public = world.native_app();
    let wrong = App { secret: Some(Secret::new("ago_wrong")), ..app.clone() };
    let none = App { secret: None, ..app.clone() };
    for app in [&wrong, &none, &public] {
        assert_eq!(refusal(ask(&world, app, &[])), Code::InvalidClient);
    }
    let nobody = TokenRequest::read(None, &form([("grant_type", "client_credentials")]));
    assert_eq!(refusal(nobody), Code::InvalidClient);
    // COMPAT_SECRETLESS_CLIENTS covers refresh and device only (D3).
    world.sql("UPDATE clients SET secretless = 1");
    assert_eq!(refusal(ask(&world, &none, &[])), Code::InvalidClient);
    world.sql("UPDATE clients SET status = 'inactive'");
    assert_eq!(refusal(ask(&world, &app, &[])), Code::InvalidClient);
}

#[test]
fn the_grant_is_looked_at_after_the_secret() {
    let world = World::new();
    let app = world.app(ClientSpec { grants: vec![Grant::AuthorizationCode], ..web_app() });
    let wrong = App { secret: Some(Secret::new("ago_wrong")), ..app.clone() };
    assert_eq!(refusal(ask(&world, &wrong, &[])), Code::InvalidClient);
    assert_eq!(refusal(ask(&world, &app, &[])), Code::UnauthorizedClient);
}

#[test]
fn scopes_are_the_registered_ones_without_those_of_people() {
    let world = World::new();
    let app = world
        .app(ClientSpec { scopes: Scope::parse("openid read write offline_access").unwrap(), ..web_app() });
    assert_eq!(ask(&world, &app, &[]).unwrap().json["scope"], "read write");
    assert_eq!(ask(&world, &app, &[("scope", "write")]).unwrap().json["scope"], "write");
    for refused in ["openid", "offline_access", "read openid", "email", "Read"] {
        assert_eq!(refusal(ask(&world, &app, &[("scope", refused)])), Code::InvalidScope, "{refused}");
    }
}

#[test]
fn d23_resources_are_the_registered_ones_in_their_spelling() {
    let mut world = World::new();
    let resources = Resources::parse(["https://API.example/"]).unwrap();
    let app = world.app(ClientSpec { resources, ..web_app() });
    let tokens = ask(&world, &app, &[("resource", "https://api.example")]).unwrap();
    assert_eq!(tokens.claim("aud"), "https://API.example/");
    let foreign = [("resource", "https://other.example")];
    assert_eq!(refusal(ask(&world, &app, &foreign)), Code::InvalidTarget);
    assert_eq!(refusal(ask(&world, &app, &[("resource", "no URI")])), Code::InvalidTarget);
    world.policy.compat.m2m_any_resource = true;
    assert_eq!(ask(&world, &app, &foreign).unwrap().claim("aud"), "https://other.example");
}

#[test]
fn adv_37_private_claims_have_their_prefix() {
    let mut world = World::new();
    world.policy.domain = Some("example".into());
    let app = world.app(ClientSpec { project: Some("sub".into()), ..web_app() });
    let tokens = ask(&world, &app, &[]).unwrap();
    assert_eq!(
        (tokens.claim("extra_domain"), tokens.claim("extra_project")),
        ("example".into(), "sub".into())
    );
    assert_eq!(tokens.claim("extra_uid"), serde_json::Value::Null);
}
