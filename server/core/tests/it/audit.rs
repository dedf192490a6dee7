//! The audit trail: what was decided is written with the decision or not at all, and never a secret.

use authgate_core::authorize;
use authgate_core::consent;
use authgate_core::device;
use authgate_core::error::{Error, Result};
use authgate_core::grants;

use crate::flow::{VERIFIER, sign_out};
use crate::world::{App, World};

/// The kinds of events since `since`, in the order they were written.
fn events(world: &World, since: &mut usize) -> Vec<String> {
    let found: Result<Vec<(String,)>> =
        world.read(|tx, _| tx.all("SELECT event_type FROM audit_logs ORDER BY rowid", &[]));
    let new = found.unwrap().into_iter().skip(*since).map(|(kind,)| kind).collect::<Vec<_>>();
    *since += new.len();
    new
}

#[test]
fn every_decision_leaves_its_events() {
    let world = World::new();
    let app = world.web_app();
    let mut since = 0;
    events(&world, &mut since);
    let mut expect = |kinds: &[&str]| assert_eq!(events(&world, &mut since), kinds);

    let approval = world.code(&app, &[]);
    expect(&["USER_CREATED", "USER_AUTHORIZATION_GRANTED", "AUTHORIZATION_CODE_GENERATED"]);
    let tokens = world.redeem(&approval).unwrap();
    expect(&[
        "AUTHORIZATION_CODE_EXCHANGED",
        "ACCESS_TOKEN_ISSUED",
        "REFRESH_TOKEN_ISSUED",
        "ID_TOKEN_ISSUED",
    ]);
    world.refresh(&app, tokens.refresh()).unwrap();
    expect(&["TOKEN_REFRESHED"]);
    world.post(&app, &[("grant_type", "client_credentials")]).unwrap();
    expect(&["CLIENT_CREDENTIALS_TOKEN_ISSUED"]);
    let request = world.asked(&app, &[]);
    world.write(|tx, env| authorize::deny(tx, env, &request, &approval.user)).unwrap();
    expect(&["AUTHORIZATION_CODE_DENIED"]);

    let asked = world.device(&app, Some("read"), &[]).unwrap();
    expect(&["DEVICE_CODE_GENERATED"]);
    world.approve_device(&app, &asked);
    expect(&["USER_CREATED", "USER_AUTHORIZATION_GRANTED", "DEVICE_CODE_AUTHORIZED"]);
    world.poll(&app, &asked.device_code).unwrap();
    expect(&["ACCESS_TOKEN_ISSUED", "REFRESH_TOKEN_ISSUED"]);
    let asked = world.device(&app, Some("read"), &[]).unwrap();
    world
        .write(|tx, env| {
            let row = device::by_user_code(tx, env, asked.user_code.expose())?.unwrap();
            device::deny(tx, env, &row, &approval.user)
        })
        .unwrap();
    expect(&["DEVICE_CODE_GENERATED", "DEVICE_CODE_DENIED"]);

    world.write(|tx, env| consent::withdraw(tx, env, &approval.consent, Some(&approval.user.id))).unwrap();
    expect(&["USER_AUTHORIZATION_REVOKED"]);
    sign_out(&world, &approval);
    expect(&["LOGOUT"]);
}

#[test]
fn what_is_rolled_back_leaves_no_event() {
    let world = World::new();
    let approval = world.code(&world.web_app(), &[]);
    let before = world.dump(&["audit_logs"]);
    let request = approval.app.request(&approval.redemption()).unwrap();
    let failed: Result<()> = world.write(|tx, env| {
        grants::exchange(tx, env, &request)?;
        consent::withdraw(tx, env, &approval.consent, None)?;
        Err(Error::failed("the disk is full"))
    });
    assert!(failed.is_err());
    world.write_and_die(|tx, env| grants::exchange(tx, env, &request));
    assert_eq!(world.dump(&["audit_logs"]), before);
}

#[test]
fn a_refused_request_leaves_none_either() {
    let world = World::new();
    let approval = world.code(&world.web_app(), &[]);
    let before = world.dump(&["audit_logs"]);
    let stranger = App { secret: None, ..approval.app.clone() };
    assert!(world.post(&stranger, &approval.redemption()).is_err());
    assert!(world.refresh(&approval.app, "agr_garbage").is_err());
    assert_eq!(world.dump(&["audit_logs"]), before);
}

#[test]
fn events_say_who_asked_from_where() {
    let mut world = World::new();
    world.origin.user_agent = Some("curl/8".into());
    world.origin.path = Some("/oauth/token".into());
    world.origin.method = Some("POST");
    let (approval, _) = world.tokens(&world.web_app(), &[]);
    let row: Result<Option<(String, String, String, String)>> = world.read(|tx, _| {
        let sql = "SELECT actor_user_id, actor_username, actor_ip, user_agent FROM audit_logs \
                   WHERE event_type = 'ACCESS_TOKEN_ISSUED' AND request_path = '/oauth/token' AND request_method = 'POST'";
        tx.one(sql, &[])
    });
    let (id, name, ip, agent) = row.unwrap().unwrap();
    assert_eq!((id, name), (approval.user.id, approval.user.username));
    assert_eq!((ip.as_str(), agent.as_str()), ("192.0.2.1", "curl/8"));
}

#[test]
fn adv_39_no_secret_is_stored_in_the_clear_anywhere() {
    let world = World::new();
    let app = world.web_app();
    let (approval, tokens) = world.tokens(&app, &[]);
    let refreshed = world.refresh(&app, tokens.refresh()).unwrap();
    let asked = world.device(&app, Some("read"), &[]).unwrap();
    world.approve_device(&app, &asked);
    world.poll(&app, &asked.device_code).unwrap();
    world.clock.advance(100);
    assert!(world.redeem(&approval).is_err()); // a replay has an event of its own
    assert!(world.refresh(&world.web_app(), refreshed.refresh()).is_err());
    let tables = [
        "audit_logs",
        "authorization_codes",
        "device_codes",
        "families",
        "tokens",
        "clients",
        "client_secrets",
        "sessions",
        "consents",
    ];
    let stored = world.dump(&tables).join("\n");
    let (access, bare) = (tokens.access(), asked.user_code.expose().replace('-', ""));
    let secrets = [
        approval.code.expose(),
        &approval.code.expose()[32..],
        VERIFIER,
        app.secret.as_ref().unwrap().expose(),
        access.expose(),
        tokens.refresh(),
        refreshed.refresh(),
        asked.device_code.expose(),
        &asked.device_code.expose()[32..],
        asked.user_code.expose(),
        &bare,
    ];
    for (at, secret) in secrets.into_iter().enumerate() {
        assert!(!stored.contains(secret), "secret {at} is stored");
    }
}
