//! Signing out at the wish of a client (OpenID Connect RP-Initiated Logout 1.0), and `sid`.

use authgate_core::scope::Scope;
use serde_json::Value;

use crate::util::jws::{Jws, encode};
use crate::util::{Client, Registered, TestApp};

const PATH: &str = "/oauth/logout";
const BYE: &str = "https://app.example.com/bye";

/// A client with an address to return to.
async fn leaving(app: &TestApp) -> Registered {
    let web = app.web_client().await;
    app.change_client(&web.id, |spec| {
        spec.post_logout_redirect_uris = vec![BYE.into(), "https://app.example.com/bye?a=1".into()];
        spec.scopes = Scope::parse("openid read offline_access").unwrap();
    })
    .await;
    web
}

struct Grant {
    id_token: String,
    refresh_token: String,
}

async fn granted(http: &Client, web: &Registered, scope: &str) -> Grant {
    let tokens = web.granted(http, &[("scope", scope)]).await;
    let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
    Grant { id_token: text("id_token"), refresh_token: text("refresh_token") }
}

fn to(pairs: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{PATH}?{query}")
}

async fn is_signed_in(http: &Client) -> bool {
    http.open("/account/sessions").await.status == 200
}

fn sid(id_token: &str) -> Option<String> {
    Jws::read(id_token).claims["sid"].as_str().map(str::to_owned)
}

#[actix_web::test]
async fn openid_rp_logout_3_the_person_of_the_hint_signs_out_and_returns_with_state() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = leaving(&app).await;
    let (online, offline) =
        (granted(&alice, &web, "openid").await, granted(&alice, &web, "openid offline_access").await);
    let pairs =
        [("id_token_hint", online.id_token.as_str()), ("post_logout_redirect_uri", BYE), ("state", "a b&c")];
    let reply = alice.open(&to(&pairs)).await;
    assert_eq!((reply.status, reply.location().as_str()), (302, "https://app.example.com/bye?state=a+b%26c"));
    assert!(!is_signed_in(&alice).await);
    // D31: what was to end with the browser session did, what was to outlive it does.
    assert_eq!(web.refresh(&alice, &online.refresh_token).await.error(), "invalid_grant");
    assert_eq!(web.refresh(&alice, &offline.refresh_token).await.status, 200);
    // Nobody is signed in: the person simply returns, keeping the query that was registered.
    let pairs = [
        ("client_id", web.id.as_str()),
        ("post_logout_redirect_uri", "https://app.example.com/bye?a=1"),
        ("state", "s"),
    ];
    assert_eq!(alice.open(&to(&pairs)).await.location().as_str(), "https://app.example.com/bye?a=1&state=s");
    alice.open(PATH).await.is_page(200).says("You are signed out");
}

#[actix_web::test]
async fn openid_rp_logout_2_an_expired_hint_still_counts() {
    let (app, _, _) = TestApp::init().with_user("alice").await;
    let web = leaving(&app).await;
    let alice = app.browser_of("alice").await;
    let hint = granted(&alice, &web, "openid").await.id_token;
    for _ in 0..3 {
        app.clock.advance(1500);
        alice.open("/account/sessions").await;
    }
    alice.open(&to(&[("id_token_hint", &hint)])).await;
    assert!(!is_signed_in(&alice).await);
}

#[actix_web::test]
async fn openid_rp_logout_2_without_proof_the_person_is_asked() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = leaving(&app).await;
    app.create_user("bob").await;
    let bob = app.browser_of("bob").await;
    let own = granted(&alice, &web, "openid").await.id_token;
    let elsewhere = granted(&app.browser_of("alice").await, &web, "openid").await.id_token;
    let bobs = granted(&bob, &web, "openid").await.id_token;
    let forged = format!("{}.{}.", encode(r#"{"alg":"none","typ":"JWT"}"#), own.split('.').nth(1).unwrap());
    for hint in [elsewhere.as_str(), &bobs, "x", &forged, ""] {
        let pairs = [
            ("id_token_hint", hint),
            ("client_id", &web.id),
            ("post_logout_redirect_uri", BYE),
            ("state", "s"),
        ];
        let page = alice.open(&to(&pairs)).await;
        page.is_page(200).says("Sign out?").says("Example App");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("form-action 'self' https://app.example.com;"), "{policy}");
        assert!(is_signed_in(&alice).await, "{hint}: nothing happened yet");
    }
    let page =
        alice.open(&to(&[("client_id", &web.id), ("post_logout_redirect_uri", BYE), ("state", "s")])).await;
    let form = page.form_to(PATH);
    let away = form.clone().with("post_logout_redirect_uri", "https://evil.example/");
    alice.submit(away).await.is_page(400);
    assert!(is_signed_in(&alice).await);
    let reply = alice.submit(form).await;
    assert_eq!((reply.status, reply.location().as_str()), (303, "https://app.example.com/bye?state=s"));
    assert!(!is_signed_in(&alice).await);
}

#[actix_web::test]
async fn openid_rp_logout_3_nobody_is_sent_to_an_address_that_was_not_registered() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let (web, other) = (leaving(&app).await, app.web_client().await);
    let hint = granted(&alice, &web, "openid").await.id_token;
    for uri in [
        "https://evil.example/",
        "https://app.example.com/bye/",
        "https://app.example.com/bye?",
        "https://app.example.com/bye#x",
        "https://APP.example.com/bye",
        "https://app.example.com:443/bye",
        "https://app.example.com@evil.example/bye",
        "https://app.example.com/callback",
        "javascript:alert(1)",
        "//evil.example",
    ] {
        let page = alice.open(&to(&[("id_token_hint", &hint), ("post_logout_redirect_uri", uri)])).await;
        page.is_page(400);
        assert!(is_signed_in(&alice).await, "adv_05 {uri}");
    }
    for pairs in [
        &[("post_logout_redirect_uri", BYE)][..],
        &[("post_logout_redirect_uri", BYE), ("client_id", &other.id)],
        &[("post_logout_redirect_uri", BYE), ("client_id", "nobody")],
        &[("post_logout_redirect_uri", BYE), ("id_token_hint", "x")],
        // 2: the OP MUST verify that client_id matches the hint.
        &[("id_token_hint", &hint), ("client_id", &other.id)],
        &[("client_id", &web.id), ("state", &"s".repeat(1025))],
    ] {
        alice.open(&to(pairs)).await.is_page(400);
    }
    assert!(is_signed_in(&alice).await);
}

#[actix_web::test]
async fn openid_rp_logout_2_a_posted_request_goes_on_as_a_get_that_has_the_cookie() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = leaving(&app).await;
    let hint = granted(&alice, &web, "openid").await.id_token;
    let form =
        [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BYE), ("state", "s"), ("x", "y")];
    // As another site's page sends it: without our cookie.
    let reply = anon.post(PATH).header("origin", "https://app.example.com").form(&form).send().await;
    assert_eq!(reply.status, 303);
    let location = reply.header("location").unwrap();
    assert!(location.starts_with("/oauth/logout?id_token_hint=") && !location.contains("x=y"), "{location}");
    assert_eq!(alice.open(location).await.location().as_str(), "https://app.example.com/bye?state=s");
    assert!(!is_signed_in(&alice).await);
    let wrong = [("post_logout_redirect_uri", "https://evil.example/")];
    anon.post(PATH).form(&wrong).send().await.is_page(400);
}

#[actix_web::test]
async fn d39_another_site_cannot_press_the_button() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = leaving(&app).await;
    let form = [("action", "logout"), ("client_id", web.id.as_str())];
    for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        alice.post(PATH).header(name, value).form(&form).send().await.is_page(403);
    }
    assert!(is_signed_in(&alice).await);
}

#[actix_web::test]
async fn openid_backchannel_2_1_a_sid_names_one_session_at_one_client() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let (web, other) = (leaving(&app).await, app.web_client().await);
    let first = granted(&alice, &web, "openid").await;
    let name = sid(&first.id_token).expect("there is a session");
    assert_eq!(sid(&granted(&alice, &web, "openid offline_access").await.id_token).as_ref(), Some(&name));
    let refreshed = web.refresh(&alice, &first.refresh_token).await.ok();
    assert_eq!(sid(refreshed["id_token"].as_str().unwrap()).as_ref(), Some(&name));
    let elsewhere = granted(&alice, &other, "openid").await;
    assert_ne!(sid(&elsewhere.id_token).as_ref(), Some(&name), "another client knows another name");
    let again = app.browser_of("alice").await;
    assert_ne!(sid(&granted(&again, &web, "openid").await.id_token).as_ref(), Some(&name));
    let known: Vec<(String,)> = app.app.read(|tx| tx.all("SELECT id FROM sessions", &[])).await.unwrap();
    assert!(known.iter().all(|(id,)| *id != name) && name.len() == 22, "it is neither id nor handle");
    let device = other.device(&anon, &[("scope", "openid")]).await;
    alice.decide(&device, "approve").await;
    app.clock.advance(10);
    let tokens: Value = other.poll(&anon, &device).await.ok();
    assert_eq!(sid(tokens["id_token"].as_str().unwrap()), None, "a device has no browser session");
}

#[actix_web::test]
async fn rfc9700_4_11_2_a_client_nobody_approved_moves_nobody_by_signing_out() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = leaving(&app).await;
    let hint = granted(&alice, &web, "openid").await.id_token;
    app.sql("UPDATE clients SET origin = 'self'").await;
    let named = [("client_id", web.id.as_str()), ("post_logout_redirect_uri", BYE), ("state", "s")];
    let page = anon.open(&to(&named)).await;
    page.is_page(200).says("You are signed out").says("app.example.com").says("registered itself");
    assert!(page.text().contains("href=\"https://app.example.com/bye?state&#x3D;s\""), "{}", page.text());
    let reply = alice.open(&to(&[("id_token_hint", &hint), ("post_logout_redirect_uri", BYE)])).await;
    reply.is_page(200).says("registered itself");
    assert!(!is_signed_in(&alice).await);
}

#[actix_web::test]
async fn a_hint_that_names_no_session_ends_none_without_asking() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = leaving(&app).await;
    let device = web.device(&anon, &[("scope", "openid")]).await;
    alice.decide(&device, "approve").await;
    app.clock.advance(10);
    let hint = web.poll(&anon, &device).await.ok()["id_token"].as_str().unwrap().to_owned();
    alice.open(&to(&[("id_token_hint", &hint)])).await.is_page(200).says("Sign out?");
    let own = granted(&alice, &web, "openid").await.id_token;
    app.switch_client(&web.id, authgate_core::client::ClientStatus::Inactive).await;
    alice.open(&to(&[("id_token_hint", &own)])).await.is_page(200).says("Sign out?");
    assert!(is_signed_in(&alice).await);
}
