//! Scopes that only people of some roles may give.

use authgate_core::audit::Origin;
use authgate_core::client::ClientType;
use authgate_core::scope::Scope;
use authgate_core::user::{self, Changes, Role};
use tempfile::NamedTempFile;

use crate::util::{Client, Registered, TestApp};

/// A server where only administrators may give `admin`, with Alice, who is none, and Root, who is.
async fn bound() -> (TestApp, Client, Client, Registered, NamedTempFile) {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "[scopes]\nadmin = { roles = [\"admin\"] }\n").unwrap();
    let init = TestApp::init().with("CONFIG_FILE", file.path().to_str().unwrap());
    let (app, _, alice) = init.with_user("alice").await;
    app.create_user("root").await;
    set_role(&app, "root", Role::Admin).await;
    let root = app.browser_of("root").await;
    let web = app
        .client_of(ClientType::Confidential, |spec| {
            spec.scopes = Scope::parse("openid read admin").unwrap();
            spec.grants.push(authgate_core::client::Grant::ClientCredentials);
        })
        .await;
    (app, alice, root, web, file)
}

async fn set_role(app: &TestApp, name: &'static str, role: Role) {
    let ctx = app.context();
    app.write(move |tx| {
        let user = user::by_username(tx, name)?.expect("there is one");
        user::update(tx, &user, Changes { role: Some(role), ..Changes::default() }, &Origin::default(), &ctx)
    })
    .await;
}

#[actix_web::test]
async fn a_scope_that_the_person_may_not_give_is_dropped_before_the_page() {
    let (app, alice, root, web, _file) = bound().await;
    let asked = web.asks(&[("scope", "openid read admin")]);
    root.visit(&asked).await.says("Full administrative access");
    let page = alice.visit(&asked).await;
    assert!(!page.is_page(200).text().contains("Full administrative access"));
    let reply = alice.submit(page.form_to("/oauth/authorize").press("approve")).await;
    let tokens = web.redeem(&alice, &reply.sent("code")).await.ok();
    assert_eq!(tokens["scope"], "openid read", "page, record and answer hold the same set");
    let granted = app.number("SELECT COUNT(*) FROM consents WHERE pairs LIKE '%admin%'").await;
    assert_eq!(granted, 0);
    let tokens = web.granted(&root, &[("scope", "openid read admin")]).await;
    assert_eq!(tokens["scope"], "openid read admin");
}

#[actix_web::test]
async fn d30_nothing_left_is_invalid_scope_to_the_client() {
    let (_app, alice, root, web, _file) = bound().await;
    alice.visit(&web.asks(&[("scope", "admin")])).await.is_refused("invalid_scope");
    alice.visit(&web.asks(&[("scope", "admin"), ("prompt", "none")])).await.is_refused("invalid_scope");
    root.visit(&web.asks(&[("scope", "admin")])).await.is_page(200);
}

#[actix_web::test]
async fn a_first_party_client_gets_no_more_than_the_person_may_give() {
    let (app, alice, _, web, _file) = bound().await;
    app.change_client(&web.id, |spec| spec.skip_consent = true).await;
    let reply = alice.visit(&web.asks(&[("scope", "openid admin")])).await;
    assert_eq!(web.redeem(&alice, &reply.is_allowed().sent("code")).await.ok()["scope"], "openid");
    alice.visit(&web.asks(&[("scope", "admin")])).await.is_refused("invalid_scope");
}

#[actix_web::test]
async fn a_device_gets_what_its_person_may_give() {
    let (app, alice, root, web, _file) = bound().await;
    for (person, expected) in [(&alice, "openid"), (&root, "openid admin")] {
        let device = web.device(person, &[("scope", "openid admin")]).await;
        person.decide(&device, "approve").await;
        app.clock.advance(10);
        assert_eq!(web.poll(person, &device).await.ok()["scope"], expected);
    }
    let device = web.device(&alice, &[("scope", "admin")]).await;
    let page = alice.open(&format!("/device?user_code={}", device.user_code)).await;
    page.says("cannot give this application what it asks for");
    assert_eq!(web.poll(&alice, &device).await.error(), "authorization_pending");
}

#[actix_web::test]
async fn d7_each_issuance_looks_at_the_role_of_now() {
    let (app, _, root, web, _file) = bound().await;
    let tokens = web.granted(&root, &[("scope", "openid read admin")]).await;
    // The role changes behind the epoch's back, as when the file binds a scope later.
    app.sql("UPDATE users SET role = 'user' WHERE username = 'root'").await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let only = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("scope", "admin")];
    assert_eq!(web.token(&root, &only).await.error(), "invalid_scope");
    assert_eq!(web.refresh(&root, refresh).await.ok()["scope"], "openid read");
}

#[actix_web::test]
async fn another_role_by_command_ends_what_was_issued() {
    let (app, _, root, web, _file) = bound().await;
    let (access, refresh) = root.tokens(&web, "openid admin").await;
    set_role(&app, "root", Role::User).await;
    assert!(!web.is_live(&root, &access).await);
    assert_eq!(web.refresh(&root, &refresh).await.error(), "invalid_grant");
}

#[actix_web::test]
async fn a_client_by_itself_never_has_a_scope_of_people() {
    let (_app, alice, _, web, _file) = bound().await;
    let all = web.token(&alice, &[("grant_type", "client_credentials")]).await.ok();
    assert_eq!(all["scope"], "read");
    let asked = web.token(&alice, &[("grant_type", "client_credentials"), ("scope", "admin")]).await;
    assert_eq!(asked.error(), "invalid_scope");
}

#[actix_web::test]
async fn a_listed_resource_is_for_self_registered_clients_only_if_it_says_so() {
    let file = NamedTempFile::new().unwrap();
    let text = "[resources]\npayroll = \"https://payroll.example.com\"\n\
                mcp = { uri = \"https://mcp.example.com\", self_registered = true }\n";
    std::fs::write(file.path(), text).unwrap();
    let init = TestApp::init().with("CONFIG_FILE", file.path().to_str().unwrap());
    let (app, anon, alice) = init.with_user("alice").await;
    let web = app.web_client().await;
    let asks = |resource: &str| web.asks(&[("resource", resource), ("prompt", "none")]);
    alice.visit(&asks("https://payroll.example.com")).await.is_refused("consent_required");
    app.sql("UPDATE clients SET origin = 'self'").await;
    alice.visit(&asks("https://payroll.example.com/")).await.is_refused("invalid_target");
    for open in ["https://mcp.example.com", "https://elsewhere.example.com"] {
        alice.visit(&asks(open)).await.is_refused("consent_required");
    }
    let form = [("scope", "read"), ("resource", "https://payroll.example.com")];
    web.post(&anon, "/oauth/device/code", &form).await.is_error(400, "invalid_target");
}
