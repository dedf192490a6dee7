//! Who must log in first, and who may not be asked at all: `prompt`, `max_age`, `id_token_hint`.

use authgate_core::client::ClientType;

use crate::util::{Client, PASSWORD, Registered, Reply, TestApp};

#[actix_web::test]
async fn openid_core_3_1_2_1_prompt_none_shows_no_page() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let silent = web.asks(&[("prompt", "none")]);
    anon.open(&silent).await.is_refused("login_required");
    alice.open(&silent).await.is_refused("consent_required");
    alice.allow(&web.asks(&[])).await.is_allowed();
    alice.open(&silent).await.is_allowed();
    alice
        .open(&web.asks(&[("prompt", "none"), ("scope", "openid read write")]))
        .await
        .is_refused("consent_required");
    app.clock.advance(100);
    alice.open(&web.asks(&[("prompt", "none"), ("max_age", "99")])).await.is_refused("login_required");
    alice.open(&web.asks(&[("prompt", "none"), ("max_age", "100")])).await.is_allowed();
    let uri = "http://127.0.0.1:8088/cb";
    let native = app.client_of(ClientType::Public, |spec| spec.redirect_uris = vec![uri.to_owned()]).await;
    alice.allow(&native.asks(&[("redirect_uri", uri)])).await;
    let reply = alice.open(&native.asks(&[("redirect_uri", uri), ("prompt", "none")])).await;
    assert_eq!(reply.sent("error"), "interaction_required");
}

/// Signs in on the login page that a request led to, and goes on.
async fn sign_in_on(browser: &Client, page: &Reply, username: &str) -> Reply {
    let form = page.form_to("/login").with("username", username).with("password", PASSWORD);
    let reply = browser.submit(form).await;
    browser.follow(reply).await
}

async fn allowed_before(browser: &Client, web: &Registered) {
    browser.allow(&web.asks(&[])).await.is_allowed();
}

#[actix_web::test]
async fn adv_22_a_login_must_follow_the_request_that_wants_one() {
    for prompt in ["login", "select_account", "login consent"] {
        let (app, _, alice) = TestApp::init().with_user("alice").await;
        let web = app.web_client().await;
        allowed_before(&alice, &web).await;
        let before = alice.cookie("oauth_session").unwrap();
        // In the very second of the login, and later.
        for seconds in [0, 60] {
            app.clock.advance(seconds);
            let page = alice.visit(&web.asks(&[("prompt", prompt)])).await;
            page.is_page(200).says("sign in again");
            let path = page.form_to("/login").field("redirect").to_owned();
            // Going on without a login leads to the login page again, with a session older than the request too.
            alice.visit(&path).await.form_to("/login");
            let replay = app.client();
            replay.set_cookie("oauth_session", &before);
            replay.set_cookie("oauth_interaction", &alice.cookie("oauth_interaction").unwrap());
            replay.visit(&path).await.form_to("/login");
        }
        app.clock.advance(1);
        let page = alice.visit(&web.asks(&[("prompt", prompt)])).await;
        let after = sign_in_on(&alice, &page, "alice").await;
        let reply = match prompt {
            "login consent" => alice.submit(after.form_to("/oauth/authorize").press("approve")).await,
            _ => after,
        };
        reply.is_allowed();
        let id_token =
            web.redeem(&alice, &reply.sent("code")).await.json()["id_token"].as_str().unwrap().to_owned();
        assert_eq!(claims(&id_token)["auth_time"], app.context().now(), "{prompt}");
    }
}

/// The claims of a token of the server's own.
fn claims(token: &str) -> serde_json::Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&authgate_core::secret::from_base64url(part).unwrap()).unwrap()
}

#[actix_web::test]
async fn adv_22_max_age_asks_who_logged_in_too_long_ago() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    allowed_before(&alice, &web).await;
    app.clock.advance(300);
    alice.visit(&web.asks(&[("max_age", "300")])).await.is_allowed();
    let page = alice.visit(&web.asks(&[("max_age", "299")])).await;
    let reply = sign_in_on(&alice, &page, "alice").await;
    reply.is_allowed();
    let tokens = web.redeem(&alice, &reply.sent("code")).await.json();
    assert_eq!(claims(tokens["id_token"].as_str().unwrap())["auth_time"], app.context().now());
    app.clock.advance(1);
    alice.visit(&web.asks(&[("max_age", "0")])).await.form_to("/login");
}

#[actix_web::test]
async fn openid_core_3_1_2_1_max_age_0_is_prompt_login() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    allowed_before(&alice, &web).await;
    // In the very second of the login too.
    let page = alice.visit(&web.asks(&[("max_age", "0")])).await;
    page.form_to("/login");
    alice.open(&web.asks(&[("max_age", "0"), ("prompt", "none")])).await.is_refused("login_required");
    app.clock.advance(1);
    sign_in_on(&alice, &page, "alice").await.is_allowed();
}

#[actix_web::test]
async fn adv_22_another_persons_login_decides_for_that_person() {
    let (app, _, browser) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    allowed_before(&browser, &web).await;
    app.create_user("bob").await;
    app.clock.advance(10);
    let page = browser.visit(&web.asks(&[("prompt", "login")])).await;
    let page = sign_in_on(&browser, &page, "bob").await;
    // Bob has allowed nothing yet: what Alice allowed does not count.
    page.says("bob");
    let reply = browser.submit(page.form_to("/oauth/authorize").press("approve")).await;
    let tokens = web.redeem(&browser, &reply.sent("code")).await.json();
    let userinfo =
        browser.get("/oauth/userinfo").bearer(tokens["access_token"].as_str().unwrap()).send().await;
    let bob = app.write(|tx| authgate_core::user::by_username(tx, "bob")).await.unwrap();
    assert_eq!(userinfo.json()["sub"], bob.id);
}

#[actix_web::test]
async fn d14_an_id_token_hint_says_who_may_answer() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let (web, other) = (app.web_client().await, app.web_client().await);
    let reply = alice.allow(&web.asks(&[])).await;
    let tokens = web.redeem(&alice, &reply.sent("code")).await.json();
    let hint = tokens["id_token"].as_str().unwrap().to_owned();
    app.create_user("bob").await;
    let bob = app.browser_of("bob").await;
    allowed_before(&bob, &web).await;
    // It counts however old it is.
    app.clock.advance(3 * 3600);
    let (alice, bob) = (app.browser_of("alice").await, app.browser_of("bob").await);
    let silent = [("prompt", "none"), ("id_token_hint", &hint)];
    alice.open(&web.asks(&silent)).await.is_allowed();
    bob.open(&web.asks(&silent)).await.is_refused("login_required");
    anon.open(&web.asks(&silent)).await.is_refused("login_required");
    let page = bob.visit(&web.asks(&[("id_token_hint", &hint)])).await;
    let again = sign_in_on(&bob, &page, "bob").await;
    sign_in_on(&bob, &again, "alice").await.is_allowed();
    let access = tokens["access_token"].as_str().unwrap();
    let forged = format!("{}x", hint.trim_end_matches(char::is_alphanumeric));
    for wrong in ["x", access, &forged] {
        alice.open(&web.asks(&[("id_token_hint", wrong)])).await.is_refused("invalid_request");
    }
    alice.open(&other.asks(&[("id_token_hint", &hint)])).await.is_refused("invalid_request");
}
