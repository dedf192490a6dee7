//! `/oauth/authorize`: what is accepted, what is answered where.

mod answers;
mod freshness;

use authgate_core::audit::Origin;
use authgate_core::client::{self, ApplicationType, ClientStatus, ClientType, Grant};
use authgate_core::scope::Scope;

use crate::util::{CALLBACK, CHALLENGE, PASSWORD, TestApp};

#[actix_web::test]
async fn a_request_goes_by_login_and_consent_to_the_client() {
    let (app, anon) = TestApp::init().start();
    app.create_user("alice").await;
    let web = app.web_client().await;
    let page = anon.visit(&web.asks(&[("state", "a b&c=d")])).await;
    let form = page.form_to("/login").with("username", "alice").with("password", PASSWORD);
    let page = anon.follow(anon.submit(form).await).await;
    let reply = anon.submit(page.form_to("/oauth/authorize").press("approve")).await;
    assert_eq!(reply.status, 303, "what was posted is not posted on (RFC 9700 4.12)");
    reply.is_allowed();
    assert_eq!(reply.sent("state"), "a b&c=d");
    assert_eq!(reply.sent("iss"), "http://localhost:8080", "RFC 9207");
    let tokens = web.redeem(&anon, &reply.sent("code")).await;
    assert_eq!((tokens.status, tokens.json()["scope"].as_str()), (200, Some("openid read")));
}

#[actix_web::test]
async fn a_posted_request_is_stored_and_continued_by_its_id() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let asked = web.asks(&[]);
    let (path, query) = asked.split_once('?').unwrap();
    let reply = alice.post(path).body("application/x-www-form-urlencoded", query.to_owned()).send().await;
    assert_eq!(reply.status, 303);
    assert!(reply.header("location").unwrap().starts_with("/oauth/authorize?interaction="));
    let page = alice.follow(reply).await;
    alice.submit(page.form_to("/oauth/authorize").press("approve")).await.is_allowed();
    // The same from another site: no cookie is needed for asking, and nothing is decided.
    let reply = alice.post(path).header("origin", "https://app.example.com");
    let reply = reply.body("application/x-www-form-urlencoded", query.to_owned()).send().await;
    assert_eq!(reply.status, 303);
    let reply = alice.post(path).form(&[("client_id", &web.id)]).send().await;
    reply.is_page(400);
}

#[actix_web::test]
async fn long_requests_pass() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let hint = "h".repeat(14 * 1024);
    alice.visit(&web.asks(&[("state", &"s".repeat(1024)), ("acr_values", &hint)])).await.is_page(200);
}

#[actix_web::test]
async fn d1_what_is_wrong_with_client_or_redirect_uri_is_a_page() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let machine = app.client_of(ClientType::Public, |spec| spec.grants = vec![Grant::Device]).await;
    let long = "x".repeat(5000);
    for changed in [
        &[("client_id", "nobody")][..],
        &[("client_id", "")],
        &[("client_id", &long)],
        &[("client_id", &machine.id)],
        &[("redirect_uri", "")],
        &[("redirect_uri", "https://evil.example/callback")],
        &[("redirect_uri", "https://evil.example/callback"), ("response_type", "token")],
        &[("client_id", "nobody"), ("prompt", "none")],
    ] {
        alice.open(&web.asks(changed)).await.is_page(400);
    }
    let id = web.id.clone();
    let ctx = app.context();
    app.write(move |tx| {
        let client = client::by_id(tx, &id)?.expect("it is there");
        client::set_status(tx, &client, ClientStatus::Inactive, &Origin::default(), &ctx)
    })
    .await;
    alice.open(&web.asks(&[])).await.is_page(400);
}

#[actix_web::test]
async fn adv_05_redirect_uris_are_compared_as_strings() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    for hostile in [
        "https://app.example.com/callback/",
        "https://app.example.com/callback?x=1",
        "https://app.example.com/callback#x",
        "https://app.example.com/callback%20",
        "https://app.example.com/callback/../evil",
        "https://app.example.com/..;/callback",
        "https://app.example.com/Callback",
        "https://APP.example.com/callback",
        "https://app.example.com:443/callback",
        "https://app.example.com@evil.example/callback",
        "https://evil.example\\@app.example.com/callback",
        "https://app.example.com.evil.example/callback",
        "https://user:pass@app.example.com/callback",
        "http://app.example.com/callback",
        "//app.example.com/callback",
        "HTTPS://app.example.com/callback",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "https://app.example.com/callback\n",
        " https://app.example.com/callback",
        "https://*.example.com/callback",
    ] {
        alice.open(&web.asks(&[("redirect_uri", hostile)])).await.is_page(400);
    }
    let twice = format!("{}&redirect_uri=https%3A%2F%2Fevil.example", web.asks(&[]));
    alice.open(&twice).await.is_page(400);
}

#[actix_web::test]
async fn adv_05_a_parameter_comes_once() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    for name in
        ["client_id", "scope", "state", "nonce", "response_type", "code_challenge", "prompt", "interaction"]
    {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair(name, "x").finish();
        alice.open(&format!("{}&{query}&{query}", web.asks(&[]))).await.is_page(400);
    }
    alice.open(&format!("{}&a=%zz", web.asks(&[]))).await.is_page(400);
    alice.open(&format!("{}&a=%ff", web.asks(&[]))).await.is_page(400);
    let resources = "resource=https%3A%2F%2Fa.example&resource=https%3A%2F%2Fb.example";
    alice.open(&format!("{}&{resources}", web.asks(&[]))).await.is_page(200);
}

#[actix_web::test]
async fn d27_a_loopback_port_may_differ_for_native_clients() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let uris = || vec!["http://127.0.0.1:8088/cb".to_owned(), "com.example.app:/cb".to_owned()];
    let native = app.client_of(ClientType::Public, |spec| spec.redirect_uris = uris()).await;
    for good in [
        "http://127.0.0.1:8088/cb",
        "http://127.0.0.1:50000/cb",
        "http://127.0.0.1/cb",
        "com.example.app:/cb",
    ] {
        alice.visit(&native.asks(&[("redirect_uri", good)])).await.is_page(200);
    }
    for bad in [
        "http://localhost:8088/cb",
        "http://127.0.0.1:8088/cb2",
        "http://127.0.0.1:8088@evil.example/cb",
        "http://127.0.0.1:99999/cb",
        "http://127.0.0.2:8088/cb",
        "http://[::1]:8088/cb",
        "https://127.0.0.1:8088/cb",
        "com.example.app:/cb/",
        "com.example.app://cb",
    ] {
        alice.open(&native.asks(&[("redirect_uri", bad)])).await.is_page(400);
    }
    let web = app
        .client_of(ClientType::Confidential, |spec| {
            spec.redirect_uris = vec!["http://127.0.0.1:8088/cb".to_owned()];
            spec.application_type = Some(ApplicationType::Web);
        })
        .await;
    alice.open(&web.asks(&[("redirect_uri", "http://127.0.0.1:8089/cb")])).await.is_page(400);
}

#[actix_web::test]
async fn other_mistakes_go_back_to_the_client() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let long = "a".repeat(129);
    for (changed, error) in [
        (&[("response_type", "")][..], "invalid_request"),
        (&[("response_type", "token")], "unsupported_response_type"),
        (&[("response_type", "code id_token")], "unsupported_response_type"),
        (&[("response_mode", "fragment")], "invalid_request"),
        (&[("request", "eyJ")], "request_not_supported"),
        (&[("request_uri", "https://app.example.com/r")], "request_uri_not_supported"),
        (&[("scope", "admin")], "invalid_scope"),
        (&[("scope", "re\"ad")], "invalid_scope"),
        (&[("code_challenge", "")], "invalid_request"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("code_challenge_method", "")], "invalid_request"),
        (&[("code_challenge", "short")], "invalid_request"),
        (&[("code_challenge", &long)], "invalid_request"),
        (&[("resource", "/relative")], "invalid_target"),
        (&[("resource", "https://a.example/#f")], "invalid_target"),
        (&[("prompt", "none login")], "invalid_request"),
        (&[("prompt", "loginn")], "invalid_request"),
        (&[("max_age", "-1")], "invalid_request"),
        (&[("max_age", "soon")], "invalid_request"),
    ] {
        for browser in [&anon, &alice] {
            let reply = browser.open(&web.asks(changed)).await;
            reply.is_refused(error);
            assert_eq!(reply.status, 302);
            assert_eq!(
                (reply.sent("state").as_str(), reply.sent("iss").as_str()),
                ("s1", "http://localhost:8080")
            );
        }
    }
    assert_eq!(app.number("SELECT COUNT(*) FROM interactions").await, 0);
}

#[actix_web::test]
async fn rfc6749_3_1_2_the_redirect_uris_own_query_stays() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let uri = "https://app.example.com/cb?tenant=%41&b";
    let web = app.client_of(ClientType::Confidential, |spec| spec.redirect_uris = vec![uri.to_owned()]).await;
    let reply = alice.allow(&web.asks(&[("redirect_uri", uri)])).await;
    assert!(reply.header("location").unwrap().starts_with(&format!("{uri}&code=")));
    let reply = alice.open(&web.asks(&[("redirect_uri", uri), ("scope", "admin")])).await;
    assert!(reply.header("location").unwrap().starts_with(&format!("{uri}&error=invalid_scope")));
}

#[actix_web::test]
async fn state_and_nonce_have_1024_bytes_at_most() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (fits, long) = ("x".repeat(1024), "x".repeat(1025));
    for name in ["state", "nonce"] {
        alice.visit(&web.asks(&[(name, &fits)])).await.is_page(200);
        let page = alice.open(&web.asks(&[(name, &long)])).await;
        page.is_page(400).says(&format!("{name} parameter exceeds maximum length")).says("invalid_request");
    }
}

#[actix_web::test]
async fn d2_pkce_is_for_public_clients_and_for_those_that_must() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let public = app.client_of(ClientType::Public, |spec| spec.pkce_required = Some(false)).await;
    let free = app.client_of(ClientType::Confidential, |spec| spec.pkce_required = Some(false)).await;
    let bare = [("code_challenge", ""), ("code_challenge_method", "")];
    alice.open(&public.asks(&bare)).await.is_refused("invalid_request");
    alice.allow(&free.asks(&bare)).await.is_allowed();
    alice.open(&free.asks(&[("code_challenge_method", "plain")])).await.is_refused("invalid_request");
    let reply = alice.open(&free.asks(&[("code_challenge", "")])).await;
    reply.is_refused("invalid_request");
    // A challenge that was sent must be answered.
    let code =
        alice.allow(&free.asks(&[("prompt", "consent"), ("code_challenge", CHALLENGE)])).await.sent("code");
    let form = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK)];
    let secret = free.secret.as_ref().unwrap().expose();
    let reply = alice.post("/oauth/token").basic(&free.id, secret).form(&form).send().await;
    assert_eq!(reply.error(), "invalid_grant");
}

#[actix_web::test]
async fn d30_scopes_that_are_not_registered_are_dropped_before_the_page() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let narrow = |spec: &mut client::ClientSpec| spec.scopes = Scope::parse("read profile").unwrap();
    let web = app.client_of(ClientType::Confidential, narrow).await;
    let page = alice.visit(&web.asks(&[("scope", "read write admin")])).await;
    assert_eq!(page.form_to("/oauth/authorize").field("scope"), "read");
    assert!(!page.text().contains(">write<") && !page.text().contains(">admin<"));
    let reply = alice.submit(page.form_to("/oauth/authorize").press("approve")).await;
    assert_eq!(web.redeem(&alice, &reply.sent("code")).await.json()["scope"], "read");
    let page = alice.visit(&web.asks(&[("scope", "")])).await;
    assert_eq!(page.form_to("/oauth/authorize").field("scope").split(' ').count(), 2, "all of the client's");
    alice.open(&web.asks(&[("scope", "openid read")])).await.is_refused("invalid_scope");
    alice.open(&web.asks(&[("scope", "write")])).await.is_refused("invalid_scope");
}

#[actix_web::test]
async fn rfc9207_every_answer_names_the_issuer() {
    let (app, anon, alice) =
        TestApp::init().with("BASE_URL", "http://localhost:8080/auth").with_user("alice").await;
    let web = app.web_client().await;
    let page = alice.visit(&web.asks(&[])).await;
    let denied = alice.submit(page.form_to("/auth/oauth/authorize").press("deny")).await;
    let page = alice.visit(&web.asks(&[])).await;
    let allowed = alice.submit(page.form_to("/auth/oauth/authorize").press("approve")).await;
    let silent = anon.open(&web.asks(&[("prompt", "none")])).await;
    let wrong = anon.open(&web.asks(&[("scope", "nonsense")])).await;
    for reply in [denied, allowed, silent, wrong] {
        assert_eq!(reply.sent("iss"), "http://localhost:8080/auth");
    }
}
