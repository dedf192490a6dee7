//! The contract's table (server.md, 6.4), compared with a server on which everything has happened.

use std::collections::{BTreeMap, BTreeSet};

use authgate::metrics::catalogue::CATALOGUE;

use super::exposition::Exposition;
use super::{measured, scrape_counted};
use crate::util::{Client, Device, PASSWORD, Registered, TestApp};

const RESULT: (&str, &[&str]) = ("result", &["success", "error"]);
const LOGIN: (&str, &[&str]) = ("result", &["success", "failure"]);
const LOCAL: &[&str] = &["local"];
/// The contract's, and below them what our signatures take.
const SHORT: &[f64] = &[
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
    0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Name, type, and the labels with the values that must be there.
type Row = (&'static str, &'static str, &'static [(&'static str, &'static [&'static str])]);

/// As the contract has it. Not here: `auth_oauth_callback_total` (no outside login yet) and `cache_*` (no cache).
const CONTRACT: &[Row] = &[
    ("oauth_device_codes_total", "counter", &[RESULT]),
    ("oauth_device_codes_authorized_total", "counter", &[]),
    (
        "oauth_device_code_validation_total",
        "counter",
        &[("result", &["success", "expired", "invalid", "pending"])],
    ),
    ("oauth_device_codes_active", "gauge", &[]),
    ("oauth_device_codes_pending_authorization", "gauge", &[]),
    ("oauth_device_code_authorization_duration_seconds", "histogram", &[]),
    (
        "oauth_tokens_issued_total",
        "counter",
        &[
            ("token_type", &["access", "refresh"]),
            ("grant_type", &["device_code", "authorization_code", "client_credentials"]),
        ],
    ),
    ("oauth_tokens_revoked_total", "counter", &[("reason", &["user_request", "replay_detection"])]),
    ("oauth_tokens_refreshed_total", "counter", &[RESULT]),
    ("oauth_token_validation_total", "counter", &[("result", &["valid", "invalid"])]),
    ("oauth_tokens_active", "gauge", &[("token_type", &["access", "refresh"])]),
    ("oauth_token_generation_duration_seconds", "histogram", &[("provider", LOCAL)]),
    ("oauth_token_validation_duration_seconds", "histogram", &[("provider", LOCAL)]),
    ("auth_attempts_total", "counter", &[("method", LOCAL), LOGIN]),
    ("auth_login_total", "counter", &[("auth_source", LOCAL), LOGIN]),
    ("auth_logout_total", "counter", &[]),
    ("auth_login_duration_seconds", "histogram", &[("method", LOCAL)]),
    ("sessions_active", "gauge", &[]),
    ("sessions_created_total", "counter", &[]),
    ("sessions_expired_total", "counter", &[("reason", &["logout"])]),
    ("session_duration_seconds", "histogram", &[]),
    (
        "http_requests_total",
        "counter",
        &[
            ("method", &["GET", "POST"]),
            ("path", &["/oauth/token", "/account/sessions/:id/revoke", "/static/*file", "unknown"]),
            ("status", &["200", "302", "400", "401", "404"]),
        ],
    ),
    (
        "http_request_duration_seconds",
        "histogram",
        &[("method", &["GET", "POST"]), ("path", &["/oauth/token", "unknown"])],
    ),
    ("http_requests_in_flight", "gauge", &[]),
    (
        "database_query_errors_total",
        "counter",
        &[("operation", &["count_access_tokens", "count_refresh_tokens", "count_total_device_codes"])],
    ),
    ("audit_events_dropped_total", "counter", &[]),
];

/// The contract's buckets, and ours where its are of no use.
const BUCKETS: &[(&str, &[f64])] = &[
    (
        "http_request_duration_seconds",
        &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0],
    ),
    ("session_duration_seconds", &[60.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0]),
    ("auth_login_duration_seconds", &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]),
    (
        "oauth_device_code_authorization_duration_seconds",
        &[5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0],
    ),
    ("oauth_token_generation_duration_seconds", SHORT),
    ("oauth_token_validation_duration_seconds", SHORT),
    ("authgate_commit_batch_size", &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]),
];

/// The name that a histogram's series share.
fn series(name: &str, kind: &str) -> String {
    if kind == "histogram" { format!("{name}_count") } else { name.to_owned() }
}

fn text(values: &[&str]) -> BTreeSet<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// Everything that is counted happens, as often as the test says below.
async fn everything(app: &TestApp, anon: &Client) {
    let web = app.web_client().await;
    let late = web.device(anon, &[]).await;
    app.clock.advance(1795);
    let alice = app.browser_of("alice").await;
    assert_eq!(app.client().sign_in("alice", "wrong").await.status, 401);
    assert_eq!(app.client().sign_in("nobody", PASSWORD).await.status, 401);

    let granted = web.granted(&alice, &[("scope", "openid read offline_access")]).await;
    let (access, first) =
        (granted["access_token"].as_str().unwrap(), granted["refresh_token"].as_str().unwrap());
    web.redeem(anon, "no such code").await.is_error(400, "invalid_grant");
    assert_eq!(anon.status_with("/oauth/tokeninfo", access).await, 200);
    assert_eq!(anon.status_with("/oauth/userinfo", access).await, 200);
    assert_eq!(anon.status_with("/oauth/tokeninfo", "rubbish").await, 401);
    assert!(web.is_live(anon, access).await);
    assert!(!web.is_live(anon, "rubbish").await);
    devices(app, &web, (anon, &alice), late).await;

    web.refresh(anon, first).await.ok();
    web.refresh(anon, "rubbish").await.is_error(400, "invalid_grant");
    app.clock.advance(120);
    web.refresh(anon, first).await.is_error(400, "invalid_grant");

    let (access, refresh) = alice.tokens(&web, "openid read offline_access").await;
    web.revoke(anon, &access).await;
    web.revoke(anon, &refresh).await;
    web.revoke(anon, &refresh).await;
    app.machine("read", &[]).await.token(anon, &[("grant_type", "client_credentials")]).await.ok();

    alice.open("/static/nothing.css").await;
    alice.open("/nowhere").await;
    assert_eq!(
        alice.post("/account/sessions/x/revoke").form(&[("csrf_token", "x")]).send().await.status,
        403
    );
    alice.submit(alice.visit("/device").await.form_to("/logout")).await;
    let kept = app.browser_of("alice").await;
    assert!(kept.has_cookie("oauth_session"));
}

/// Four devices: one gets its tokens, one is refused, one is too late, and one still waits.
async fn devices(app: &TestApp, web: &Registered, by: (&Client, &Client), late: Device) {
    let (anon, alice) = by;
    anon.post("/oauth/device/code")
        .form(&[("client_id", "nobody")])
        .send()
        .await
        .is_error(401, "invalid_client");
    let (approved, denied) = (web.device(anon, &[]).await, web.device(anon, &[]).await);
    web.poll(anon, &approved).await.is_error(400, "authorization_pending");
    web.poll(anon, &approved).await.is_error(400, "slow_down");
    app.clock.advance(45);
    alice.decide(&approved, "approve").await;
    alice.decide(&denied, "deny").await;
    web.poll(anon, &approved).await.ok();
    web.poll(anon, &denied).await.is_error(400, "access_denied");
    web.poll(anon, &late).await.is_error(400, "expired_token");
    web.device(anon, &[]).await;
}

#[actix_web::test]
async fn names_types_labels_and_buckets_are_the_contracts() {
    let (app, anon) = measured().start();
    app.create_user("alice").await;
    everything(&app, &anon).await;
    let shown = scrape_counted(&app, &anon).await;
    for (name, kind, labels) in CONTRACT {
        assert_eq!(shown.types.get(*name).map(String::as_str), Some(*kind), "{name}");
        let series = series(name, kind);
        let names = text(&labels.iter().map(|(label, _)| *label).collect::<Vec<_>>());
        for known in shown.labels_of(&series) {
            assert_eq!(known.into_keys().collect::<BTreeSet<_>>(), names, "{name}");
        }
        for (label, values) in *labels {
            let found = shown.label(&series, label);
            assert!(found.is_superset(&text(values)), "{name} {label}: {found:?}");
            let is_open = name.starts_with("http_") || *label == "operation";
            assert!(is_open || found == text(values), "{name} {label} has no other value: {found:?}");
        }
    }
    for (name, bounds) in BUCKETS {
        let bounds = bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
        assert_eq!(shown.buckets(name), bounds.collect(), "{name}");
    }
}

#[actix_web::test]
async fn everything_that_is_shown_is_documented_and_the_other_way_round() {
    let (app, anon) = measured().start();
    app.create_user("alice").await;
    everything(&app, &anon).await;
    let shown = scrape_counted(&app, &anon).await;
    let documented: BTreeMap<_, _> =
        CATALOGUE.iter().map(|metric| (metric.name.to_owned(), metric.kind.as_str().to_owned())).collect();
    assert_eq!(shown.types, documented);
    for metric in CATALOGUE {
        let names = metric.labels.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        for known in shown.labels_of(&series(metric.name, metric.kind.as_str())) {
            assert_eq!(known.into_keys().collect::<BTreeSet<_>>(), text(&names), "{}", metric.name);
        }
    }
}

#[actix_web::test]
async fn each_thing_that_happens_is_counted_as_often() {
    let (app, anon) = measured().start();
    app.create_user("alice").await;
    everything(&app, &anon).await;
    let shown = scrape_counted(&app, &anon).await;
    let result = |name, result| shown.value(name, &[("result", result)]);
    let device = "oauth_device_codes_total";
    assert_eq!((result(device, "success"), result(device, "error")), (4, 1));
    let polls = ["success", "pending", "expired", "invalid"];
    assert_eq!(polls.map(|value| result("oauth_device_code_validation_total", value)), [1, 2, 1, 1]);
    assert_eq!(shown.value("oauth_device_codes_authorized_total", &[]), 1);
    assert_eq!(shown.value("oauth_device_code_authorization_duration_seconds_sum", &[]), 45);

    let issued = |kind, grant| {
        shown.value("oauth_tokens_issued_total", &[("token_type", kind), ("grant_type", grant)])
    };
    assert_eq!((issued("access", "authorization_code"), issued("refresh", "authorization_code")), (2, 2));
    assert_eq!((issued("access", "device_code"), issued("refresh", "device_code")), (1, 1));
    assert_eq!(issued("access", "client_credentials"), 1);
    let refreshed = "oauth_tokens_refreshed_total";
    assert_eq!((result(refreshed, "success"), result(refreshed, "error")), (1, 2));
    let revoked = |reason| shown.value("oauth_tokens_revoked_total", &[("reason", reason)]);
    assert_eq!((revoked("user_request"), revoked("replay_detection")), (2, 1));
    let validated = "oauth_token_validation_total";
    assert_eq!((result(validated, "valid"), result(validated, "invalid")), (3, 2));
    let local = [("provider", "local")];
    assert_eq!(shown.value("oauth_token_validation_duration_seconds_count", &local), 5);
    assert_eq!(shown.value("oauth_token_generation_duration_seconds_count", &local), 5);

    for (name, label) in [("auth_attempts_total", "method"), ("auth_login_total", "auth_source")] {
        let tried = |result| shown.value(name, &[(label, "local"), ("result", result)]);
        assert_eq!((tried("success"), tried("failure")), (2, 2), "{name}");
    }
    assert_eq!(shown.value("auth_login_duration_seconds_count", &[("method", "local")]), 4);
    assert_eq!(shown.value("sessions_created_total", &[]), 2);
    assert_eq!(shown.value("sessions_expired_total", &[("reason", "logout")]), 1);
    assert_eq!(shown.value("auth_logout_total", &[]), 1);
    assert_eq!(shown.value("session_duration_seconds_sum", &[]), 165, "since signing in");
    alive(&app, &shown).await;
    requests(&shown);
    beneath(&app, &shown);
}

/// What is counted in the database is what is there.
async fn alive(app: &TestApp, shown: &Exposition) {
    assert_eq!(shown.value("sessions_active", &[]), 1);
    assert_eq!(shown.value("oauth_device_codes_active", &[]), 1);
    assert_eq!(shown.value("oauth_device_codes_pending_authorization", &[]), 1);
    let active = |kind| shown.value("oauth_tokens_active", &[("token_type", kind)]);
    // Of the code that was replayed and of the one that was revoked nothing is left.
    assert_eq!((active("access"), active("refresh")), (2, 1), "the device's, and the machine's");
    let live = "SELECT COUNT(*) FROM tokens WHERE status = 'active'";
    assert_eq!(app.number(live).await, 2);
}

fn requests(shown: &Exposition) {
    let asked = |method, path, status| {
        shown.value("http_requests_total", &[("method", method), ("path", path), ("status", status)])
    };
    // Two codes, one that is not; three refreshes; five polls and one machine.
    assert_eq!((asked("POST", "/oauth/token", "200"), asked("POST", "/oauth/token", "400")), (5, 7));
    assert_eq!(asked("GET", "/static/*file", "404"), 1);
    assert_eq!(asked("GET", "unknown", "404"), 1);
    assert_eq!(asked("POST", "/account/sessions/:id/revoke", "403"), 1);
    let took = [("method", "POST"), ("path", "/oauth/token")];
    assert_eq!(shown.value("http_request_duration_seconds_count", &took), 12);
    assert_eq!(shown.value("http_requests_in_flight", &[]), 1, "this one");
    assert_eq!(shown.value("audit_events_dropped_total", &[]), 0);
}

/// Actors, commits and the rest, which the contract does not have.
fn beneath(app: &TestApp, shown: &Exposition) {
    let actors: Vec<_> = app.app.health.actors().iter().map(|actor| actor.name).collect();
    assert_eq!(shown.label("authgate_actor_queue", "actor"), text(&actors));
    for actor in app.app.health.actors() {
        let value = |name| shown.value(name, &[("actor", actor.name)]);
        assert_eq!(value("authgate_actor_queue"), 0);
        assert_eq!(value("authgate_actor_queue_capacity"), 4096);
        assert_eq!((value("authgate_actor_restarts_total"), value("authgate_actor_refused_total")), (0, 0));
        assert!(value("authgate_actor_wait_seconds_count") > 0, "{}", actor.name);
    }
    let commits = shown.value("authgate_commit_batch_size_count", &[]);
    assert!(commits > 10, "{commits}");
    for name in ["authgate_commit_duration_seconds", "authgate_database_write_lock_wait_seconds"] {
        assert_eq!(shown.value(&format!("{name}_count"), &[]), commits, "{name}");
    }
    assert!(shown.value("authgate_database_read_wait_seconds_count", &[]) > 10);
    assert_eq!(shown.value("authgate_password_hash_wait_seconds_count", &[]), 4);
    assert_eq!(shown.value("authgate_password_hash_queue", &[]), 0);
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    assert_eq!(shown.value("authgate_build_info", &version), 1);
}
