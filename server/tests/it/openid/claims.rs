//! Claims by scope and by name (OpenID Connect Core 5).

use authgate_core::user::{self, Changes};
use serde_json::{Value, json};

use crate::util::jws::Jws;
use crate::util::{Client, Registered, Reply, TestApp};

/// Alice with every claim, and a client with every scope.
async fn known(app: &TestApp) -> Registered {
    let ctx = app.context();
    app.write(move |tx| {
        let alice = user::by_username(tx, "alice")?.expect("she is there");
        let claims = json!({
            "given_name": "Alice", "family_name": "Liddell", "birthdate": "1852-05-04", "zoneinfo": "Europe/London",
            "phone_number": "+44 20 7946 0000", "phone_number_verified": true,
            "address": {"locality": "Oxford", "country": "GB"},
        });
        let changes = Changes { claims: Some(claims), full_name: Some("Alice Liddell".into()), ..Changes::default() };
        user::update(tx, &alice, changes, &authgate_core::audit::Origin::default(), &ctx)
    })
    .await;
    app.client_of(authgate_core::client::ClientType::Confidential, |spec| {
        let all = "openid profile email address phone read offline_access";
        spec.scopes = authgate_core::scope::Scope::parse(all).unwrap();
    })
    .await
}

struct Answered {
    id_token: Value,
    userinfo: Value,
    refresh_token: String,
}

/// What a client learns from a request with these parameters, after the person allowed it.
async fn answered(http: &Client, web: &Registered, more: &[(&str, &str)]) -> Answered {
    let reply = http.allow(&web.asks(&[&[("prompt", "consent")], more].concat())).await;
    of(http, &web.redeem(http, &reply.sent("code")).await).await
}

async fn of(http: &Client, tokens: &Reply) -> Answered {
    let tokens = tokens.ok();
    let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
    Answered {
        id_token: Jws::verified(http, &text("id_token")).await.claims,
        userinfo: http.get("/oauth/userinfo").bearer(&text("access_token")).send().await.ok(),
        refresh_token: text("refresh_token"),
    }
}

fn has(claims: &Value, name: &str) -> bool {
    claims.get(name).is_some()
}

#[actix_web::test]
async fn openid_core_5_4_each_scope_asks_for_its_claims() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = known(&app).await;
    let of_scope = [
        ("profile", "given_name", json!("Alice")),
        ("profile", "name", json!("Alice Liddell")),
        ("profile", "birthdate", json!("1852-05-04")),
        ("email", "email", json!("alice@example.com")),
        ("address", "address", json!({"locality": "Oxford", "country": "GB"})),
        ("phone", "phone_number", json!("+44 20 7946 0000")),
        ("phone", "phone_number_verified", json!(true)),
    ];
    for scope in ["profile", "email", "address", "phone"] {
        let asked = answered(&alice, &web, &[("scope", &format!("openid {scope}"))]).await;
        for (owner, name, value) in &of_scope {
            let expected = (*owner == scope).then_some(value);
            assert_eq!(asked.userinfo.get(*name), expected, "{scope} {name}");
            assert_eq!(asked.id_token.get(*name), expected, "{scope} {name}: the client was made here (D32)");
        }
    }
}

#[actix_web::test]
async fn openid_core_5_3_2_unknown_claims_are_left_out_and_never_null() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = known(&app).await;
    let asked = answered(&alice, &web, &[("scope", "openid profile email address phone")]).await;
    for claims in [&asked.userinfo, &asked.id_token] {
        assert!(claims.as_object().unwrap().values().all(|value| !value.is_null()), "{claims}");
        assert!(!has(claims, "nickname") && !has(claims, "picture"));
    }
    assert_eq!(asked.userinfo["sub"], asked.id_token["sub"], "5.3.2: sub MUST be the ID token's");
}

#[actix_web::test]
async fn openid_core_5_5_claims_come_where_they_were_asked_for_and_stay_on_refresh() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = known(&app).await;
    let claims = json!({
        "userinfo": {"email": {"essential": true}, "phone_number": null},
        "id_token": {"birthdate": null},
    });
    let without = answered(&alice, &web, &[]).await;
    assert!(!has(&without.userinfo, "email") && !has(&without.id_token, "birthdate"));
    let first = answered(&alice, &web, &[("claims", &claims.to_string())]).await;
    let again = of(&alice, &web.refresh(&alice, &first.refresh_token).await).await;
    for asked in [&first, &again] {
        assert_eq!(asked.userinfo["email"], "alice@example.com");
        assert_eq!(asked.userinfo["phone_number"], "+44 20 7946 0000");
        assert!(!has(&asked.userinfo, "birthdate") && !has(&asked.userinfo, "email_verified"));
        assert_eq!(asked.id_token["birthdate"], "1852-05-04");
        assert!(!has(&asked.id_token, "email") && !has(&asked.id_token, "phone_number"));
    }
}

#[actix_web::test]
async fn d32_claims_in_id_tokens_are_per_client_and_by_name_either_way() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = known(&app).await;
    app.change_client(&web.id, |spec| spec.id_token_claims = false).await;
    let scope = ("scope", "openid profile email");
    let plain = answered(&alice, &web, &[scope]).await;
    assert!(!has(&plain.id_token, "email") && !has(&plain.id_token, "name") && has(&plain.userinfo, "email"));
    let named = answered(&alice, &web, &[scope, ("claims", r#"{"id_token":{"email":null}}"#)]).await;
    assert!(has(&named.id_token, "email") && !has(&named.id_token, "name"));
}

#[actix_web::test]
async fn claims_of_scopes_that_the_client_lacks_are_left_out_silently() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    known(&app).await;
    let web = app.web_client().await;
    let claims = r#"{"userinfo":{"phone_number":null,"email":null},"id_token":{"address":null}}"#;
    let page = alice.visit(&web.asks(&[("claims", claims)])).await;
    page.says("email");
    assert!(!page.text().contains("phone_number") && !page.text().contains(">address<"));
    let asked = answered(&alice, &web, &[("claims", claims)]).await;
    assert!(has(&asked.userinfo, "email") && !has(&asked.userinfo, "phone_number"));
    assert!(!has(&asked.id_token, "address"));
    // What the client has lost since is not released any more.
    app.change_client(&web.id, |spec| {
        spec.scopes = authgate_core::scope::Scope::parse("openid read").unwrap();
    })
    .await;
    let again = of(&alice, &web.refresh(&alice, &asked.refresh_token).await).await;
    assert!(!has(&again.userinfo, "email"));
}

#[actix_web::test]
async fn consent_lists_each_claim_and_a_new_one_is_asked_for() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = known(&app).await;
    let with = |names: &str| web.asks(&[("claims", &format!(r#"{{"userinfo":{{{names}}}}}"#))]);
    let page = alice.visit(&with(r#""email":null"#)).await;
    page.says("And read these details").says(">email<");
    alice.submit(page.form_to("/oauth/authorize").press("approve")).await.is_allowed();
    alice.visit(&with(r#""email":null"#)).await.is_allowed();
    alice.visit(&web.asks(&[])).await.is_allowed();
    let page = alice.visit(&with(r#""email":null,"birthdate":null"#)).await;
    page.is_page(200).says(">birthdate<");
    assert_eq!(page.text().matches(">New<").count(), 1, "only the birthdate is new");
    alice.open(&format!("{}&prompt=none", with(r#""birthdate":null"#))).await.is_refused("consent_required");
    alice.submit(page.form_to("/oauth/authorize").press("deny")).await.is_refused("access_denied");
    alice.visit(&with(r#""birthdate":null"#)).await.is_page(200);
}

#[actix_web::test]
async fn adv_37_claims_by_name_overwrite_nothing_of_the_servers() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = known(&app).await;
    let reserved =
        ["iss", "aud", "exp", "iat", "jti", "nonce", "acr", "amr", "auth_time", "at_hash", "sid", "azp"];
    let wanted: Value = reserved.iter().map(|name| ((*name).to_owned(), json!({"value": "evil"}))).collect();
    let plain = answered(&alice, &web, &[("nonce", "n1")]).await;
    let claims = json!({"id_token": wanted, "userinfo": wanted}).to_string();
    let asked = answered(&alice, &web, &[("nonce", "n1"), ("claims", &claims)]).await;
    let names = |claims: &Value| claims.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&asked.id_token), names(&plain.id_token));
    assert_eq!(names(&asked.userinfo), names(&plain.userinfo));
    assert!(!asked.id_token.to_string().contains("evil") && !asked.userinfo.to_string().contains("evil"));
}
