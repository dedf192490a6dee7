//! Consent: when the page may be left out, and that a record grows by what was allowed and by nothing else.

use authgate_core::authorize::{Question, Skip};
use authgate_core::client::{self, Client, ClientSpec};
use authgate_core::consent::{self, Consent, ConsentOrigin, Pairs};
use authgate_core::resource::Resources;
use authgate_core::scope::Scope;
use authgate_core::user::User;

use crate::flow::{Approval, Changes};
use crate::world::{World, refusal, web_app};

const A: &str = "https://api.example/a";
const B: &str = "https://api.example/b";

/// What the consent page would be about, for this approval's person and client as they are now.
fn question(world: &World, of: &Approval, changes: Changes<'_>) -> (Question, Skip) {
    let (client, user) = now(world, of);
    let app = crate::world::App { client, ..of.app.clone() };
    let request = world.asked(&app, changes);
    let question =
        world.read(|tx, env| Question::of(tx, env.policy, app.client, &user, &mut request.clone())).unwrap();
    let skip = question.skip(&world.policy, &user, &request, world.now());
    (question, skip)
}

fn now(world: &World, of: &Approval) -> (Client, User) {
    let found = world.read(|tx, _| {
        let client = client::by_id(tx, &of.app.client.id)?;
        Ok((client, authgate_core::user::by_id(tx, &of.user.id)?))
    });
    let (client, user) = found.unwrap();
    (client.unwrap(), user.unwrap())
}

fn skip(world: &World, of: &Approval, changes: Changes<'_>) -> Skip {
    question(world, of, changes).1
}

fn pairs(scope: &str, resources: &[&str]) -> Pairs {
    Pairs::of(&Scope::parse(scope).unwrap(), &Resources::parse(resources.iter().copied()).unwrap())
}

fn grant(world: &World, of: &Approval, pairs: &Pairs) -> Consent {
    let (client, user) = now(world, of);
    world.write(|tx, env| consent::grant(tx, env, &user, &client, (ConsentOrigin::Code, pairs, &[]))).unwrap()
}

#[test]
fn skipped_if_all_of_it_was_allowed_before() {
    let world = World::new();
    let of = world.code(&world.web_app(), &[("scope", "openid read")]);
    assert_eq!(skip(&world, &of, &[]), Skip::Yes);
    assert_eq!(skip(&world, &of, &[("scope", "read")]), Skip::Yes);
    assert_eq!(skip(&world, &of, &[("scope", "read write")]), Skip::Ask);
    assert_eq!(skip(&world, &of, &[("resource", A)]), Skip::Ask);
    assert_eq!(skip(&world, &of, &[("prompt", "login")]), Skip::Yes);
    assert_eq!(skip(&world, &of, &[("prompt", "none")]), Skip::Yes);
}

#[test]
fn never_skipped_with_prompt_consent_not_even_for_first_parties() {
    let world = World::new();
    let of = world.code(&world.app(ClientSpec { skip_consent: true, ..web_app() }), &[]);
    assert_eq!(skip(&world, &of, &[("prompt", "consent")]), Skip::Ask);
    assert_eq!(skip(&world, &of, &[("scope", "write email")]), Skip::Yes);
}

#[test]
fn first_parties_are_skipped_only_with_an_https_redirect() {
    let world = World::new();
    let redirect_uris = vec!["https://app.example/cb".into(), "http://127.0.0.1/cb".into()];
    let app = world.app(ClientSpec { skip_consent: true, redirect_uris, ..web_app() });
    let of = world.code(&app, &[("scope", "read")]);
    let loopback = ("redirect_uri", "http://127.0.0.1/cb");
    assert_eq!(skip(&world, &of, &[loopback, ("scope", "write")]), Skip::Ask);
    assert_eq!(skip(&world, &of, &[loopback, ("scope", "read")]), Skip::AskBecauseOfRedirect);
}

#[test]
fn never_skipped_where_remembering_is_off_for_server_or_client() {
    let mut world = World::new();
    let of = world.code(&world.web_app(), &[]);
    world.policy.consent_remember = false;
    assert_eq!(skip(&world, &of, &[]), Skip::Ask);
    world.policy.consent_remember = true;
    world.sql("UPDATE clients SET remember_consent = 0");
    assert_eq!(skip(&world, &of, &[]), Skip::Ask);
}

#[test]
fn rfc8252_8_6_never_skipped_for_loopback_and_private_use_redirects() {
    let mut world = World::new();
    let redirect_uris = vec!["http://127.0.0.1/cb".into(), "com.example.app:/cb".into()];
    let app = world.app(ClientSpec { redirect_uris, ..web_app() });
    let of = world.code(&app, &[]);
    for uri in ["http://127.0.0.1:4711/cb", "com.example.app:/cb"] {
        assert_eq!(skip(&world, &of, &[("redirect_uri", uri)]), Skip::AskBecauseOfRedirect);
        assert_eq!(skip(&world, &of, &[("redirect_uri", uri), ("scope", "write")]), Skip::Ask);
    }
    world.policy.compat.remember_native_consent = true;
    assert_eq!(skip(&world, &of, &[("redirect_uri", "http://127.0.0.1:4711/cb")]), Skip::Yes);
}

#[test]
fn never_skipped_after_365_days() {
    let world = World::new();
    let of = world.code(&world.web_app(), &[]);
    world.clock.advance(365 * 86_400 - 1);
    assert_eq!(skip(&world, &of, &[]), Skip::Yes);
    world.clock.advance(1);
    assert_eq!(skip(&world, &of, &[]), Skip::Ask);
}

#[test]
fn never_skipped_once_something_ended_it() {
    for (name, withdraw) in crate::flow::WITHDRAWALS {
        let world = World::new();
        let of = world.code(&world.web_app(), &[]);
        withdraw(&world, &of);
        let (question, skip) = question(&world, &of, &[]);
        assert_eq!(skip, Skip::Ask, "{name}");
        assert!(question.known.is_none(), "{name}");
    }
}

#[test]
fn never_skipped_once_the_client_is_not_what_it_was() {
    for change in [
        "name = 'Other'",
        "redirect_uris = '[\"https://app.example/cb\",\"https://new.example/cb\"]'",
        "client_type = 'public'",
        "auth_method = 'client_secret_post'",
        "owner_id = 'somebody'",
    ] {
        let world = World::new();
        let of = world.code(&world.web_app(), &[("scope", "openid read")]);
        let before = question(&world, &of, &[]).0.digest(&world.asked(&of.app, &[]));
        world.sql(&format!("UPDATE clients SET {change}"));
        let (question, skip) = question(&world, &of, &[]);
        assert_eq!(skip, Skip::Ask, "{change}");
        assert!(question.is_new("read"), "{change}");
        assert_ne!(question.digest(&world.asked(&of.app, &[])), before, "{change}");
    }
}

#[test]
fn a_new_yes_does_not_bring_back_what_was_allowed_to_another_client_or_long_ago() {
    for change in
        ["UPDATE clients SET name = 'Other'", "UPDATE consents SET granted_at = granted_at - 365 * 86400"]
    {
        let world = World::new();
        let of = world.code(&world.web_app(), &[("scope", "openid read write")]);
        world.sql(change);
        let again = grant(&world, &of, &pairs("openid", &[]));
        assert_eq!(again.id, of.consent.id);
        assert_eq!(skip(&world, &of, &[("scope", "openid")]), Skip::Yes, "{change}");
        assert_eq!(skip(&world, &of, &[("scope", "openid write")]), Skip::Ask, "{change}");
    }
}

#[test]
fn the_record_grows_by_pairs_and_never_by_a_cross_product() {
    let world = World::new();
    let of = world.code(&world.web_app(), &[("scope", "read"), ("resource", A)]);
    let grown = grant(&world, &of, &pairs("write", &[B]));
    assert_eq!(grown.id, of.consent.id);
    let ask = |scope, resources: &[&'static str]| {
        let named = resources.iter().map(|resource| ("resource", *resource));
        skip(&world, &of, &[("scope", scope)].into_iter().chain(named).collect::<Vec<_>>())
    };
    assert_eq!((ask("read", &[A]), ask("write", &[B])), (Skip::Yes, Skip::Yes));
    for (scope, resources) in
        [("write", &[A][..]), ("read", &[B]), ("read write", &[A]), ("read", &[A, B]), ("read", &[])]
    {
        assert_eq!(ask(scope, resources), Skip::Ask, "{scope} {resources:?}");
    }
    let new = question(&world, &of, &[("scope", "read write"), ("resource", A)]).0;
    assert_eq!((new.is_new("read"), new.is_new("write")), (false, true));
}

#[test]
fn device_approvals_neither_read_nor_write_what_is_remembered() {
    let world = World::new();
    let app = world.web_app();
    let asked = world.device(&app, Some("openid read"), &[]).unwrap();
    let of = world.approve_device(&app, &asked);
    assert_eq!(skip(&world, &of, &[]), Skip::Ask);
    let of_code = grant(&world, &of, &pairs("openid", &[]));
    assert_ne!(of_code.id, of.consent.id);
    assert_eq!(of_code.pairs.0, pairs("openid", &[]));
}

#[test]
fn d06_after_a_withdrawal_the_next_yes_has_a_new_id() {
    let world = World::new();
    let (of, tokens) = world.tokens(&world.web_app(), &[]);
    assert!(world.write(|tx, env| consent::withdraw(tx, env, &of.consent, None)).unwrap());
    assert!(!world.write(|tx, env| consent::withdraw(tx, env, &of.consent, None)).unwrap());
    let next = grant(&world, &of, &pairs("openid read", &[]));
    assert_ne!(next.id, of.consent.id);
    assert!(world.live(&tokens).is_none());
    assert!(refusal(world.refresh(&of.app, tokens.refresh())) == authgate_core::error::Code::InvalidGrant);
    assert_eq!(world.number("SELECT COUNT(*) FROM consents WHERE status = 'active'"), 1);
}

#[test]
fn adv_26_consents_are_listed_by_person() {
    let world = World::new();
    let app = world.web_app();
    let (one, other) = (world.code(&app, &[]), world.code(&app, &[]));
    let of = |user: &User| world.read(|tx, _| consent::list(tx, Some(&user.id))).unwrap();
    assert_eq!(of(&one.user).iter().map(|found| &found.id).collect::<Vec<_>>(), [&one.consent.id]);
    assert_eq!(of(&other.user).len(), 1);
    assert_eq!(world.read(|tx, _| consent::list(tx, None)).unwrap().len(), 2);
}
