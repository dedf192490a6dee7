//! `POST /oauth/revoke` (RFC 7009; deviation D4).

use authgate_core::client::ClientType;

use crate::util::TestApp;

#[actix_web::test]
async fn rfc7009_2_1_a_refresh_token_takes_its_grant_along() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    for client in [app.web_client().await, app.client_of(ClientType::Public, |_| ()).await] {
        let (access, first) = alice.tokens(&client, "read").await;
        let reply = client.refresh(&anon, &first).await;
        client.revoke(&anon, &reply.member("refresh_token")).await;
        for token in [access, reply.member("access_token")] {
            assert_eq!(anon.status_with("/oauth/tokeninfo", &token).await, 401);
        }
        client.refresh(&anon, &reply.member("refresh_token")).await.is_error(400, "invalid_grant");
    }
}

#[actix_web::test]
async fn an_access_token_goes_alone() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (access, refresh) = alice.tokens(&web, "read").await;
    web.revoke(&anon, &access).await;
    assert!(!web.is_live(&anon, &access).await);
    let reply = web.refresh(&anon, &refresh).await;
    assert!(web.is_live(&anon, &reply.member("access_token")).await);
}

#[actix_web::test]
async fn a_clients_own_token_can_be_revoked() {
    let (app, anon) = TestApp::init().start();
    let machine = app.machine("read", &[]).await;
    let token = machine.token(&anon, &[("grant_type", "client_credentials")]).await.member("access_token");
    machine.revoke(&anon, &token).await;
    assert_eq!(anon.status_with("/oauth/tokeninfo", &token).await, 401);
}

#[actix_web::test]
async fn d4_a_client_revokes_its_own_tokens_and_is_told_200_about_every_other() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let (web, other) = (app.web_client().await, app.web_client().await);
    let public = app.client_of(ClientType::Public, |_| ()).await;
    let (access, refresh) = alice.tokens(&web, "read").await;
    for thief in [&other, &public] {
        thief.revoke(&anon, &access).await;
        thief.revoke(&anon, &refresh).await;
    }
    assert!(web.is_live(&anon, &access).await);
    let newest = web.refresh(&anon, &refresh).await.member("refresh_token");
    for text in
        ["x", "a.b.c", "agr_x", &format!("{newest}x"), &newest[..newest.len() - 1], &format!("{access}x")]
    {
        web.revoke(&anon, text).await;
    }
    assert!(web.is_live(&anon, &access).await);
    // Once more is nothing new.
    web.revoke(&anon, &newest).await;
    web.revoke(&anon, &newest).await;
    assert!(!web.is_live(&anon, &access).await);
    assert_eq!(app.events("TOKEN_REVOKED").await, 1);
}

#[actix_web::test]
async fn rfc7009_2_1_a_hint_is_only_a_hint() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    for hint in ["access_token", "refresh_token", "other"] {
        let (access, refresh) = alice.tokens(&web, "read").await;
        for token in [access.as_str(), &refresh] {
            let form = [("token", token), ("token_type_hint", hint)];
            let reply = web.post(&anon, "/oauth/revoke", &form).await;
            assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")));
        }
        assert!(!web.is_live(&anon, &access).await);
        web.refresh(&anon, &refresh).await.is_error(400, "invalid_grant");
    }
}

#[actix_web::test]
async fn a_superseded_refresh_token_still_names_its_grant() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (_, first) = alice.tokens(&web, "read").await;
    let newest = web.refresh(&anon, &first).await.member("refresh_token");
    web.revoke(&anon, &first).await;
    web.refresh(&anon, &newest).await.is_error(400, "invalid_grant");
}

#[actix_web::test]
async fn what_is_missing_is_said() {
    let (app, anon) = TestApp::init().start();
    let web = app.web_client().await;
    web.post(&anon, "/oauth/revoke", &[]).await.is_error(400, "invalid_request");
    anon.post("/oauth/revoke").form(&[("token", "x")]).send().await.is_error(401, "invalid_client");
}
