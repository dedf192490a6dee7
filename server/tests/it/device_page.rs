//! `/device`: a code is entered, looked at, and decided by the person whose account it is.

use authgate_core::audit::Origin;
use authgate_core::client::{self, ClientStatus, ClientType};

use crate::util::{Client, ORIGIN, Registered, Reply, TestApp};

const VERIFY: &str = "/device/verify";

/// A device that waits.
struct Device {
    client: Registered,
    code: String,
    user_code: String,
}

impl Device {
    async fn new(app: &TestApp) -> Self {
        Self::asks(app, &[("scope", "openid read")]).await
    }

    async fn asks(app: &TestApp, more: &[(&str, &str)]) -> Self {
        let client = app.client_of(ClientType::Public, |spec| spec.name = "Living Room TV".into()).await;
        let form = [&[("client_id", client.id.as_str())], more].concat();
        let answer = app.client().post("/oauth/device/code").form(&form).send().await.json();
        let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        Self { code: text("device_code"), user_code: text("user_code"), client }
    }

    async fn poll(&self, app: &TestApp) -> Reply {
        app.clock.advance(10);
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("client_id", self.client.id.as_str()),
            ("device_code", self.code.as_str()),
        ];
        app.client().post("/oauth/token").form(&form).send().await
    }
}

/// Types a code into the empty form.
async fn enter(browser: &Client, user_code: &str) -> Reply {
    let form = browser.visit("/device").await.form_to(VERIFY);
    browser.submit(form.with("user_code", user_code)).await
}

#[actix_web::test]
async fn d34_a_code_that_came_along_is_shown_and_not_approved() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let device = Device::new(&app).await;
    let path = format!("/device?user_code={}", device.user_code);
    let login = anon.visit(&path).await.form_to("/login");
    assert_eq!(login.field("redirect"), path, "the code survives the login");
    let page = alice.visit(&path).await;
    page.is_page(200);
    for words in ["Living Room TV", &device.client.id, &device.user_code, "127.0.0.1", "alice"] {
        page.says(words);
    }
    page.says("Read your profile and data").says("Verify your identity");
    assert_eq!(device.poll(&app).await.error(), "authorization_pending");
    let done = alice.submit(page.form_to(VERIFY).press("approve")).await;
    done.is_page(200).says("Device connected").says("Living Room TV");
    assert_eq!(device.poll(&app).await.status, 200);
}

#[actix_web::test]
async fn d34_a_typed_code_is_confirmed_first() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let device = Device::new(&app).await;
    let code = &device.user_code;
    for typed in
        [code.clone(), code.to_lowercase(), code.replace('-', ""), format!(" {} ", code.replace('-', " "))]
    {
        let page = enter(&alice, &typed).await;
        page.is_page(200).says(code);
        assert_eq!(page.form_to(VERIFY).field("confirmed"), "true");
    }
    assert_eq!(device.poll(&app).await.error(), "authorization_pending");
    let form = alice.visit("/device").await.form_to(VERIFY).with("user_code", code);
    for confirmed in ["false", "1", "TRUE", ""] {
        alice.submit(form.clone().with("confirmed", confirmed)).await.is_page(200).says("Connect");
    }
    assert_eq!(device.poll(&app).await.error(), "authorization_pending");
    alice.submit(form.with("confirmed", "true")).await.says("Device connected");
    assert_eq!(device.poll(&app).await.status, 200);
}

#[actix_web::test]
async fn a_no_reaches_the_device() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let device = Device::new(&app).await;
    let page = enter(&alice, &device.user_code).await;
    alice.submit(page.form_to(VERIFY).press("deny")).await.is_page(200).says("Request denied");
    assert_eq!(device.poll(&app).await.error(), "access_denied");
    assert_eq!(app.number("SELECT COUNT(*) FROM consents").await, 0);
}

#[actix_web::test]
async fn codes_that_cannot_be_decided_say_why() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let form = alice.visit("/device").await.form_to(VERIFY);
    alice.submit(form.with("user_code", "")).await.is_page(400).says("Please enter a user code");
    enter(&alice, "AAAA-AAAA").await.is_page(400).says("User code not found");
    enter(&alice, "no").await.is_page(400).says("User code not found");
    alice.visit("/device?user_code=AAAA-AAAA").await.is_page(400).says("User code not found");
    let device = Device::new(&app).await;
    let page = enter(&alice, &device.user_code).await;
    let decided = page.form_to(VERIFY).press("approve");
    alice.submit(decided.clone()).await.is_page(200);
    for form in [decided.clone(), decided.with("action", "deny")] {
        alice.submit(form).await.is_page(400).says("This code has already been authorized");
    }
    app.clock.advance(60);
    let device = Device::new(&app).await;
    let (client, ctx) = (app.find_client(&device.client.id).await, app.context());
    app.write(move |tx| client::set_status(tx, &client, ClientStatus::Inactive, &Origin::default(), &ctx))
        .await;
    enter(&alice, &device.user_code).await.is_page(400).says("This application is not active");
    let device = Device::new(&app).await;
    let page = enter(&alice, &device.user_code).await;
    app.clock.advance(1799);
    let alice = app.browser_of("alice").await;
    enter(&alice, &device.user_code).await.is_page(200);
    app.clock.advance(1);
    enter(&alice, &device.user_code).await.is_page(400).says("Code has expired, please request a new one");
    let token = alice.visit("/device").await.form_to(VERIFY);
    let late = page.form_to(VERIFY).press("approve").with("csrf_token", token.field("csrf_token"));
    alice.submit(late).await.is_page(400).says("Code has expired");
    assert_eq!(device.poll(&app).await.error(), "expired_token");
}

#[actix_web::test]
async fn a_client_switched_off_while_the_page_was_open_gets_nothing() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let device = Device::new(&app).await;
    let page = enter(&alice, &device.user_code).await;
    for status in [ClientStatus::Inactive, ClientStatus::Active] {
        let (client, ctx) = (app.find_client(&device.client.id).await, app.context());
        app.write(move |tx| client::set_status(tx, &client, status, &Origin::default(), &ctx)).await;
        // Even if it is on again: what it asked for before is void.
        alice.submit(page.form_to(VERIFY).press("approve")).await.is_page(400);
    }
    assert_eq!(app.number("SELECT COUNT(*) FROM consents WHERE status = 'active'").await, 0);
}

#[actix_web::test]
async fn adv_34_racing_decisions_are_one() {
    let (app, _, alice) = TestApp::init().with("DEVICE_VERIFY_RATE_LIMIT", "100").with_user("alice").await;
    let device = Device::new(&app).await;
    let form = enter(&alice, &device.user_code).await.form_to(VERIFY);
    let (yes, no) = (form.clone().press("approve"), form.press("deny"));
    let racing: Vec<_> = (0..8)
        .map(|n| if n % 2 == 0 { &yes } else { &no })
        .map(|form| {
            actix_web::rt::spawn(alice.post(VERIFY).header("origin", ORIGIN).form(&form.pairs()).send())
        })
        .collect();
    let mut decided = 0;
    for reply in racing {
        decided += u32::from(reply.await.unwrap().status == 200);
    }
    assert_eq!(decided, 1);
    let approved = app.number("SELECT COUNT(*) FROM device_codes WHERE status = 'approved'").await;
    assert_eq!(app.number("SELECT COUNT(*) FROM consents").await, approved, "a no leaves no consent behind");
}

#[actix_web::test]
async fn d46_a_person_has_ten_wrong_codes_in_ten_minutes() {
    let (app, _, alice) = TestApp::init().with("DEVICE_VERIFY_RATE_LIMIT", "100").with_user("alice").await;
    for n in 0..10 {
        if n == 5 {
            app.clock.advance(120);
        }
        enter(&alice, &format!("AAAA-AAA{}", char::from(b'A' + n))).await.is_page(400);
    }
    let device = Device::new(&app).await;
    app.clock.advance(420);
    let reply = enter(&alice, &device.user_code).await;
    reply.is_page(429).says("Too many attempts");
    assert_eq!(reply.header("retry-after"), Some("60"));
    alice.open(&format!("/device?user_code={}", device.user_code)).await.is_page(429);
    app.create_user("bob").await;
    enter(&app.browser_of("bob").await, &device.user_code).await.is_page(200);
    app.clock.advance(60);
    enter(&alice, &device.user_code).await.is_page(200);
}

#[actix_web::test]
async fn adv_20_no_spelling_session_or_address_gives_more_guesses_and_a_code_is_decided_once() {
    let (app, _, alice) = TestApp::init().with("DEVICE_VERIFY_RATE_LIMIT", "100").with_user("alice").await;
    let again = app.browser_of("alice").await;
    for guess in ["AAAA-AAAA", "aaaa-aaaa", "AAAAAAAA", " aaaaaaaa ", "aaaa aaaa"] {
        for browser in [&alice, &again] {
            enter(browser, guess).await.is_page(400);
        }
    }
    let device = Device::new(&app).await;
    for browser in [&alice, &again] {
        enter(browser, &device.user_code).await.is_page(429);
    }
    app.clock.advance(600);
    let form = enter(&alice, &device.user_code).await.form_to(VERIFY);
    alice.submit(form.press("approve")).await.is_page(200);
    for code in [device.user_code.clone(), device.user_code.to_lowercase(), device.user_code.replace('-', "")]
    {
        enter(&again, &code).await.is_page(400);
    }
}

#[actix_web::test]
async fn d46_right_codes_do_not_count_as_wrong() {
    let (app, _, alice) = TestApp::init().with("DEVICE_VERIFY_RATE_LIMIT", "100").with_user("alice").await;
    let device = Device::new(&app).await;
    for _ in 0..15 {
        enter(&alice, &device.user_code).await.is_page(200);
    }
    enter(&alice, "AAAA-AAAA").await.is_page(400);
}

#[actix_web::test]
async fn codes_are_limited_by_address() {
    let (app, _, alice) = TestApp::init().with("DEVICE_VERIFY_RATE_LIMIT", "3").with_user("alice").await;
    app.create_user("bob").await;
    let bob = app.browser_of("bob").await;
    let device = Device::new(&app).await;
    for browser in [&alice, &bob, &alice] {
        enter(browser, &device.user_code).await.is_page(200);
    }
    let reply = enter(&bob, &device.user_code).await;
    reply.is_page(429);
    assert_eq!(reply.header("retry-after"), Some("60"));
    app.clock.advance(60);
    enter(&bob, &device.user_code).await.is_page(200);
}

#[actix_web::test]
async fn adv_33_a_form_of_another_session_approves_nothing() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    app.create_user("mallory").await;
    let mallory = app.browser_of("mallory").await;
    let device = Device::new(&app).await;
    let form = enter(&mallory, &device.user_code).await.form_to(VERIFY).press("approve");
    // Mallory's page, sent by Alice's browser: with Mallory's token, with none, from elsewhere.
    alice.submit(form.clone()).await.is_page(403);
    alice.submit(form.clone().without("csrf_token")).await.is_page(403);
    let own = alice.visit("/account/sessions").await.form_to("/account/sessions/revoke-all");
    alice.submit(form.clone().with("csrf_token", own.field("csrf_token"))).await.is_page(403);
    let good = alice.visit("/device").await.form_to(VERIFY);
    let good = form.with("csrf_token", good.field("csrf_token"));
    for (name, value) in
        [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
    {
        alice.post(VERIFY).header(name, value).form(&good.pairs()).send().await.is_page(403);
    }
    assert_eq!(device.poll(&app).await.error(), "authorization_pending");
}

#[actix_web::test]
async fn adv_33_the_page_says_whose_account_it_is() {
    let (app, _, browser) = TestApp::init().with_user("alice").await;
    app.create_user("bob").await;
    let device = Device::new(&app).await;
    let page = enter(&browser, &device.user_code).await;
    page.says("alice");
    // "Not you?" signs out and leads back to the same code.
    let not_me =
        page.forms().into_iter().find(|form| form.action == "/logout" && form.has("redirect")).unwrap();
    let login = browser.follow(browser.submit(not_me).await).await.form_to("/login");
    let reply = browser.submit(login.with("username", "bob").with("password", crate::util::PASSWORD)).await;
    let of_bob = browser.follow(reply).await;
    of_bob.says("bob").says(&device.user_code);
    browser.submit(page.form_to(VERIFY).press("approve")).await.is_page(403);
    browser.submit(of_bob.form_to(VERIFY).press("approve")).await.says("Device connected");
    let token = device.poll(&app).await.json()["access_token"].as_str().unwrap().to_owned();
    let info = browser.get("/oauth/tokeninfo").bearer(&token).send().await.json();
    let bob = app.write(|tx| authgate_core::user::by_username(tx, "bob")).await.unwrap();
    assert_eq!(info["user_id"], bob.id);
}

#[actix_web::test]
async fn a_device_approval_is_no_consent_for_the_browser_flow() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let device = Device::new(&app).await;
    let page = enter(&alice, &device.user_code).await;
    alice.submit(page.form_to(VERIFY).press("approve")).await.says("Device connected");
    alice.open(&device.client.asks(&[("prompt", "none")])).await.is_refused("consent_required");
    alice.allow(&device.client.asks(&[])).await.is_allowed();
    assert_eq!(app.number("SELECT COUNT(*) FROM consents WHERE status = 'active'").await, 2);
}

#[actix_web::test]
async fn d34_one_step_is_for_typed_codes_without_resources() {
    let (app, _, alice) = TestApp::init()
        .with("COMPAT_DEVICE_ONE_STEP", "true")
        .with("DEVICE_VERIFY_RATE_LIMIT", "100")
        .with_user("alice")
        .await;
    let device = Device::new(&app).await;
    enter(&alice, &device.user_code).await.is_page(200).says("Device connected");
    assert_eq!(device.poll(&app).await.status, 200);
    let prefilled = Device::new(&app).await;
    let page = alice.visit(&format!("/device?user_code={}", prefilled.user_code)).await;
    page.form_to(VERIFY).field("confirmed");
    assert_eq!(prefilled.poll(&app).await.error(), "authorization_pending");
    let bound = Device::asks(&app, &[("resource", "https://api.example.com")]).await;
    enter(&alice, &bound.user_code).await.says("https://api.example.com").form_to(VERIFY).field("confirmed");
    assert_eq!(bound.poll(&app).await.error(), "authorization_pending");
}
