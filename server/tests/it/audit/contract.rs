//! The contract's table of audit events, compared with what a running server writes and with docs/audit.md.

use std::collections::BTreeSet;

use authgate_core::audit::Origin;
use authgate_core::audit::Severity::{self, Critical, Info, Warning};
use authgate_core::client;
use authgate_core::client::{ClientStatus, Grant};
use authgate_core::registration;
use authgate_core::user::{self, UserStatus};
use serde_json::json;

use super::details;
use crate::util::{Client, Registered, TestApp};

/// Type, severity, action, kind of resource (empty for none), and the details that must be there.
type Row = (&'static str, Severity, &'static str, &'static str, &'static [&'static str]);

const TOKENS: &[&str] = &["client_id", "scopes", "token_provider", "resource"];
const REGISTERED: &[&str] =
    &["client_name", "grant_types", "scopes", "client_type", "client_uri", "redirect_uris", "source_ip"];
const INTROSPECTED: &[&str] =
    &["caller_client_id", "token_client_id", "token_user_id", "token_category", "active", "count"];

#[rustfmt::skip]
const EVENTS: &[Row] = &[
    ("AUTHENTICATION_SUCCESS", Info, "User login successful", "", &["auth_source"]),
    ("AUTHENTICATION_FAILURE", Warning, "User login attempt failed", "", &["auth_source"]),
    ("LOGOUT", Info, "User signed out", "", &["session_id"]),
    ("DEVICE_CODE_GENERATED", Info, "Device code generated", "DEVICE_CODE", &["client_id", "scopes", "user_code", "resource"]),
    ("DEVICE_CODE_AUTHORIZED", Info, "Device code authorized by user", "DEVICE_CODE", &["client_id", "scopes"]),
    ("ACCESS_TOKEN_ISSUED", Info, "Access token issued via authorization code exchange", "TOKEN", TOKENS),
    ("ACCESS_TOKEN_ISSUED", Info, "Access token issued via device code exchange", "TOKEN", TOKENS),
    ("REFRESH_TOKEN_ISSUED", Info, "Refresh token issued via authorization code exchange", "TOKEN", TOKENS),
    ("REFRESH_TOKEN_ISSUED", Info, "Refresh token issued via device code exchange", "TOKEN", TOKENS),
    ("ID_TOKEN_ISSUED", Info, "ID token issued via authorization code exchange", "TOKEN", TOKENS),
    ("TOKEN_REFRESHED", Info, "Access token refreshed", "TOKEN", &["client_id", "family_id", "resource"]),
    ("TOKEN_REVOKED", Info, "Token revoked", "TOKEN", &["token_category", "client_id", "token_user_id"]),
    ("CLIENT_CREATED", Info, "OAuth client created", "CLIENT", &["client_name", "grant_types", "scopes", "token_profile"]),
    ("CLIENT_UPDATED", Info, "OAuth client updated", "CLIENT", &["client_name", "token_profile", "previous_token_profile"]),
    ("CLIENT_UPDATED", Warning, "OAuth client updated", "CLIENT", &["client_name", "token_profile", "previous_token_profile"]),
    ("CLIENT_SECRET_REGENERATED", Warning, "OAuth client secret regenerated", "CLIENT", &["client_name"]),
    ("CLIENT_REGISTERED", Info, "OAuth client registered via dynamic registration (RFC 7591)", "CLIENT", REGISTERED),
    ("CLIENT_APPROVED", Info, "OAuth client approved", "CLIENT", &["client_name"]),
    ("CLIENT_REJECTED", Info, "OAuth client rejected", "CLIENT", &["client_name"]),
    ("CLIENT_TOKENS_REVOKED_ALL", Critical, "All client tokens revoked by administrator", "CLIENT", &["client_id", "revoked_count"]),
    ("CLIENT_DELETED", Warning, "OAuth client deleted", "CLIENT", &["client_name"]),
    ("CLIENT_CREDENTIALS_TOKEN_ISSUED", Info, "Access token issued via client credentials grant", "TOKEN", &["client_id", "scopes"]),
    ("USER_CREATED", Info, "User created by admin", "USER", &["username", "email", "role"]),
    ("USER_DISABLED", Warning, "User account disabled by admin", "USER", &["username", "is_active"]),
    ("USER_ENABLED", Info, "User account enabled by admin", "USER", &["username", "is_active"]),
    ("USER_PASSWORD_RESET", Warning, "User password reset by admin", "USER", &[]),
    ("AUTHORIZATION_CODE_GENERATED", Info, "Authorization code generated", "AUTHORIZATION", &["client_id", "scopes"]),
    ("AUTHORIZATION_CODE_EXCHANGED", Info, "Authorization code exchanged for token", "AUTHORIZATION", &["client_id", "scopes"]),
    ("AUTHORIZATION_CODE_DENIED", Info, "User denied authorization to application", "CLIENT", &["client_id", "scopes"]),
    ("USER_AUTHORIZATION_GRANTED", Info, "User granted authorization to application", "AUTHORIZATION", &["client_id", "scopes"]),
    ("USER_AUTHORIZATION_REVOKED", Info, "User revoked authorization for application", "AUTHORIZATION", &["client_id"]),
    ("TOKEN_INTROSPECTED", Info, "Token introspected", "TOKEN", INTROSPECTED),
    ("RATE_LIMIT_EXCEEDED", Warning, "Rate limit exceeded", "", &["endpoint", "requests_per_minute"]),
    ("SUSPICIOUS_ACTIVITY", Critical, "Refresh token reuse detected \u{2014} token family revoked", "TOKEN",
     &["family_id", "reused_token_id", "client_id", "tokens_revoked"]),
    ("AUDIT_LOG_VIEWED", Info, "Audit log viewed", "", &[]),
    ("AUDIT_LOG_EXPORTED", Info, "Audit log exported", "", &["filter", "format"]),
];

/// Of the contract, what nothing here can do yet: administrators' pages and outside login backends.
const LATER: [&str; 5] =
    ["OAUTH_AUTHENTICATION", "OAUTH_CONNECTION_DELETED", "TOKEN_DISABLED", "TOKEN_ENABLED", "USER_DELETED"];

#[actix_web::test]
async fn every_event_of_the_contract_is_written_as_it_says() {
    let (app, anon, alice) = TestApp::init()
        .with("ENABLE_DYNAMIC_CLIENT_REGISTRATION", "true")
        .with("TOKEN_RATE_LIMIT", "1")
        .with_user("alice")
        .await;
    programs(&app, &anon, &alice).await;
    people(&app, &anon, &alice).await;
    operators(&app).await;
    let trail = app.trail().await;
    for (kind, severity, action, resource, keys) in EVENTS {
        let mut matching = trail
            .iter()
            .filter(|entry| (entry.event_type.as_str(), entry.action.as_str()) == (*kind, *action));
        let has_keys = |entry: &&_| keys.iter().all(|key| details(entry).get(key).is_some());
        let found = matching.find(|entry| entry.severity == *severity && has_keys(entry));
        let found = found.unwrap_or_else(|| {
            let all: Vec<_> = trail.iter().filter(|entry| entry.event_type == *kind).collect();
            panic!("no {severity:?} {kind} {action:?} with {keys:?} in {all:#?}")
        });
        assert_eq!(found.resource_type.as_deref().unwrap_or_default(), *resource, "{kind}");
        assert_eq!(
            found.success,
            !matches!(*kind, "AUTHENTICATION_FAILURE" | "RATE_LIMIT_EXCEEDED"),
            "{kind}"
        );
        if matches!(*resource, "USER" | "CLIENT") && *kind != "AUTHORIZATION_CODE_DENIED" {
            assert!(found.resource_name.is_some(), "{kind} says what people call it");
        }
    }
    let page = include_str!("../../../../docs/audit.md");
    let written: BTreeSet<_> = trail.iter().map(|entry| entry.event_type.as_str()).collect();
    for kind in written.iter().copied().chain(LATER) {
        assert!(page.contains(&format!("| `{kind}` |")), "docs/audit.md does not have {kind}");
        assert!(!(LATER.contains(&kind) && written.contains(kind)), "{kind} is there now");
    }
}

async fn programs(app: &TestApp, anon: &Client, alice: &Client) {
    let client = app.web_client().await;
    let tokens = client.granted(alice, &[("scope", "openid read")]).await;
    let first = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(
        client.introspect(anon, &[("token", tokens["access_token"].as_str().unwrap())]).await["active"],
        true
    );
    let refreshed = client.refresh(anon, first).await.ok();
    app.clock.advance(120);
    client.refresh(anon, refreshed["refresh_token"].as_str().unwrap()).await.ok();
    app.clock.advance(120);
    client.refresh(anon, first).await.is_error(400, "invalid_grant");
    let tokens = client.granted(alice, &[]).await;
    client.revoke(anon, tokens["access_token"].as_str().unwrap()).await;
    let machine = app.machine("read", &[]).await;
    machine.token(anon, &[("grant_type", "client_credentials")]).await.ok();
    for _ in 0..2 {
        anon.post("/oauth/token")
            .basic("nobody", "x")
            .form(&[("grant_type", "client_credentials")])
            .send()
            .await;
    }
    let tv = app.client_of(client::ClientType::Confidential, |spec| spec.grants.push(Grant::Device)).await;
    let device = tv.device(anon, &[("scope", "read")]).await;
    alice.decide(&device, "approve").await;
    tv.poll(anon, &device).await.ok();
    for _ in 0..2 {
        let metadata = json!({"client_name": "Editor", "redirect_uris": ["https://editor.example/cb"]});
        let reply = anon.post("/oauth/register").body("application/json", metadata.to_string()).send().await;
        assert_eq!(reply.status, 201, "{}", reply.text());
    }
}

async fn people(app: &TestApp, anon: &Client, alice: &Client) {
    anon.sign_in("alice", "wrong").await;
    let client = app.web_client().await;
    let page = alice.visit(&client.asks(&[("prompt", "consent")])).await;
    alice.submit(page.form_to("/oauth/authorize").press("deny")).await;
    client.granted(alice, &[]).await;
    let page = alice.open("/account/authorizations").await;
    let form =
        page.forms().into_iter().find(|form| form.action.contains("/revoke")).expect("there is a consent");
    alice.submit(form).await;
    let page = alice.open("/logout").await;
    alice.submit(page.form_to("/logout")).await;
    let boss = app.admin().await;
    boss.get("/admin/audit/api").send().await;
    boss.get("/admin/audit/export").send().await;
}

async fn operators(app: &TestApp) {
    let Registered { id, .. } = app.web_client().await;
    app.change_client(&id, |spec| "Renamed".clone_into(&mut spec.name)).await;
    app.change_client(&id, |spec| spec.token_profile = client::TokenProfile::Short).await;
    app.switch_client(&id, ClientStatus::Inactive).await;
    let found = app.find_client(&id).await;
    let own = app.app.env_of("test");
    app.write(move |tx| {
        let env = own.env();
        client::rotate_secret(tx, &found, 0, env.origin, env.ctx)?;
        client::revoke_all(tx, &found, env.origin, env.ctx)?;
        client::delete(tx, &found, env.origin, env.ctx)
    })
    .await;
    let own = app.app.env_of("test");
    app.write(move |tx| {
        let mut waiting = client::all(tx)?;
        waiting.retain(|client| client.status == ClientStatus::Pending);
        registration::approve(tx, own.env(), &waiting[0], &registration::digest(&waiting[0]))?;
        registration::reject(tx, own.env(), &waiting[1])
    })
    .await;
    let ctx = app.context();
    app.write(move |tx| {
        let (alice, origin) = (user::by_username(tx, "alice")?.expect("it is there"), Origin::default());
        user::set_status(tx, &alice, UserStatus::Disabled, &origin, &ctx)?;
        user::set_status(tx, &alice, UserStatus::Active, &origin, &ctx)?;
        user::reset_password(tx, &alice, "$argon2id$", &origin, &ctx)
    })
    .await;
}
