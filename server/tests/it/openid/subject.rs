//! Who the person is, and what is said of them (OpenID Connect Core 2, 5.3, 5.5, 5.7).

use serde_json::json;

use crate::util::TestApp;
use crate::util::jws::Jws;

#[actix_web::test]
async fn openid_core_2_the_header_names_a_published_key_and_brings_none() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let tokens = app.web_client().await.granted(&alice, &[]).await;
    for name in ["id_token", "access_token"] {
        let token = Jws::verified(&anon, tokens[name].as_str().unwrap()).await;
        let mut names: Vec<_> = token.header.as_object().unwrap().keys().collect();
        names.sort_unstable();
        // Not x5u, x5c, jku, jwk: keys come from the JWK set alone.
        assert_eq!(names, ["alg", "kid", "typ"], "{name}");
    }
}

#[actix_web::test]
async fn openid_core_5_7_a_subject_is_never_given_to_somebody_else() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let mut subjects = Vec::new();
    let mut browser = alice;
    for _ in 0..2 {
        let tokens = web.granted(&browser, &[]).await;
        let sub = Jws::read(tokens["id_token"].as_str().unwrap()).claims["sub"].as_str().unwrap().to_owned();
        // Section 2: at most 255 ASCII characters.
        assert!(sub.is_ascii() && sub.len() <= 255 && !sub.contains("alice"), "{sub}");
        subjects.push(sub);
        app.sql("DELETE FROM users WHERE username = 'alice'").await;
        app.create_user("alice").await;
        browser = app.browser_of("alice").await;
    }
    assert_ne!(subjects[0], subjects[1]);
}

#[actix_web::test]
async fn openid_core_5_3_2_userinfo_is_a_json_object_with_sub() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    for scope in ["openid", "openid profile email", "read"] {
        let tokens = web.granted(&alice, &[("scope", scope)]).await;
        for request in [anon.get("/oauth/userinfo"), anon.post("/oauth/userinfo")] {
            let reply = request.bearer(tokens["access_token"].as_str().unwrap()).send().await;
            assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"));
            assert_eq!(reply.ok()["sub"], app.user_id("alice").await, "{scope}");
        }
    }
}

#[actix_web::test]
async fn openid_core_5_5_1_an_essential_claim_that_is_unknown_is_no_error() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let wanted = json!({"nickname": {"essential": true}, "picture": null});
    let claims = json!({"userinfo": wanted, "id_token": wanted}).to_string();
    let tokens = web.granted(&alice, &[("claims", &claims)]).await;
    let id_token = Jws::read(tokens["id_token"].as_str().unwrap()).claims;
    let userinfo = anon.get("/oauth/userinfo").bearer(tokens["access_token"].as_str().unwrap()).send().await;
    for claims in [id_token, userinfo.ok()] {
        assert_eq!((claims.get("nickname"), claims.get("picture")), (None, None), "{claims}");
    }
}
