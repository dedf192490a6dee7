//! Every form that changes something refuses what did not come from its own page.

use authgate_core::client::ClientType;

use crate::util::{Form, TestApp};

#[actix_web::test]
async fn d39_every_form_of_every_page_is_guarded() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    alice.tokens(&web, "openid offline_access").await;
    let device = app.client_of(ClientType::Public, |_| ()).await;
    let asked = alice.post("/oauth/device/code").form(&[("client_id", &device.id)]).send().await.json();
    let mut forms: Vec<Form> = Vec::new();
    for path in [
        "/account/sessions".to_owned(),
        "/account/authorizations".to_owned(),
        "/device".to_owned(),
        format!("/device?user_code={}", asked["user_code"].as_str().unwrap()),
        web.asks(&[("prompt", "consent")]),
    ] {
        let page = alice.visit(&path).await;
        forms.extend(page.is_page(200).forms().into_iter().map(Form::press_any));
    }
    let state = "SELECT (SELECT COUNT(*) FROM sessions WHERE status = 'active') * 1000000 \
                 + (SELECT COUNT(*) FROM families WHERE state = 'active') * 10000 \
                 + (SELECT COUNT(*) FROM consents WHERE status = 'active') * 100 \
                 + (SELECT COUNT(*) FROM device_codes WHERE status = 'pending')";
    let before = app.number(state).await;
    let mut actions: Vec<_> = forms.iter().map(|form| form.action.clone()).collect();
    actions.sort();
    actions.dedup();
    assert_eq!(actions.len(), 7, "{actions:?}");
    for form in &forms {
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let reply = alice.post(&form.action).header(name, value).form(&form.pairs()).send().await;
            reply.is_page(403);
        }
        // Login and logout go by the origin alone; every other form has a token that only its session can use.
        if form.action != "/logout" {
            for token in ["", "x", &form.field("csrf_token")[1..]] {
                alice.submit(form.clone().with("csrf_token", token)).await.is_page(403);
            }
            alice.submit(form.clone().without("csrf_token")).await.is_page(403);
        }
    }
    assert_eq!(app.number(state).await, before, "nothing has changed");
    assert_eq!(alice.open("/account/sessions").await.status, 200);
}
