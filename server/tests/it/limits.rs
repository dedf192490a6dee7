//! Sizes, times and counts.

use std::time::Duration;

use authgate_core::client::{ClientType, Grant};

use crate::util::TestApp;

#[actix_web::test]
async fn a_body_may_have_64_kib() {
    let (_app, anon) = TestApp::init().start();
    let padded = |bytes: usize| {
        let form = "grant_type=client_credentials&pad=";
        format!("{form}{}", "a".repeat(bytes - form.len()))
    };
    let form = "application/x-www-form-urlencoded";
    let reply = anon.post("/oauth/token").body(form, padded(64 * 1024)).send().await;
    assert_eq!((reply.status, reply.error().as_str()), (401, "invalid_client"));
    for path in ["/oauth/token", "/oauth/device/code"] {
        let reply = anon.post(path).body(form, padded(64 * 1024 + 1)).send().await;
        assert_eq!((reply.status, reply.error().as_str()), (413, "invalid_request"), "{path}");
    }
    let reply =
        anon.post("/login").header("accept", "text/html").body(form, padded(64 * 1024 + 1)).send().await;
    assert_eq!((reply.status, reply.header("content-type")), (413, Some("text/html; charset=utf-8")));
}

#[actix_web::test]
async fn rfc6749_4_the_token_endpoint_takes_forms() {
    let (_app, anon) = TestApp::init().start();
    for content_type in ["application/json", "text/plain", "multipart/form-data; boundary=x", ""] {
        let reply =
            anon.post("/oauth/token").body(content_type, "grant_type=client_credentials").send().await;
        assert_eq!((reply.status, reply.error().as_str()), (400, "invalid_request"), "{content_type}");
        assert!(reply.text().contains("application/x-www-form-urlencoded"));
    }
    for content_type in
        ["application/x-www-form-urlencoded;charset=UTF-8", "Application/X-WWW-Form-URLEncoded"]
    {
        let reply =
            anon.post("/oauth/token").body(content_type, "grant_type=client_credentials").send().await;
        assert_eq!(reply.error(), "invalid_client", "{content_type}");
    }
}

#[actix_web::test]
async fn adv_15_parameters_are_bounded_and_sent_once() {
    let (_app, anon) = TestApp::init().start();
    let many = (0..65).map(|n| format!("p{n}=x")).collect::<Vec<_>>().join("&");
    for body in [many.as_str(), "grant_type=a&grant_type=b", "grant_type=%zz", "grant_type=%ff"] {
        let reply =
            anon.post("/oauth/token").body("application/x-www-form-urlencoded", body.to_owned()).send().await;
        assert_eq!((reply.status, reply.error().as_str()), (400, "invalid_request"), "{body}");
    }
}

#[actix_web::test]
async fn an_authorization_request_may_have_16_kib() {
    let (_app, anon) = TestApp::init().start();
    let reply = anon.get(&format!("/oauth/authorize?state={}", "a".repeat(16 * 1024))).send().await;
    assert!(reply.status < 500 && reply.status != 414, "{}", reply.status);
    let reply = anon.get(&format!("/oauth/authorize?state={}", "a".repeat(21 * 1024))).send().await;
    assert_eq!(reply.status, 414);
}

#[actix_web::test]
async fn adv_15_heads_are_bounded() {
    let (app, anon) = TestApp::init().start();
    assert_eq!(anon.get("/health").header("x-a", &"a".repeat(12 * 1024)).send().await.status, 200);
    assert_eq!(anon.get("/health").header("x-a", &"a".repeat(17 * 1024)).send().await.status, 431);
    let endless = format!("GET /health HTTP/1.1\r\nhost: a\r\nx-a: {}", "a".repeat(256 * 1024));
    let answer = app.raw(endless).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    let many = (0..200).map(|n| format!("x-{n}: a")).collect::<Vec<_>>().join("\r\n");
    let answer = app.raw(format!("GET /health HTTP/1.1\r\nhost: a\r\n{many}\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert_eq!(anon.get("/health").send().await.status, 200);
}

#[actix_web::test]
async fn a_head_that_does_not_end_is_not_waited_for() {
    let soon = Duration::from_millis(300);
    let (app, _) = TestApp::init().with_timeouts(soon, soon).start();
    let answer = app.raw("GET /health HTTP/1.1\r\nhost: a\r\n").await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[actix_web::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let soon = Duration::from_millis(300);
    let (app, anon) = TestApp::init().with_timeouts(soon, soon).start();
    for path in ["/oauth/token", "/oauth/device/code", "/login"] {
        let answer = app
            .raw(format!(
                "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                 content-length: 100\r\n\r\ngrant_type="
            ))
            .await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{path}: {answer}");
    }
    assert_eq!(anon.get("/health").send().await.status, 200);
}

#[actix_web::test]
async fn rfc9112_6_3_ambiguous_framing_is_refused() {
    let (app, _) = TestApp::init().start();
    for framing in [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: +5\r\n",
        "transfer-encoding: gzip\r\n",
    ] {
        let answer =
            app.raw(format!("POST /oauth/token HTTP/1.1\r\nhost: a\r\n{framing}\r\n0\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{framing}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{framing}: {answer}");
    }
}

#[actix_web::test]
async fn d20_guesses_are_counted_and_successes_are_not() {
    let (app, anon) = TestApp::init().start();
    let (client, secret) = app.confidential_client().await;
    let grant = [("grant_type", "client_credentials")];
    let ask = |secret: &str| anon.post("/oauth/token").basic(&client.id, secret).form(&grant).send();
    for used in 1..25 {
        let reply = ask(secret.expose()).await;
        assert_eq!((reply.status, reply.header("x-ratelimit-limit")), (200, Some("6000")), "its own counter");
        assert_eq!(reply.header("x-ratelimit-remaining"), Some((6000 - used).to_string().as_str()));
    }
    for left in (0..20).rev() {
        let reply = ask("guess").await;
        assert_eq!(reply.status, 401);
        assert_eq!(reply.header("x-ratelimit-remaining"), Some(left.to_string().as_str()));
    }
    let reply = ask("guess").await;
    assert_eq!((reply.status, reply.error().as_str()), (429, "rate_limit_exceeded"));
    assert_eq!(reply.header("retry-after"), Some("60"));
    assert_eq!(reply.header("x-ratelimit-limit"), Some("20"));
    assert_eq!(reply.header("x-ratelimit-remaining"), Some("0"));
    assert_eq!(reply.header("x-ratelimit-reset"), Some("1800000060"));
    app.clock.advance(60);
    assert_eq!(ask("guess").await.status, 401);
}

#[actix_web::test]
async fn d20_who_authenticates_is_not_held_up_by_the_failures_of_its_neighbours() {
    let (app, anon) = TestApp::init().with("TOKEN_RATE_LIMIT", "3").start();
    let (client, secret) = app.confidential_client().await;
    let grant = [("grant_type", "client_credentials")];
    let ask = |secret: &str| anon.post("/oauth/token").basic(&client.id, secret).form(&grant).send();
    let mut statuses = Vec::new();
    for secret in ["guess", "guess", "guess", "guess", secret.expose(), "guess", secret.expose()] {
        statuses.push(ask(secret).await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 429, 200, 429, 200]);
}

#[actix_web::test]
async fn d20_who_authenticates_is_not_held_up_by_its_own_parallel_requests() {
    let (app, anon) = TestApp::init().with("TOKEN_RATE_LIMIT", "1").start();
    let (client, secret) = app.confidential_client().await;
    let ask = || {
        let request = anon.post("/oauth/token").basic(&client.id, secret.expose());
        actix_web::rt::spawn(request.form(&[("grant_type", "client_credentials")]).send())
    };
    let asked: Vec<_> = (0..50).map(|_| ask()).collect();
    for reply in asked {
        assert_eq!(reply.await.unwrap().status, 200);
    }
}

#[actix_web::test]
async fn d20_an_authenticated_client_is_limited_by_its_name() {
    let (app, anon) = TestApp::init().with("TOKEN_CLIENT_RATE_LIMIT", "3").start();
    let (one, other) = (app.machine("read", &[]).await, app.machine("read", &[]).await);
    let grant = [("grant_type", "client_credentials")];
    for left in ["2", "1", "0"] {
        let reply = one.token(&anon, &grant).await;
        assert_eq!((reply.status, reply.header("x-ratelimit-remaining")), (200, Some(left)));
    }
    let reply = one.token(&anon, &grant).await;
    reply.is_error(429, "rate_limit_exceeded");
    assert_eq!(reply.header("retry-after"), Some("60"));
    one.post(&anon, "/oauth/revoke", &[("token", "x")]).await.is_error(429, "rate_limit_exceeded");
    other.token(&anon, &grant).await.ok();
    app.clock.advance(60);
    one.token(&anon, &grant).await.ok();
}

#[actix_web::test]
async fn d20_nobody_uses_up_what_a_client_has_without_its_secret() {
    let (app, anon) = TestApp::init()
        .with("TOKEN_CLIENT_RATE_LIMIT", "2")
        .with("INTROSPECT_CLIENT_RATE_LIMIT", "2")
        .with("TOKEN_RATE_LIMIT", "1000")
        .start();
    let machine = app.machine("read", &[]).await;
    let grant = [("grant_type", "client_credentials")];
    for _ in 0..5 {
        anon.post("/oauth/token")
            .basic(&machine.id, "guess")
            .form(&grant)
            .send()
            .await
            .is_error(401, "invalid_client");
        let named = [("grant_type", "client_credentials"), ("client_id", machine.id.as_str())];
        anon.post("/oauth/token").form(&named).send().await.is_error(401, "invalid_client");
    }
    machine.token(&anon, &grant).await.ok();
    machine.introspect(&anon, &[("token", "x")]).await;
}

#[actix_web::test]
async fn adv_21_what_is_refused_before_the_secret_was_looked_at_counts_for_nobody() {
    let (app, anon) = TestApp::init()
        .with("ENABLE_REFRESH_TOKENS", "false")
        .with("TOKEN_CLIENT_RATE_LIMIT", "2")
        .with("TOKEN_RATE_LIMIT", "1000")
        .start();
    let machine = app.machine("read", &[]).await;
    for _ in 0..5 {
        let form = [("grant_type", "refresh_token"), ("refresh_token", "x")];
        let reply = anon.post("/oauth/token").basic(&machine.id, "guess").form(&form).send().await;
        reply.is_error(401, "invalid_client");
    }
    machine.token(&anon, &[("grant_type", "client_credentials")]).await.ok();
}

#[actix_web::test]
async fn adv_21_strangers_lock_nobody_out_of_registration() {
    let (_app, anon) = TestApp::init()
        .with("ENABLE_DYNAMIC_CLIENT_REGISTRATION", "true")
        .with("DYNAMIC_CLIENT_REGISTRATION_MODE", "open")
        .start();
    let metadata = r#"{"redirect_uris": ["https://app.example.com/cb"]}"#;
    for _ in 0..6 {
        let request = anon.request(actix_web::http::Method::PUT, "/oauth/register/127.0.0.1");
        assert_eq!(request.bearer("junk").body("application/json", metadata).send().await.status, 401);
    }
    let made = anon.post("/oauth/register").body("application/json", metadata).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
}

#[actix_web::test]
async fn device_flows_of_public_clients_are_counted_by_address() {
    let (app, anon) = TestApp::init().with("DEVICE_CODE_RATE_LIMIT", "2").start();
    let tv = app.client_of(ClientType::Public, |spec| spec.grants.push(Grant::Device)).await;
    let server = app.client_of(ClientType::Confidential, |spec| spec.grants.push(Grant::Device)).await;
    for left in ["1", "0"] {
        let reply = tv.post(&anon, "/oauth/device/code", &[("scope", "read")]).await;
        assert_eq!((reply.status, reply.header("x-ratelimit-remaining")), (200, Some(left)));
    }
    let reply = tv.post(&anon, "/oauth/device/code", &[("scope", "read")]).await;
    reply.is_error(429, "rate_limit_exceeded");
    assert_eq!(reply.header("x-ratelimit-limit"), Some("2"));
    for _ in 0..3 {
        server.device(&anon, &[("scope", "read")]).await;
    }
}

#[actix_web::test]
async fn d20_a_trusted_proxy_says_who_asks() {
    let (app, anon) =
        TestApp::init().with("INTROSPECT_RATE_LIMIT", "2").with("TRUSTED_PROXIES", "127.0.0.0/8").start();
    let guess = |header: &str, value: &str| {
        let request = anon.post("/oauth/introspect").basic("nobody", "guess").form(&[("token", "x")]);
        request.header(header, value).send()
    };
    for (hops, status) in [
        ("192.0.2.1", 401),
        ("203.0.113.7, 192.0.2.1", 401),
        ("203.0.113.8, 192.0.2.1", 429),
        ("192.0.2.1, 127.0.0.2", 429),
        ("192.0.2.2", 401),
    ] {
        assert_eq!(guess("x-forwarded-for", hops).await.status, status, "{hops}");
    }
    assert_eq!(guess("forwarded", "for=192.0.2.9;proto=https").await.status, 401);
    let told = app.told("RATE_LIMIT_EXCEEDED").await;
    assert_eq!(told[0].actor_ip.as_deref(), Some("192.0.2.1"), "the trail has the caller, not the proxy");
}

#[actix_web::test]
async fn adv_18_a_forwarded_address_is_no_new_caller() {
    let (_app, anon) = TestApp::init().with("INTROSPECT_RATE_LIMIT", "3").start();
    let mut statuses = Vec::new();
    for n in 0..5 {
        let request = anon.post("/oauth/introspect").basic("nobody", "guess").form(&[("token", "x")]);
        let address = format!("192.0.2.{n}");
        let request = request.header("x-forwarded-for", &address).header("x-real-ip", &address);
        statuses.push(request.send().await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
}

#[actix_web::test]
async fn adv_21_racing_guesses_are_all_counted() {
    let (_app, anon) = TestApp::init().with("TOKEN_RATE_LIMIT", "4").start();
    let mut guesses = Vec::new();
    for _ in 0..16 {
        let guess =
            anon.post("/oauth/token").basic("nobody", "guess").form(&[("grant_type", "client_credentials")]);
        guesses.push(actix_web::rt::spawn(guess.send()));
    }
    let mut failed = 0;
    for guess in guesses {
        failed += usize::from(guess.await.unwrap().status == 401);
    }
    assert_eq!(failed, 4);
}

#[actix_web::test]
async fn limits_can_be_switched_off() {
    let (_app, anon) =
        TestApp::init().with("ENABLE_RATE_LIMIT", "false").with("TOKEN_RATE_LIMIT", "1").start();
    for _ in 0..3 {
        let guess =
            anon.post("/oauth/token").basic("nobody", "x").form(&[("grant_type", "client_credentials")]);
        assert_eq!(guess.send().await.status, 401);
    }
}
