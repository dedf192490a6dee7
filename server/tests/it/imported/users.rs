//! People and their passwords.

use authgate_core::audit::Origin;
use authgate_core::user::{self, NewUser, Role, User};
use futures_util::future::join_all;

use super::{HASH, RACERS, SECRET};
use crate::util::TestApp;

const UPGRADED: &str = "USER_PASSWORD_UPGRADED";
/// Argon2id of `password`, of the reference implementation's tests: cheaper than ours.
const ARGON2ID: &str = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

impl TestApp {
    async fn import_user(&self, username: &str, hash: &str) {
        let ctx = self.context();
        let new = NewUser {
            username: username.to_owned(),
            email: None,
            full_name: None,
            role: Role::User,
            password_hash: Some(hash.to_owned()),
        };
        self.write(move |tx| user::create(tx, new, &Origin::default(), &ctx)).await;
    }

    async fn find_user(&self, username: &'static str) -> User {
        self.write(move |tx| user::by_username(tx, username)).await.unwrap()
    }
}

#[actix_web::test]
async fn the_first_login_replaces_the_hash_and_ends_nothing() {
    let (app, _) = TestApp::init().start();
    for (name, hash, password) in [("alice", HASH, SECRET), ("bob", ARGON2ID, "password")] {
        app.import_user(name, hash).await;
        let (first, second) = (app.client(), app.client());
        assert_eq!(first.sign_in(name, password).await.status, 303, "{name}");
        let user = app.find_user(name).await;
        let stored = user.password_hash.unwrap();
        assert!(!user::is_foreign(&stored), "{name}: {stored}");
        assert_eq!(user.epoch, 1);
        assert_eq!(second.sign_in(name, password).await.status, 303);
        assert_eq!(app.find_user(name).await.password_hash, Some(stored), "the second changes nothing");
        first.open("/account/sessions").await.is_page(200);
    }
    assert_eq!(app.events(UPGRADED).await, 2);
}

#[actix_web::test]
async fn d44_a_wrong_password_of_an_imported_user_is_wrong_like_any_other() {
    let (app, anon) = TestApp::init().with("ENABLE_RATE_LIMIT", "false").start();
    app.import_user("alice", HASH).await;
    for wrong in ["wrong", HASH, &format!("{SECRET}x"), &SECRET[1..]] {
        anon.sign_in("alice", wrong).await.is_page(401).says("Invalid username or password");
    }
    assert_eq!(app.find_user("alice").await.password_hash.as_deref(), Some(HASH));
    app.disable_user("alice").await;
    anon.sign_in("alice", SECRET).await.is_page(401).says("Invalid username or password");
    assert_eq!(app.events(UPGRADED).await, 0, "who may not sign in is not upgraded");
}

#[actix_web::test]
async fn adv_34_first_logins_at_once_all_succeed_and_replace_the_hash_once() {
    let (app, _) = TestApp::init().with("ENABLE_RATE_LIMIT", "false").start();
    app.import_user("alice", HASH).await;
    let browsers: Vec<_> = (0..RACERS).map(|_| app.client()).collect();
    let replies = join_all(browsers.iter().map(|browser| browser.sign_in("alice", SECRET))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 303).count(), RACERS);
    assert_eq!(app.events(UPGRADED).await, 1);
    for browser in browsers {
        browser.open("/account/sessions").await.is_page(200);
    }
}
