//! `/logout`: by hand at once, from elsewhere only after a question.

use crate::util::{ORIGIN, TestApp};

#[actix_web::test]
async fn the_button_signs_out() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let session = alice.cookie("oauth_session").unwrap();
    let reply = alice.submit(alice.visit("/device").await.form_to("/logout")).await;
    assert_eq!((reply.status, reply.header("location")), (302, Some("/login")));
    assert!(!alice.has_cookie("oauth_session"));
    let thief = app.client();
    thief.set_cookie("oauth_session", &session);
    assert_eq!(thief.open("/account/sessions").await.location().path(), "/login", "the row has ended");
    assert_eq!(app.events("LOGOUT").await, 1);
}

#[actix_web::test]
async fn d39_a_get_from_elsewhere_asks_first() {
    let (_app, anon, alice) = TestApp::init().with_user("alice").await;
    for site in [None, Some("cross-site"), Some("same-site"), Some("rubbish")] {
        let request = alice.get("/logout");
        let request = site.into_iter().fold(request, |request, site| request.header("sec-fetch-site", site));
        let page = request.send().await;
        page.is_page(200).says("Sign out?");
        assert_eq!(alice.open("/account/sessions").await.status, 200, "{site:?}: still signed in");
    }
    let page = alice.open("/logout").await;
    let confirm = page.forms().into_iter().rfind(|form| form.action == "/logout").unwrap();
    assert_eq!(alice.submit(confirm).await.header("location"), Some("/login"));
    assert_eq!(alice.open("/account/sessions").await.location().path(), "/login");
    assert_eq!(anon.open("/logout").await.header("location"), Some("/login"), "nobody is asked nothing");
}

#[actix_web::test]
async fn a_get_by_the_persons_own_hand_signs_out() {
    for site in ["none", "same-origin"] {
        let (app, _, alice) = TestApp::init().with_user("alice").await;
        let reply = alice.get("/logout").header("sec-fetch-site", site).send().await;
        assert_eq!((reply.status, reply.header("location")), (302, Some("/login")), "{site}");
        assert_eq!(app.number("SELECT COUNT(*) FROM sessions WHERE status = 'active'").await, 0);
    }
}

#[actix_web::test]
async fn d39_a_post_from_another_site_is_refused() {
    let (_app, _, alice) = TestApp::init().with_user("alice").await;
    for (name, value) in
        [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
    {
        alice.post("/logout").header(name, value).form(&[]).send().await.is_page(403);
        assert_eq!(alice.open("/account/sessions").await.status, 200, "{value}");
    }
    let reply = alice.post("/logout").form(&[("redirect", "/device")]).send().await;
    assert_eq!(reply.header("location"), Some("/device"), "without headers it passes");
}

#[actix_web::test]
async fn d31_only_offline_access_outlives_the_browser_session() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (access, refresh) = alice.tokens(&web, "openid read").await;
    let (offline_access, offline_refresh) = alice.tokens(&web, "openid offline_access").await;
    let code = alice.allow(&web.asks(&[("prompt", "consent")])).await.sent("code");
    alice.post("/logout").header("origin", ORIGIN).form(&[]).send().await;
    assert!(!web.is_live(&anon, &access).await);
    assert_eq!(web.refresh(&anon, &refresh).await.error(), "invalid_grant");
    assert_eq!(web.redeem(&anon, &code).await.error(), "invalid_grant", "a code that was on its way");
    assert!(web.is_live(&anon, &offline_access).await);
    assert_eq!(web.refresh(&anon, &offline_refresh).await.status, 200);
}
