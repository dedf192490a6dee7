//! The audit trail of a running server: what is written down, and how administrators read it.

mod contract;

use std::io::Write as _;

use authgate_core::audit::{self, Entry, Event, Filter};
use authgate_core::user::{self, Role};
use serde_json::Value;

use crate::util::{Client, ORIGIN, PASSWORD, TestApp};

impl TestApp {
    /// Every event so far, oldest first.
    pub async fn trail(&self) -> Vec<Entry> {
        self.app.audit.settle().await.unwrap();
        let found = self.app.read(|tx| audit::page(tx, &Filter::default(), None, (10_000, 0)));
        let mut entries = found.await.unwrap();
        entries.sort_by_key(|entry| entry.sequence);
        entries
    }

    /// The events of one kind.
    pub async fn told(&self, kind: &str) -> Vec<Entry> {
        self.trail().await.into_iter().filter(|entry| entry.event_type == kind).collect()
    }

    /// A browser of an administrator.
    pub async fn admin(&self) -> Client {
        self.create_user("root").await;
        let job = |tx: &mut authgate_core::db::Tx<'_>| {
            let root = user::by_username(tx, "root")?.unwrap();
            tx.execute("UPDATE users SET role = ?1 WHERE id = ?2", &[Role::Admin.into(), (&root.id).into()])
        };
        self.app.issuer.write(job).await.unwrap();
        let admin = self.client();
        assert_eq!(admin.sign_in("root", PASSWORD).await.status, 303);
        admin
    }
}

fn details(entry: &Entry) -> Value {
    serde_json::from_str(entry.details.as_deref().unwrap_or("{}")).unwrap()
}

#[actix_web::test]
async fn adv_35_only_administrators_read_the_trail() {
    let (_app, anon, alice) = TestApp::init().with_user("alice").await;
    for path in ["/admin/audit/api", "/admin/audit/api/stats", "/admin/audit/export"] {
        let reply = anon.get(path).send().await;
        let login = format!("/login?redirect={}", path.replace('/', "%2F"));
        assert_eq!((reply.status, reply.header("location")), (302, Some(login.as_str())));
        let reply = alice.get(path).header("accept", "text/html").send().await;
        reply.is_page(403).says("administrator");
    }
}

#[actix_web::test]
async fn events_are_json_in_pages() {
    let (app, _) = TestApp::init().start();
    let admin = app.admin().await;
    app.create_user("user14").await;
    for n in 0..25 {
        let form = [("username", format!("user{n}")), ("password", "wrong".to_owned())];
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        app.client().post("/login").form(&form).send().await;
        app.clock.advance(61);
    }
    app.app.audit.settle().await.unwrap();
    let reply =
        admin.get("/admin/audit/api?event_type=AUTHENTICATION_FAILURE&page=2&page_size=10").send().await;
    let json = reply.json();
    assert_eq!(json["logs"].as_array().unwrap().len(), 10);
    assert_eq!(json["pagination"]["Total"], 25);
    assert_eq!(json["pagination"]["TotalPages"], 3);
    let event = &json["logs"][0];
    assert_eq!(event["actor_username"], "user14", "newest first");
    assert_eq!(json["logs"][1]["actor_username"], "(unknown)", "what nobody is called may be a password");
    assert_eq!(event["severity"], "WARNING");
    assert_eq!(event["success"], false);
    assert_eq!(event["actor_ip"], "127.0.0.1");
    assert_eq!(event["request_path"], "/login");
    assert_eq!(event["details"]["auth_source"], "local");
    assert!(event["event_time"].as_str().unwrap().ends_with('Z'));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let stats = admin.get("/admin/audit/api/stats").send().await.json();
    assert_eq!(stats["stats"]["events_by_type"]["AUTHENTICATION_FAILURE"], 25);
    assert_eq!(stats["stats"]["failure_count"], 25);
    assert_eq!(app.told("AUDIT_LOG_VIEWED").await.len(), 2, "who looks is written down too");
}

#[actix_web::test]
async fn bad_questions_are_answered_with_what_would_be_right() {
    let (app, _) = TestApp::init().start();
    let admin = app.admin().await;
    for (query, expected) in [
        ("page=0", "page must be a whole number of at least 1"),
        ("page_size=x", "page_size must be"),
        ("severity=LOUD", "must be INFO, WARNING"),
        ("start_time=yesterday", "start_time must be a time such as 2026-01-31T00:00:00Z"),
        ("search=a&search=b", "search"),
    ] {
        let reply = admin.get(&format!("/admin/audit/api?{query}")).send().await;
        assert_eq!((reply.status, reply.error().as_str()), (400, "invalid_request"), "{query}");
        assert!(reply.text().contains(expected), "{query}: {}", reply.text());
    }
    assert_eq!(admin.get("/admin/audit/export?format=xlsx").send().await.status, 400);
    let far = admin.get("/admin/audit/api?page=92233720368547758&page_size=100000").send().await;
    assert_eq!((far.status, far.json()["logs"].as_array().unwrap().len()), (200, 0));
}

#[actix_web::test]
async fn adv_27_everything_can_be_exported_and_no_cell_is_a_formula() {
    let (app, _) = TestApp::init().with("LOGIN_RATE_LIMIT", "100000").start();
    let admin = app.admin().await;
    let (origin, ctx) = (audit::Origin::default(), app.context());
    let event = Event::warning("AUTHENTICATION_FAILURE", "User login attempt failed");
    app.write(move |tx| event.named("=HYPERLINK(\"http://evil\")").write(tx, &origin, &ctx)).await;
    let before = app.trail().await.len();
    let reply = admin.get("/admin/audit/export").send().await;
    assert_eq!(reply.header("content-type"), Some("text/csv"));
    assert_eq!(reply.header("content-disposition"), Some("attachment; filename=audit_logs_2027-01-15.csv"));
    let text = reply.text();
    let heads = "Event Time,Event Type,Severity,Actor Username,Actor IP,Resource Type,Resource Name,Action,Success,Error Message\n";
    assert!(text.starts_with(heads), "{text}");
    assert!(text.contains(",\"'=HYPERLINK(\"\"http://evil\"\")\","), "{text}");
    assert_eq!(text.lines().count(), 1 + before, "one line an event");
    let reply = admin.get("/admin/audit/export?format=jsonl&event_type=AUTHENTICATION_FAILURE").send().await;
    let lines: Vec<Value> = reply.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["actor_username"], "=HYPERLINK(\"http://evil\")", "programs get it as it was");
    let exported = app.told("AUDIT_LOG_EXPORTED").await;
    assert!(exported.iter().any(|entry| details(entry)["filter"]["event_type"] == "AUTHENTICATION_FAILURE"));
}

#[actix_web::test]
async fn an_export_is_read_in_pages() {
    let (app, _) = TestApp::init().start();
    let admin = app.admin().await;
    let before = app.trail().await.len();
    let (origin, ctx) = (authgate_core::audit::Origin::default(), app.context());
    let many = move |tx: &mut authgate_core::db::Tx<'_>| {
        let event = || authgate_core::audit::Event::info("LOGOUT", "User signed out");
        (0..2345).try_for_each(|_| event().write(tx, &origin, &ctx))
    };
    app.app.issuer.write(many).await.unwrap();
    let reply = admin.get("/admin/audit/export?format=jsonl").send().await;
    assert_eq!(reply.text().lines().count(), before + 2345);
}

#[actix_web::test]
async fn d41_introspections_are_counted() {
    let (app, anon) = TestApp::init().start();
    let (client, secret) = app.confidential_client().await;
    let grant = [("grant_type", "client_credentials")];
    let token = anon.post("/oauth/token").basic(&client.id, secret.expose()).form(&grant).send().await;
    let token = token.json()["access_token"].as_str().unwrap().to_owned();
    for presented in [token.as_str(), token.as_str(), token.as_str(), "garbage", "more garbage"] {
        let form = [("token", presented)];
        let reply =
            anon.post("/oauth/introspect").basic(&client.id, secret.expose()).form(&form).send().await;
        assert_eq!(reply.status, 200);
    }
    let told = app.told("TOKEN_INTROSPECTED").await;
    let mut counts: Vec<_> = told.iter().map(details).collect();
    counts.sort_by_key(|details| details["count"].as_u64());
    assert_eq!(counts.len(), 2);
    assert_eq!((&counts[0]["count"], &counts[0]["active"]), (&2.into(), &false.into()));
    assert_eq!((&counts[1]["count"], &counts[1]["active"]), (&3.into(), &true.into()));
    assert_eq!(counts[1]["caller_client_id"], client.id.as_str());
    assert_eq!(counts[1]["token_client_id"], client.id.as_str());
    assert_eq!(counts[1]["token_category"], "access");
}

#[actix_web::test]
async fn the_first_refusal_of_a_minute_is_written_down() {
    let (app, anon) = TestApp::init().with("TOKEN_RATE_LIMIT", "2").start();
    for _ in 0..6 {
        anon.post("/oauth/token")
            .basic("nobody", "x")
            .form(&[("grant_type", "client_credentials")])
            .send()
            .await;
    }
    app.clock.advance(60);
    for _ in 0..3 {
        anon.post("/oauth/token")
            .basic("nobody", "x")
            .form(&[("grant_type", "client_credentials")])
            .send()
            .await;
    }
    let told = app.told("RATE_LIMIT_EXCEEDED").await;
    assert_eq!(told.len(), 2);
    assert_eq!(details(&told[0])["endpoint"], "/oauth/token");
    assert_eq!(details(&told[0])["requests_per_minute"], 2);
}

#[actix_web::test]
async fn the_trail_of_a_server_verifies_and_old_events_go() {
    let (app, anon, _) = TestApp::init().with_user("alice").await;
    app.web_client().await;
    anon.sign_in("alice", "wrong").await;
    let before = app.trail().await.len();
    let verify = || app.app.read(|tx| audit::verify(tx, &[]));
    let (_, verdict) = verify().await.unwrap();
    assert_eq!((verdict.verified, verdict.problems), (before, Vec::new()));
    app.clock.advance(91 * 86_400);
    anon.sign_in("alice", "wrong").await;
    app.trail().await;
    let removed = authgate::serve::cleaner::old_events(&app.app, 90 * 86_400, std::time::Duration::ZERO);
    assert_eq!(removed.await.unwrap(), before);
    let (_, verdict) = verify().await.unwrap();
    assert_eq!((verdict.verified, verdict.problems), (1, Vec::new()));
}

#[actix_web::test]
async fn without_a_trail_nothing_is_written() {
    let (app, anon, _) = TestApp::init().with("ENABLE_AUDIT_LOGGING", "false").with_user("alice").await;
    anon.sign_in("alice", "wrong").await;
    assert!(
        app.told("AUTHENTICATION_FAILURE").await.is_empty()
            && app.told("AUTHENTICATION_SUCCESS").await.is_empty()
    );
}

#[actix_web::test]
async fn events_wait_on_disk_for_the_next_process() {
    let (app, anon) = TestApp::init().start();
    let (release, hold) = std::sync::mpsc::channel::<()>();
    let issuer = app.app.issuer.clone();
    let held = actix_web::rt::spawn(async move {
        let _ = issuer
            .write(move |_| {
                let _ = hold.recv();
                Ok(())
            })
            .await;
    });
    anon.sign_in("nobody", "wrong").await;
    drop(release);
    held.await.unwrap();
    let app = app.restarted().await;
    // The old process ends, and moves what it has or leaves it to the new one.
    while app.told("AUTHENTICATION_FAILURE").await.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(app.told("AUTHENTICATION_FAILURE").await.len(), 1, "once, however often it was moved");
}

#[actix_web::test]
async fn adv_21_who_hangs_up_before_the_answer_is_written_down_and_counted() {
    let (app, _, _) = TestApp::init().with("METRICS_ENABLED", "true").with_user("alice").await;
    let form = "username=alice&password=wrong";
    let request = format!(
        "POST /login HTTP/1.1\r\nhost: a\r\norigin: {ORIGIN}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\r\n{form}",
        form.len()
    );
    for _ in 0..3 {
        let mut stream = std::net::TcpStream::connect(app.addr).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        drop(stream);
    }
    while app.told("AUTHENTICATION_FAILURE").await.len() < 3 {
        tokio::task::yield_now().await;
    }
    loop {
        let metrics = app.client().get("/metrics").send().await;
        if metrics.text().contains(r#"auth_attempts_total{method="local",result="failure"} 3"#) {
            break;
        }
    }
}
