//! How long a browser session lives, and what ends it.

use authgate_core::audit::Origin;
use authgate_core::secret::Secret;
use authgate_core::user::{self, UserStatus};

use crate::util::{Client, PASSWORD, TestApp};

const HOME: &str = "/account/sessions";

async fn is_live(browser: &Client) -> bool {
    let reply = browser.open(HOME).await;
    assert!(matches!(reply.status, 200 | 302), "{}", reply.status);
    reply.status == 200
}

async fn remembered(app: &TestApp) -> Client {
    let browser = app.client();
    let form = [("username", "alice"), ("password", PASSWORD), ("remember_me", "1")];
    assert_eq!(browser.post("/login").form(&form).send().await.status, 303);
    browser
}

#[actix_web::test]
async fn half_an_hour_without_a_request_ends_it() {
    let (app, _, alice) = TestApp::init().with("SESSION_MAX_AGE", "36000").with_user("alice").await;
    for _ in 0..3 {
        app.clock.advance(1799);
        assert!(is_live(&alice).await);
    }
    app.clock.advance(1800);
    let reply = alice.open(HOME).await;
    assert_eq!(reply.sent("error"), "session_timeout");
    alice.follow(reply).await.says("Your session has expired due to inactivity. Please sign in again.");
}

#[actix_web::test]
async fn it_ends_in_any_case() {
    let (app, _, alice) = TestApp::init().with("SESSION_IDLE_TIMEOUT", "0").with_user("alice").await;
    app.clock.advance(3599);
    assert!(is_live(&alice).await, "idle time is off");
    app.clock.advance(1);
    assert!(!is_live(&alice).await);
    let (app, _, alice) = TestApp::init()
        .with("SESSION_MAX_AGE", "1000000")
        .with("SESSION_IDLE_TIMEOUT", "0")
        .with_user("alice")
        .await;
    app.clock.advance(12 * 3600 - 1);
    assert!(is_live(&alice).await);
    app.clock.advance(1);
    assert!(!is_live(&alice).await, "twelve hours are the most");
}

#[actix_web::test]
async fn who_ticks_remember_me_at_a_later_login_is_remembered_from_then_on() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let again = |remember: &'static str| {
        let form = [("username", "alice"), ("password", PASSWORD), ("remember_me", remember)];
        alice.post("/login").form(&form).send()
    };
    let reply = again("1").await;
    assert!(reply.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=2592000")), "{reply:?}");
    app.clock.advance(86_400);
    assert!(is_live(&alice).await, "its idle time and its twelve hours are over");
    again("").await;
    app.clock.advance(86_400);
    assert!(is_live(&alice).await, "nobody is forgotten by leaving the box empty");
}

#[actix_web::test]
async fn a_remembered_one_slides_by_thirty_days_and_ends_after_ninety() {
    const DAY: i64 = 86_400;
    let (app, _, _) = TestApp::init().with_user("alice").await;
    let (idle, used) = (remembered(&app).await, remembered(&app).await);
    let web = app.web_client().await;
    for _ in 0..3 {
        app.clock.advance(29 * DAY);
        assert!(is_live(&used).await);
    }
    assert!(!is_live(&idle).await);
    // It never moves the moment of the login.
    used.visit(&web.asks(&[("max_age", "3600")])).await.form_to("/login");
    app.clock.advance(3 * DAY - 1);
    assert!(is_live(&used).await);
    app.clock.advance(1);
    assert!(!is_live(&used).await);
}

#[actix_web::test]
async fn last_seen_is_written_once_a_minute_at_most() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let seen = || app.number("SELECT last_seen_at FROM sessions");
    let start = seen().await;
    app.clock.advance(59);
    is_live(&alice).await;
    assert_eq!(seen().await, start);
    let writes = "SELECT total_changes()";
    app.clock.advance(1);
    for _ in 0..3 {
        is_live(&alice).await;
    }
    assert_eq!(seen().await, start + 60);
    // The issuer's connection counts every row that it has changed.
    let counted = || app.write(move |tx| tx.one::<(i64,)>(writes, &[]));
    let before = counted().await;
    app.clock.advance(60);
    for path in [HOME, "/device", "/account/authorizations", HOME, "/device"] {
        alice.open(path).await.is_page(200);
        app.clock.advance(10);
    }
    assert_eq!(counted().await.unwrap().0, before.unwrap().0 + 1);
}

#[actix_web::test]
async fn a_browser_is_known_by_family_and_system() {
    let agent = |chrome: &str, system: &str| {
        format!("Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{chrome} Safari/537.36")
    };
    let (app, _, _) = TestApp::init().with_user("alice").await;
    let browser = app.client();
    let form = [("username", "alice"), ("password", PASSWORD)];
    let linux = agent("150.0.0.0", "X11; Linux x86_64");
    browser.post("/login").header("user-agent", &linux).form(&form).send().await;
    let open = async |agent: &str| browser.get(HOME).header("user-agent", agent).send().await;
    open(&linux).await.is_page(200).says("Chrome on Linux");
    open(&agent("151.2.3.4", "X11; Linux x86_64")).await.is_page(200);
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    for stranger in [&agent("150.0.0.0", "Windows NT 10.0; Win64; x64"), firefox, "curl/8", ""] {
        let reply = open(stranger).await;
        assert_eq!(reply.sent("error"), "session_invalid", "{stranger}");
        assert_eq!(reply.header("set-cookie"), None);
    }
    assert_eq!(app.events("SESSION_FINGERPRINT_MISMATCH").await, 4);
    open(&linux).await.is_page(200);
    let reply = browser.get("/login?error=session_invalid").header("user-agent", firefox).send().await;
    reply.is_page(200).says("may have been accessed from a different device");
}

#[actix_web::test]
async fn the_comparison_can_be_switched_off() {
    let (_app, _, alice) = TestApp::init().with("SESSION_FINGERPRINT", "false").with_user("alice").await;
    alice.get(HOME).header("user-agent", "Firefox on Windows").send().await.is_page(200);
}

#[actix_web::test]
async fn disabling_or_resetting_a_user_ends_every_session() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let remembered = remembered(&app).await;
    let other = app.client();
    app.create_user("bob").await;
    other.sign_in("bob", PASSWORD).await;
    let ctx = app.context();
    let hash = user::hash_password(&Secret::new("another password"), &ctx).unwrap();
    app.write(move |tx| {
        let user = user::by_username(tx, "alice")?.expect("it is there");
        user::reset_password(tx, &user, &hash, &Origin::default(), &ctx)
    })
    .await;
    assert!(!is_live(&alice).await && !is_live(&remembered).await && is_live(&other).await);
    assert_eq!(alice.sign_in("alice", PASSWORD).await.status, 401);
    assert_eq!(alice.sign_in("alice", "another password").await.status, 303);
    for status in [UserStatus::Disabled, UserStatus::Active] {
        let ctx = app.context();
        app.write(move |tx| {
            let user = user::by_username(tx, "alice")?.expect("it is there");
            user::set_status(tx, &user, status, &Origin::default(), &ctx)
        })
        .await;
        assert!(!is_live(&alice).await, "{status:?}: enabling brings nothing back");
    }
}
