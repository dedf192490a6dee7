//! How answers travel: in the query, as a form, and past a page that asks first.

use authgate_core::client::{ApplicationType, ClientType};

use crate::util::{CALLBACK, Form, PASSWORD, Registered, Reply, TestApp};

const FORM_POST: (&str, &str) = ("response_mode", "form_post");

/// The form that a page hands to the application.
fn handed_over(page: &Reply) -> Form {
    page.is_page(200);
    page.form_to(CALLBACK)
}

/// A client that registered itself and that nobody approved.
async fn stranger(app: &TestApp) -> Registered {
    let client = app.web_client().await;
    app.sql("UPDATE clients SET origin = 'self'").await;
    client
}

#[actix_web::test]
async fn form_post_2_the_parameters_are_fields_of_a_form_to_the_redirect_uri() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let page = alice.allow(&web.asks(&[FORM_POST, ("state", "\"><b>&c=d")])).await;
    let form = handed_over(&page);
    assert_eq!((form.field("state"), form.field("iss")), ("\"><b>&c=d", "http://localhost:8080"));
    assert_eq!(form.pairs().len(), 3, "nothing of ours goes along: {:?}", form.pairs());
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self' https://app.example.com;"), "{policy}");
    assert!(policy.ends_with("; script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(web.redeem(&alice, form.field("code")).await.status, 200);
    // The consent is remembered now, so a GET is answered by the form at once.
    handed_over(&alice.visit(&web.asks(&[FORM_POST])).await).field("code");
    assert!(
        alice.visit(&web.asks(&[])).await.is_allowed().param("code").is_some(),
        "without it, by the query"
    );
}

#[actix_web::test]
async fn form_post_the_script_is_a_file_of_ours_that_may_be_kept() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let page = alice.allow(&web.asks(&[FORM_POST])).await;
    let script = page.text().split("<script src=\"").nth(1).unwrap().split('"').next().unwrap();
    let script = alice.get(script).send().await;
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert!(script.header("cache-control").unwrap().contains("immutable"));
    assert!(script.text().contains("submit()"));
}

#[actix_web::test]
async fn form_post_errors_travel_as_the_request_asked() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let form = handed_over(&alice.visit(&web.asks(&[FORM_POST, ("scope", "admin")])).await);
    assert_eq!((form.field("error"), form.field("state")), ("invalid_scope", "s1"));
    assert_eq!(form.field("iss"), "http://localhost:8080", "RFC 9207 2");
    let form = handed_over(&alice.visit(&web.asks(&[FORM_POST, ("prompt", "none")])).await);
    assert_eq!(form.field("error"), "consent_required");
    let page = alice.visit(&web.asks(&[FORM_POST])).await;
    let form = handed_over(&alice.submit(page.form_to("/oauth/authorize").press("deny")).await);
    assert_eq!(form.field("error"), "access_denied");
    alice.open(&web.asks(&[("response_mode", "fragment")])).await.is_refused("invalid_request");
}

#[actix_web::test]
async fn form_post_goes_to_web_addresses_only() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let native = app
        .client_of(ClientType::Public, |spec| {
            spec.application_type = Some(ApplicationType::Native);
            spec.redirect_uris = vec!["com.example.app:/done".into()];
        })
        .await;
    let reply = alice.visit(&native.asks(&[FORM_POST, ("redirect_uri", "com.example.app:/done")])).await;
    assert_eq!(reply.sent("error"), "invalid_request");
    assert!(reply.location().as_str().starts_with("com.example.app:/done?"));
}

#[actix_web::test]
async fn rfc9700_4_11_2_a_client_nobody_approved_redirects_nobody_by_an_error() {
    let (app, anon) = TestApp::init().start();
    app.create_user("alice").await;
    let stranger = stranger(&app).await;
    let asked = stranger.asks(&[("scope", "admin")]);
    let login = anon.visit(&asked).await;
    let form = login.is_page(200).form_to("/login").with("username", "alice").with("password", PASSWORD);
    let page = anon.follow(anon.submit(form).await).await;
    page.is_page(200).says("registered itself").says("Example App").says("app.example.com");
    let link = page.text().split(&format!("href=\"{CALLBACK}?")).nth(1).expect("a link leads on");
    let link = link.split('"').next().unwrap();
    assert!(link.contains("error&#x3D;invalid_scope") && link.contains("state&#x3D;s1"), "{link}");
    assert!(page.forms().iter().all(|form| form.action != "/oauth/authorize"), "there is nothing to allow");
    assert_eq!(app.number("SELECT COUNT(*) FROM authorization_codes").await, 0);
    // Whoever is signed in already is asked all the same, by GET and by POST, and in every way an answer travels.
    anon.visit(&asked).await.is_page(200).says("registered itself");
    let (path, query) = asked.split_once('?').unwrap();
    let posted = anon.post(path).body("application/x-www-form-urlencoded", query.to_owned()).send().await;
    anon.follow(posted).await.is_page(200).says("registered itself");
    let page = anon.visit(&stranger.asks(&[("scope", "admin"), FORM_POST])).await;
    assert_eq!(handed_over(&page).field("error"), "invalid_scope");
    assert!(!page.text().contains("<script"), "it waits for the person");
}

#[actix_web::test]
async fn rfc9700_4_11_2_a_denial_asks_too_and_prompt_none_does_not() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let stranger = stranger(&app).await;
    let page = alice.visit(&stranger.asks(&[])).await;
    let page = alice.submit(page.form_to("/oauth/authorize").press("deny")).await;
    page.is_page(200).says("registered itself").says("access_denied");
    alice.visit(&stranger.asks(&[("prompt", "none")])).await.is_refused("consent_required");
    alice.visit(&stranger.asks(&[("prompt", "none"), ("scope", "admin")])).await.is_refused("invalid_scope");
    // What is wrong with the redirect URI itself is a page of ours that leads nowhere.
    let page = alice.visit(&stranger.asks(&[("redirect_uri", "https://evil.example/")])).await;
    assert!(!page.is_page(400).text().contains("evil.example"));
}

#[actix_web::test]
async fn a_refused_request_cannot_be_allowed_by_its_id() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let stranger = stranger(&app).await;
    let good = alice.visit(&stranger.asks(&[])).await.form_to("/oauth/authorize");
    let first = alice.open(&stranger.asks(&[("scope", "admin")])).await;
    first.is_page(200);
    let row: Option<(String,)> = app
        .app
        .read(|tx| tx.one("SELECT id FROM interactions WHERE request LIKE '%invalid_scope%'", &[]))
        .await
        .unwrap();
    for button in ["approve", "deny"] {
        let forged = good.clone().with("interaction", &row.as_ref().unwrap().0).press(button);
        alice.submit(forged).await.is_page(403);
    }
    assert_eq!(app.number("SELECT COUNT(*) FROM authorization_codes").await, 0);
}
