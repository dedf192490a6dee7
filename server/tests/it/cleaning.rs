//! What is over goes while the server runs.

use std::time::Duration;

use authgate::serve::cleaner;

use crate::util::TestApp;

#[actix_web::test]
async fn a_walk_removes_what_is_over_and_signs_nobody_out() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (access, refresh) = alice.tokens(&web, "openid").await;
    for _ in 0..3 {
        anon.open(&web.asks(&[])).await;
    }
    assert_eq!(cleaner::walk(&app.app, Duration::ZERO).await.unwrap(), 0);
    assert!(web.is_live(&anon, &access).await);
    app.clock.advance(1200);
    assert_eq!(
        cleaner::walk(&app.app, Duration::ZERO).await.unwrap(),
        4,
        "four requests, one of them decided"
    );
    assert_eq!(app.number("SELECT COUNT(*) FROM interactions").await, 0);
    alice.open("/account/sessions").await.is_page(200);
    assert_eq!(web.refresh(&anon, &refresh).await.status, 200);
}
