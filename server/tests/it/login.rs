//! `/login`: who gets in, and where one goes from there.

mod limits;

use authgate_core::audit::Origin;
use authgate_core::user::{self, UserStatus};

use crate::util::{ORIGIN, PASSWORD, Reply, TestApp};

const WRONG: &str = "Invalid username or password";

/// The attributes of a cookie that an answer sets, in alphabetical order.
fn attributes(reply: &Reply, name: &str) -> Vec<String> {
    let cookie = reply.headers.get_all("set-cookie").map(|value| value.to_str().unwrap());
    let cookie = cookie.filter(|cookie| cookie.starts_with(&format!("{name}="))).last();
    let parts = cookie.unwrap_or_else(|| panic!("no {name}: {:?}", reply.headers)).split("; ").skip(1);
    let mut parts: Vec<_> = parts.map(str::to_owned).collect();
    parts.sort();
    parts
}

#[actix_web::test]
async fn a_login_leads_back_to_where_the_browser_came_from() {
    let (app, anon, _) = TestApp::init().with_user("alice").await;
    let page = anon.visit("/account/authorizations").await;
    page.is_page(200);
    let form = page.form_to("/login").with("username", "alice").with("password", PASSWORD);
    assert_eq!(form.field("redirect"), "/account/authorizations");
    let reply = anon.submit(form).await;
    assert_eq!((reply.status, reply.header("location")), (303, Some("/account/authorizations")));
    anon.follow(reply).await.is_page(200);
    let reply = anon.open("/login?redirect=/device").await;
    assert_eq!(reply.header("location"), Some("/device"), "who is signed in goes on at once");
    let nowhere = app.client().sign_in("alice", PASSWORD).await;
    assert_eq!(nowhere.header("location"), Some("/account/sessions"));
}

#[actix_web::test]
async fn rfc9700_4_12_a_password_is_never_posted_on() {
    let (app, anon) = TestApp::init().start();
    app.create_user("alice").await;
    let web = app.web_client().await;
    let form = anon.visit(&web.asks(&[])).await.form_to("/login");
    let back = form.field("redirect").to_owned();
    let typed = [("username", "alice"), ("password", PASSWORD), ("redirect", back.as_str())];
    // A browser that posts it once more after all reaches nobody but us.
    let reply = anon.post(&back).form(&typed).send().await;
    reply.is_page(400);
    assert_eq!(reply.header("location"), None);
    for (path, to) in [("/login/", "/login"), ("/login/?redirect=/device", "/login?redirect=/device")] {
        let reply = anon.post(path).form(&typed).send().await;
        assert_eq!((reply.status, reply.header("location")), (303, Some(to)));
    }
    let reply = anon.post("/login").form(&typed).send().await;
    assert_eq!((reply.status, reply.header("location")), (303, Some(back.as_str())));
}

#[actix_web::test]
async fn below_the_path_of_an_issuer_a_login_leads_back_too() {
    let (app, _, _) = TestApp::init().with("BASE_URL", "http://localhost:8080/auth").with_user("alice").await;
    let browser = app.client();
    let reply = browser.open("/auth/device?user_code=ABCD-EFGH").await;
    let page = browser.visit(reply.header("location").unwrap()).await;
    let form = page.form_to("/auth/login").with("username", "alice").with("password", PASSWORD);
    let reply = browser.submit(form).await;
    assert_eq!(reply.header("location"), Some("/auth/device?user_code=ABCD-EFGH"));
}

#[actix_web::test]
async fn adv_05_no_way_back_leads_to_another_host() {
    let (app, _, _) = TestApp::init().with_user("alice").await;
    for hostile in [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/%09/evil.example",
        "/%2f/evil.example",
        "/%5cevil.example",
        "http://localhost:8080@evil.example/",
        "@evil.example",
        "javascript:alert(1)",
        "/a\r\nlocation: https://evil.example",
    ] {
        let browser = app.client();
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("redirect", hostile).finish();
        let page = browser.open(&format!("/login?{query}")).await;
        assert_eq!(page.form_to("/login").field("redirect"), "/account/sessions", "{hostile:?}");
        let form = page.form_to("/login").with("redirect", hostile);
        let reply = browser.submit(form.with("username", "alice").with("password", PASSWORD)).await;
        assert_eq!(reply.header("location"), Some("/account/sessions"), "{hostile:?}");
        let reply = browser.open(&format!("/login?{query}")).await;
        assert_eq!(reply.header("location"), Some("/account/sessions"), "{hostile:?}");
        let reply = browser.post("/logout").form(&[("redirect", hostile)]).send().await;
        assert_eq!(reply.header("location"), Some("/login"), "{hostile:?}");
    }
}

#[actix_web::test]
async fn the_session_cookie_is_for_the_server_alone() {
    let (app, _, _) = TestApp::init().with_user("alice").await;
    let reply = app.client().sign_in("alice", PASSWORD).await;
    assert_eq!(attributes(&reply, "oauth_session"), ["HttpOnly", "Max-Age=3600", "Path=/", "SameSite=Lax"]);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let (app, _, _) = TestApp::init().with("BASE_URL", "https://id.example.com").with_user("alice").await;
    let form = [("username", "alice"), ("password", PASSWORD)];
    let reply = app.client().post("/login").form(&form).send().await;
    assert_eq!(
        attributes(&reply, "oauth_session"),
        ["HttpOnly", "Max-Age=3600", "Path=/", "SameSite=Lax", "Secure"]
    );
    let browser = app.client();
    let web = app.web_client().await;
    let reply = browser.open(&web.asks(&[])).await;
    assert_eq!(
        attributes(&reply, "oauth_interaction"),
        ["HttpOnly", "Max-Age=600", "Path=/", "SameSite=Lax", "Secure"]
    );
}

#[actix_web::test]
async fn remember_me_is_offered_with_its_days() {
    let (app, _, _) = TestApp::init().with_user("alice").await;
    let browser = app.client();
    let page = browser.open("/login").await;
    page.says("Remember me for 30 days");
    let form = page.form_to("/login").with("username", "alice").with("password", PASSWORD);
    let reply = browser.submit(form.with("remember_me", "1")).await;
    let thirty_days = format!("Max-Age={}", 30 * 86_400);
    assert!(attributes(&reply, "oauth_session").contains(&thirty_days));
    let handle = browser.cookie("oauth_session");
    app.clock.advance(86_400);
    let reply = browser.open("/account/sessions").await;
    assert!(
        attributes(&reply, "oauth_session").contains(&thirty_days),
        "with each use the cookie lasts anew"
    );
    assert_eq!(browser.cookie("oauth_session"), handle);
    let (app, _, _) = TestApp::init().with("SESSION_REMEMBER_ME_ENABLED", "false").with_user("alice").await;
    let browser = app.client();
    let page = browser.open("/login").await;
    assert!(!page.text().contains("Remember me"));
    let form = page.form_to("/login").with("username", "alice").with("password", PASSWORD);
    let reply = browser.submit(form.with("remember_me", "1")).await;
    assert!(attributes(&reply, "oauth_session").contains(&"Max-Age=3600".to_owned()));
}

#[actix_web::test]
async fn adv_23_every_reason_looks_the_same() {
    let (app, anon, _) = TestApp::init().with("LOGIN_RATE_LIMIT", "100").with_user("alice").await;
    app.create_user("disabled").await;
    let ctx = app.context();
    app.write(move |tx| {
        let user = user::by_username(tx, "disabled")?.expect("it is there");
        user::set_status(tx, &user, UserStatus::Disabled, &Origin::default(), &ctx)
    })
    .await;
    let mut pages = Vec::new();
    for (username, password) in [
        ("alice", "wrong"),
        ("nobody", "wrong"),
        ("disabled", "wrong"),
        ("disabled", PASSWORD),
        ("alice", ""),
        ("", PASSWORD),
        ("alice", &"x".repeat(2000)),
    ] {
        let reply = anon.post("/login").form(&[("username", username), ("password", password)]).send().await;
        reply.is_page(401).says(WRONG);
        assert!(!anon.has_cookie("oauth_session") && !reply.text().contains(PASSWORD));
        let page = reply.text().replace(&format!("value=\"{username}\""), "value=\"\"");
        pages.push(page.replace(" autofocus", "").replace(" >", ">"));
    }
    assert!(pages.windows(2).all(|two| two[0] == two[1]), "{pages:#?}");
}

#[actix_web::test]
async fn d39_a_login_from_another_site_is_refused() {
    let (app, _, _) = TestApp::init().with_user("alice").await;
    let form = [("username", "alice"), ("password", PASSWORD)];
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost:8081"),
        ("origin", "https://localhost:8080"),
        ("origin", "http://localhost:8080.evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let browser = app.client();
        let reply = browser.post("/login").header(name, value).form(&form).send().await;
        reply.is_page(403).says("another site");
        assert!(!browser.has_cookie("oauth_session"), "{name}: {value}");
    }
    for headers in [&[][..], &[("origin", ORIGIN)], &[("sec-fetch-site", "same-origin"), ("origin", ORIGIN)]]
    {
        let request =
            headers.iter().fold(app.client().post("/login"), |r, (name, value)| r.header(name, value));
        assert_eq!(request.form(&form).send().await.status, 303, "{headers:?}");
    }
}

#[actix_web::test]
async fn adv_08_a_cookie_from_before_never_becomes_the_session() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    // The attacker signs out, and plants what was the cookie of a session, or anything, in the victim's browser.
    let planted = alice.cookie("oauth_session").unwrap();
    alice.submit(alice.visit("/account/sessions").await.form_to("/account/sessions/revoke-all")).await;
    for planted in [planted.as_str(), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let victim = app.client();
        victim.set_cookie("oauth_session", planted);
        victim.set_cookie("oauth_interaction", planted);
        assert_eq!(victim.sign_in("alice", PASSWORD).await.status, 303);
        assert_ne!(victim.cookie("oauth_session").unwrap(), planted);
        assert_eq!(victim.visit("/account/sessions").await.title(), "Your account · Authgate");
        let attacker = app.client();
        attacker.set_cookie("oauth_session", planted);
        assert!(attacker.open("/account/sessions").await.location().path().ends_with("/login"));
    }
}

#[actix_web::test]
async fn adv_08_a_login_makes_a_new_handle_and_form_token_and_leaves_the_interaction_cookie() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    alice.visit(&web.asks(&[])).await.is_page(200);
    let before = (alice.cookie("oauth_session").unwrap(), alice.cookie("oauth_interaction").unwrap());
    let token = alice.visit("/account/sessions").await.form_to("/account/sessions/revoke-all");
    alice.sign_in("alice", PASSWORD).await;
    assert_ne!(alice.cookie("oauth_session").unwrap(), before.0);
    assert_eq!(alice.cookie("oauth_interaction").unwrap(), before.1);
    alice.submit(token).await.is_page(403);
    let thief = app.client();
    thief.set_cookie("oauth_session", &before.0);
    assert_eq!(
        thief.open("/account/sessions").await.location().path(),
        "/login",
        "the old handle is nothing"
    );
    assert_eq!(app.number("SELECT COUNT(*) FROM sessions").await, 1, "the session is the same");
}

#[actix_web::test]
async fn somebody_else_who_signs_in_ends_the_session_that_was() {
    let (app, _, browser) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    app.create_user("bob").await;
    let (_, refresh) = browser.tokens(&web, "openid").await;
    browser.sign_in("bob", PASSWORD).await;
    browser.visit("/account/sessions").await.says("bob@example.com");
    assert_eq!(app.number("SELECT COUNT(*) FROM sessions WHERE status = 'active'").await, 1);
    assert_eq!(web.refresh(&browser, &refresh).await.error(), "invalid_grant");
}

#[actix_web::test]
async fn adv_38_garbage_cookies_hurt_nothing() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    for garbage in ["x", "%00%0d%0a", "\"quoted\"", "a b", &"A".repeat(43), &"A".repeat(4000), "=", ".."] {
        let names = ["oauth_session", "oauth_interaction", "oauth_known"];
        let cookie = names.map(|name| format!("{name}={garbage}")).join("; ");
        app.client().get("/login").header("cookie", &cookie).send().await.is_page(200);
        let reply = app.client().get("/account/sessions").header("cookie", &cookie).send().await;
        assert_eq!(reply.location().path(), "/login", "{garbage:?}");
        let reply = app.client().get(&web.asks(&[])).header("cookie", &cookie).send().await;
        assert_eq!((reply.status, reply.location().path()), (302, "/login"), "{garbage:?}");
        let form = [("username", "alice"), ("password", PASSWORD)];
        let reply = app.client().post("/login").header("cookie", &cookie).form(&form).send().await;
        assert_eq!(reply.status, 303, "{garbage:?}");
    }
    let cookie = format!("broken; oauth_session={}; =; b", alice.cookie("oauth_session").unwrap());
    let reply = app.client().get("/account/sessions").header("cookie", &cookie).send().await;
    assert_eq!(reply.status, 200, "a neighbour's broken cookie");
}

#[actix_web::test]
async fn stale_cookies_change_nothing_for_programs() {
    let (app, _, browser) = TestApp::init().with_user("alice").await;
    app.clock.advance(7200);
    for path in ["/health", "/.well-known/openid-configuration", "/oauth/tokeninfo"] {
        let bare = app.client().get(path).send().await;
        let reply = browser.get(path).send().await;
        assert_eq!((reply.status, reply.text()), (bare.status, bare.text()), "{path}");
        assert_eq!(reply.header("set-cookie"), None);
    }
    let reply = browser.post("/oauth/token").form(&[("grant_type", "client_credentials")]).send().await;
    assert_eq!((reply.status, reply.error().as_str()), (401, "invalid_client"));
}

#[actix_web::test]
async fn the_login_page_says_who_asks_and_fills_the_hint_in() {
    let (app, anon) = TestApp::init().start();
    let web = app.web_client().await;
    let page = anon.visit(&web.asks(&[("login_hint", "alice\"><script>")])).await;
    page.is_page(200).says("Example App");
    assert_eq!(page.form_to("/login").field("username"), "alice\"><script>");
    assert!(!page.text().contains("<script"));
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .contains("form-action 'self' https://app.example.com;")
    );
    // Another browser learns nothing by the id.
    let path = page.form_to("/login").field("redirect").to_owned();
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("redirect", &path).finish();
    let page = app.client().open(&format!("/login?{query}")).await;
    assert!(!page.text().contains("Example App") && page.form_to("/login").field("username").is_empty());
}
