//! The consent page: whom it is bound to, what it says.

mod grows;
mod remembered;
mod roles;

use authgate_core::audit::Origin;
use authgate_core::client::{self, ClientStatus, ClientType};
use authgate_core::scope::Scope;
use authgate_core::user;

use crate::util::{CALLBACK, CHALLENGE, Client, ORIGIN, PASSWORD, Registered, Reply, TestApp};

const DECIDE: &str = "/oauth/authorize";

async fn decide(browser: &Client, page: &Reply, action: &str) -> Reply {
    browser.submit(page.form_to(DECIDE).press(action)).await
}

#[actix_web::test]
async fn a_request_is_decided_once() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let page = alice.visit(&web.asks(&[])).await;
    decide(&alice, &page, "approve").await.is_allowed();
    for action in ["approve", "deny"] {
        decide(&alice, &page, action).await.is_page(403);
    }
    let id = page.form_to(DECIDE).field("interaction").to_owned();
    alice.open(&format!("/oauth/authorize?interaction={id}")).await.is_page(400);
    assert_eq!(app.number("SELECT COUNT(*) FROM authorization_codes").await, 1);
}

#[actix_web::test]
async fn adv_34_sixteen_racing_decisions_give_one_code() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let form = alice.visit(&web.asks(&[])).await.form_to(DECIDE).press("approve");
    let racing: Vec<_> = (0..16)
        .map(|_| actix_web::rt::spawn(alice.post(DECIDE).header("origin", ORIGIN).form(&form.pairs()).send()))
        .collect();
    let mut allowed = 0;
    for reply in racing {
        match reply.await.unwrap() {
            reply if reply.status == 303 => allowed += 1,
            reply => drop(reply.is_page(403)),
        }
    }
    assert_eq!((allowed, app.number("SELECT COUNT(*) FROM authorization_codes").await), (1, 1));
}

#[actix_web::test]
async fn a_request_has_ten_minutes() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let page = alice.visit(&web.asks(&[])).await;
    app.clock.advance(600);
    decide(&alice, &page, "approve").await.is_page(403);
    assert_eq!(app.number("SELECT COUNT(*) FROM consents").await, 0);
}

#[actix_web::test]
async fn adv_26_another_browser_gets_nothing_by_the_id() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let form = alice.visit(&web.asks(&[])).await.form_to(DECIDE).press("approve");
    let path = format!("/oauth/authorize?interaction={}", form.field("interaction"));
    app.create_user("mallory").await;
    let (other, mallory) = (app.browser_of("alice").await, app.browser_of("mallory").await);
    for thief in [&app.client(), &other, &mallory] {
        thief.open(&path).await.is_page(400);
        thief.submit(form.clone()).await.is_page(403);
        // Their own page's token does not help.
        if let Some(own) = thief.has_cookie("oauth_session").then(|| thief.visit(&path)) {
            own.await;
            let own = thief.visit(&web.asks(&[])).await.form_to(DECIDE).press("approve");
            let mixed = own.with("interaction", form.field("interaction"));
            thief.submit(mixed).await.is_page(403);
        }
    }
    alice.submit(form).await.is_allowed();
}

#[actix_web::test]
async fn a_second_person_in_the_same_browser_does_not_decide_the_firsts_page() {
    let (app, _, browser) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let of_alice = browser.visit(&web.asks(&[])).await.form_to(DECIDE).press("approve");
    app.create_user("bob").await;
    browser.sign_in("bob", PASSWORD).await;
    browser.submit(of_alice.clone()).await.is_page(403);
    // Bob's own view of it is Bob's decision, and from then on not Alice's.
    let of_bob =
        browser.visit(&format!("/oauth/authorize?interaction={}", of_alice.field("interaction"))).await;
    of_bob.says("bob");
    browser.sign_in("alice", PASSWORD).await;
    browser.submit(of_alice).await.is_page(403);
    decide(&browser, &of_bob, "approve").await.is_page(403);
    assert_eq!(app.number("SELECT COUNT(*) FROM consents").await, 0);
}

#[actix_web::test]
async fn d39_a_decision_needs_the_token_of_its_own_page() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let good = || async { alice.visit(&web.asks(&[])).await.form_to(DECIDE).press("approve") };
    let (first, other) = (good().await, good().await);
    let elsewhere = alice.visit("/account/sessions").await.form_to("/account/sessions/revoke-all");
    for form in [
        first.clone().without("csrf_token"),
        first.clone().with("csrf_token", ""),
        first.clone().with("csrf_token", "AAAA"),
        first.clone().with("csrf_token", other.field("csrf_token")),
        first.clone().with("csrf_token", elsewhere.field("csrf_token")),
        first.clone().without("interaction"),
        first.clone().with("interaction", "x"),
    ] {
        alice.submit(form).await.is_page(403);
    }
    anon.submit(first.clone()).await.is_page(403);
    for (name, value) in
        [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
    {
        alice.post(DECIDE).header(name, value).form(&first.pairs()).send().await.is_page(403);
    }
    // A page from before a new login has another session's token.
    alice.sign_in("alice", PASSWORD).await;
    alice.submit(first).await.is_page(403);
    assert_eq!(app.number("SELECT COUNT(*) FROM consents").await, 0);
}

#[actix_web::test]
async fn the_contracts_hidden_fields_are_there_and_ignored() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let (web, other) = (app.web_client().await, app.web_client().await);
    let more = [("nonce", "n1"), ("resource", "https://api.example.com/")];
    let form = alice.visit(&web.asks(&more)).await.form_to(DECIDE);
    for (name, value) in [
        ("client_id", web.id.as_str()),
        ("redirect_uri", CALLBACK),
        ("scope", "openid read"),
        ("state", "s1"),
        ("nonce", "n1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("resource", "https://api.example.com/"),
    ] {
        assert_eq!(form.field(name), value);
    }
    let tampered = form.with("client_id", &other.id).with("redirect_uri", "https://evil.example/");
    let tampered = tampered.with("scope", "openid read write").with("state", "evil").with("nonce", "evil");
    let tampered = tampered.with("code_challenge", &"x".repeat(43)).with("resource", "https://evil.example/");
    let reply = alice.submit(tampered.press("approve")).await;
    assert_eq!(reply.is_allowed().sent("state"), "s1");
    let tokens = web.redeem(&alice, &reply.sent("code")).await.json();
    assert_eq!(tokens["scope"], "openid read");
    let info = alice.get("/oauth/tokeninfo").bearer(tokens["access_token"].as_str().unwrap()).send().await;
    assert_eq!(info.json()["aud"], "https://api.example.com/");
}

#[actix_web::test]
async fn a_client_that_changed_is_shown_again() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let page = alice.visit(&web.asks(&[("scope", "openid read write")])).await;
    app.change_client(&web.id, |spec| spec.name = "Renamed App".into()).await;
    let page = decide(&alice, &page, "approve").await;
    page.is_page(200).says("Renamed App");
    app.change_client(&web.id, |spec| spec.scopes = Scope::parse("openid read").unwrap()).await;
    let page = decide(&alice, &page, "approve").await;
    page.is_page(200);
    assert_eq!(page.form_to(DECIDE).field("scope"), "openid read", "what it lost is not asked for");
    let reply = decide(&alice, &page, "approve").await;
    assert_eq!(web.redeem(&alice, &reply.is_allowed().sent("code")).await.json()["scope"], "openid read");
    let page = alice.visit("/account/authorizations").await;
    assert!(page.says("Renamed App").text().contains(">read<") && !page.text().contains(">write<"));
}

#[actix_web::test]
async fn a_client_that_may_no_longer_ask_gets_no_answer() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    for action in ["approve", "deny"] {
        let web = app.web_client().await;
        let page = alice.visit(&web.asks(&[])).await;
        app.change_client(&web.id, |spec| spec.redirect_uris = vec!["https://app.example.com/new".into()])
            .await;
        decide(&alice, &page, action).await.is_page(400);
        let web = app.web_client().await;
        let page = alice.visit(&web.asks(&[])).await;
        switch_off(&app, &web).await;
        decide(&alice, &page, action).await.is_page(400);
    }
    let web = app.web_client().await;
    let asked = web.asks(&[("prompt", "none")]);
    let (path, query) = asked.split_once('?').unwrap();
    let reply = alice.post(path).body("application/x-www-form-urlencoded", query.to_owned()).send().await;
    switch_off(&app, &web).await;
    alice.follow(reply).await.is_page(400);
    assert_eq!(app.number("SELECT COUNT(*) FROM consents").await, 0);
}

async fn switch_off(app: &TestApp, web: &Registered) {
    let (client, ctx) = (app.find_client(&web.id).await, app.context());
    app.write(move |tx| client::set_status(tx, &client, ClientStatus::Inactive, &Origin::default(), &ctx))
        .await;
}

#[actix_web::test]
async fn a_no_changes_nothing() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (access, _) = alice.tokens(&web, "openid read").await;
    let page = alice.visit(&web.asks(&[("scope", "openid read write")])).await;
    let reply = decide(&alice, &page, "deny").await;
    reply.is_refused("access_denied");
    assert_eq!((reply.status, reply.sent("state").as_str()), (303, "s1"));
    assert!(web.is_live(&alice, &access).await);
    alice.open(&web.asks(&[("prompt", "none")])).await.is_allowed();
    alice.open(&web.asks(&[("prompt", "none"), ("scope", "write")])).await.is_refused("consent_required");
    assert_eq!(app.events("AUTHORIZATION_CODE_DENIED").await, 1);
}

#[actix_web::test]
async fn the_page_marks_what_is_new() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let new = |page: &Reply| page.text().matches(">New<").count();
    let first = alice.visit(&web.asks(&[("scope", "openid read")])).await;
    assert_eq!(new(&first), 0, "where all is new, nothing stands out");
    alice.allow(&web.asks(&[("scope", "openid read")])).await.is_allowed();
    let page = alice.visit(&web.asks(&[("scope", "openid read write")])).await;
    assert_eq!(new(&page), 1);
    let at = page.text().find(">New<").unwrap();
    assert!(page.text()[..at].rfind(">write<") > page.text()[..at].rfind(">read<"), "it is write");
    decide(&alice, &page, "approve").await.is_allowed();
    // A consent never grows to pairs that were not asked for.
    let there = alice.visit(&web.asks(&[("scope", "read"), ("resource", "https://api.example.com")])).await;
    assert_eq!(new(&there), 1);
    decide(&alice, &there, "approve").await.is_allowed();
    let asked = web.asks(&[("scope", "write"), ("resource", "https://api.example.com")]);
    assert_eq!(new(&alice.visit(&asked).await), 1);
}

#[actix_web::test]
async fn the_page_says_who_asks_for_what_and_for_whom() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let page = alice.visit(&web.asks(&[("resource", "https://api.example.com/v1")])).await;
    for words in ["Example App", &web.id, "alice", "app.example.com", "Read your profile and data"] {
        page.says(words);
    }
    page.says("Verify your identity").says("https://api.example.com/v1");
    page.says("1 hour at a time, renewed until you sign out");
    alice.visit(&web.asks(&[("scope", "openid offline_access")])).await.says("renewed until you revoke it");
    let shown = alice.visit(&web.asks(&[])).await;
    let not_me =
        shown.forms().into_iter().find(|form| form.action == "/logout" && form.has("redirect")).unwrap();
    let page = alice.follow(alice.submit(not_me).await).await;
    app.create_user("bob").await;
    let form = page.form_to("/login").with("username", "bob").with("password", PASSWORD);
    alice.follow(alice.submit(form).await).await.says("Example App").says("bob");
}

#[actix_web::test]
async fn d22_a_form_may_lead_to_the_redirect_origin_and_nowhere_else() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    for (uri, target) in [
        ("https://app.example.com:8443/a/b?c=d", "https://app.example.com:8443"),
        ("http://127.0.0.1:8088/cb", "http://127.0.0.1:8088"),
        ("com.example.app:/cb", "com.example.app:"),
    ] {
        let named = |spec: &mut client::ClientSpec| spec.redirect_uris = vec![uri.to_owned()];
        let public = app.client_of(ClientType::Public, named).await;
        let page = alice.visit(&public.asks(&[("redirect_uri", uri)])).await;
        let policy = page.header("content-security-policy").unwrap();
        let forms = policy.split("; ").find_map(|part| part.strip_prefix("form-action ")).unwrap();
        assert_eq!(forms, format!("'self' {target}"));
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
    }
}

#[actix_web::test]
async fn adv_28_hostile_names_are_text() {
    let (app, _, _) = TestApp::init().with_user("alice").await;
    let hostile = "<script>alert(1)</script>\"'><img src=x onerror=y>{{7*7}}&amp;";
    let named = |spec: &mut client::ClientSpec| {
        spec.name = hostile.into();
        spec.description = Some(hostile.into());
    };
    let web = app.client_of(ClientType::Confidential, named).await;
    let id = app.write(|tx| user::by_username(tx, "alice")).await.unwrap().id;
    let sql = "UPDATE users SET full_name = ?1 WHERE id = ?2";
    app.write(move |tx| tx.execute(sql, &[hostile.into(), id.as_str().into()])).await;
    let alice = app.browser_of("alice").await;
    let state = [("state", "\"><script>x</script>"), ("nonce", "'><b>")];
    let consent = alice.visit(&web.asks(&state)).await;
    assert_eq!(consent.form_to(DECIDE).field("state"), "\"><script>x</script>");
    decide(&alice, &consent, "approve").await.is_allowed();
    let login = app.client().visit(&web.asks(&state)).await;
    let (apps, home) = (alice.visit("/account/authorizations").await, alice.visit("/account/sessions").await);
    let error = alice.visit("/oauth/authorize?client_id=%3Cscript%3E&state=%3Cscript%3E").await;
    for page in [&consent, &login, &apps, &home, &error] {
        let text = page.text();
        assert!(!text.contains("<script") && !text.contains("<img"), "{text}");
    }
    for page in [&consent, &login, &apps] {
        page.says("&lt;script&gt;alert(1)&lt;/script&gt;").says("{{7*7}}");
    }
}
