//! How often one may try.

use authgate_actors::limiter::Allowance;

use crate::util::{Client, PASSWORD, Reply, START, TestApp};

async fn guess(browser: &Client, username: &str) -> Reply {
    let form = [("username", username), ("password", "not it, sorry")];
    browser.post("/login").header("accept", "text/html").form(&form).send().await
}

#[actix_web::test]
async fn adv_21_a_name_is_one_whatever_its_case() {
    let (app, anon, _) = TestApp::init().with_user("Alice").await;
    assert_eq!(app.client().sign_in("aLICE", PASSWORD).await.status, 303);
    for name in ["alice", "ALICE", "Alice", "aLiCe", " alice "] {
        assert_eq!(guess(&anon, name).await.status, 401, "{name}");
    }
    assert_eq!(guess(&anon, "alicE").await.status, 429);
}

#[actix_web::test]
async fn d20_guesses_are_limited_by_address() {
    let (app, anon, _) = TestApp::init().with_user("alice").await;
    for n in 0..5 {
        assert_eq!(guess(&anon, &format!("user{n}")).await.status, 401);
    }
    let reply = guess(&anon, "another").await;
    reply.is_page(429).says("Too many attempts").says("Try again in");
    assert_eq!(reply.header("retry-after"), Some("60"));
    let reply = anon.sign_in("alice", PASSWORD).await;
    assert_eq!(reply.status, 429, "the password is not even looked at");
    app.clock.advance(60);
    assert_eq!(anon.sign_in("alice", PASSWORD).await.status, 303);
}

#[actix_web::test]
async fn adv_18_a_header_that_anyone_can_send_makes_no_other_address() {
    let (_app, anon, _) = TestApp::init().with_user("alice").await;
    for n in 0..6 {
        let address = format!("203.0.113.{n}");
        let form = [("username", "nobody"), ("password", "x")];
        let request = anon.post("/login").header("x-forwarded-for", &address).header("x-real-ip", &address);
        let reply = request.header("forwarded", &format!("for={address}")).form(&form).send().await;
        assert_eq!(reply.status, if n < 5 { 401 } else { 429 });
    }
}

#[actix_web::test]
async fn d20_an_account_is_not_locked_where_it_is_known() {
    let (app, anon, alice) = TestApp::init().with("LOGIN_RATE_LIMIT", "3").with_user("alice").await;
    for _ in 0..3 {
        // Strangers at other addresses.
        let allowance = Allowance { limit: 3, window: 60 };
        let taken = app.app.limiter.take("login-account", "alice".to_owned(), allowance, START * 1000).await;
        assert!(taken.unwrap().allowed);
    }
    assert_eq!(anon.sign_in("alice", PASSWORD).await.status, 429, "a stranger");
    let reply = alice.sign_in("alice", PASSWORD).await;
    assert_eq!(reply.status, 303, "a browser that has signed in before: {}", reply.text());
    app.create_user("bob").await;
    let bob = app.browser_of("bob").await;
    assert_eq!(bob.sign_in("alice", PASSWORD).await.status, 429, "another person's browser");
}

#[actix_web::test]
async fn adv_21_sixteen_racing_guesses_are_sixteen() {
    let (_app, anon, _) = TestApp::init().with_user("alice").await;
    let replies = racing_guesses(&anon, 16).await;
    let passed = replies.iter().filter(|status| **status == 401).count();
    let refused = replies.iter().filter(|status| **status == 429).count();
    assert_eq!((passed, refused), (5, 11));
}

async fn racing_guesses(browser: &Client, count: usize) -> Vec<u16> {
    let racing: Vec<_> = (0..count)
        .map(|_| {
            let form = [("username", "alice"), ("password", "not it")];
            actix_web::rt::spawn(browser.post("/login").form(&form).send())
        })
        .collect();
    let mut statuses = Vec::new();
    for reply in racing {
        statuses.push(reply.await.unwrap().status);
    }
    statuses
}

#[actix_web::test]
async fn a_success_does_not_count() {
    let (app, anon, _) = TestApp::init().with_user("alice").await;
    for _ in 0..12 {
        assert_eq!(app.client().sign_in("alice", PASSWORD).await.status, 303);
    }
    for _ in 0..5 {
        assert_eq!(guess(&anon, "alice").await.status, 401);
    }
}
