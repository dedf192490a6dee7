//! Keys that change while the server runs (deviation D24).

use authgate::serve::keeper::Keeper;
use authgate_core::db::Tx;
use authgate_core::env::Env;
use authgate_core::error::Result;
use authgate_core::keys::{Algorithm, rotation};
use serde_json::Value;

use crate::util::jws::Jws;
use crate::util::process::Process;
use crate::util::{Client, Registered, TestApp};

/// A change that another process makes: it knows nothing of this server's memory.
async fn beside<T: Send + 'static>(
    app: &TestApp,
    job: impl FnOnce(&mut Tx<'_>, Env<'_>) -> Result<T> + Send + 'static,
) -> T {
    let own = app.app.env_of("cli");
    app.write(move |tx| job(tx, own.env())).await
}

async fn tokens(alice: &Client, web: &Registered) -> (String, String) {
    let reply = alice.allow(&web.asks(&[("prompt", "consent")])).await;
    let tokens = web.redeem(alice, &reply.sent("code")).await.ok();
    let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
    (text("access_token"), text("id_token"))
}

async fn jwks(http: &Client) -> Value {
    http.get("/.well-known/jwks.json").send().await.json()
}

#[actix_web::test]
async fn d24_a_change_of_another_process_is_noticed_at_the_next_look() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let mut keeper = Keeper::new(app.app.generation);
    let (old, _) = tokens(&alice, &web).await;
    let kid = Jws::read(&old).header["kid"].as_str().unwrap().to_owned();
    keeper.look(&app.app).await.unwrap();
    assert_eq!(alice.status_with("/oauth/tokeninfo", &old).await, 200);
    let new = beside(&app, move |tx, env| rotation::revoke(tx, env, &kid)).await;
    keeper.look(&app.app).await.unwrap();
    assert_eq!(alice.status_with("/oauth/tokeninfo", &old).await, 401, "it verifies nothing at once");
    assert!(!web.is_live(&alice, &old).await);
    let (fresh, _) = tokens(&alice, &web).await;
    assert_eq!(Jws::verified(&alice, &fresh).await.header["kid"], new.kid.as_str());
    assert_eq!(alice.status_with("/oauth/tokeninfo", &fresh).await, 200);
}

#[actix_web::test]
async fn d24_a_compromised_refresh_key_ends_the_grants_made_with_it() {
    let (app, _, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let mut keeper = Keeper::new(app.app.generation);
    let (_, old) = alice.tokens(&web, "openid").await;
    beside(&app, rotation::renew_refresh).await;
    keeper.look(&app.app).await.unwrap();
    let old = web.refresh(&alice, &old).await.ok()["refresh_token"].as_str().unwrap().to_owned();
    let (_, new) = alice.tokens(&web, "openid").await;
    beside(&app, |tx, env| rotation::revoke(tx, env, "1")).await;
    keeper.look(&app.app).await.unwrap();
    assert_eq!(web.refresh(&alice, &old).await.error(), "invalid_grant");
    assert_eq!(web.refresh(&alice, &new).await.status, 200);
}

/// A verifier that keeps the key set for as long as it may, and never asks sooner.
struct Verifier {
    set: Value,
    fetched_at: i64,
}

impl Verifier {
    async fn knows(&mut self, http: &Client, token: &str, now: i64) -> bool {
        if now >= self.fetched_at + 3600 {
            *self = Self { set: jwks(http).await, fetched_at: now };
        }
        let kid = Jws::read(token).header["kid"].clone();
        self.set["keys"].as_array().unwrap().iter().any(|key| key["kid"] == kid)
    }
}

#[actix_web::test]
async fn d24_no_verifier_that_caches_by_the_headers_ever_fails() {
    let day = 86_400;
    let (app, _, _) = TestApp::init().with("KEY_ROTATION_INTERVAL", "24h").with_user("alice").await;
    let web = app.web_client().await;
    let mut keeper = Keeper::new(app.app.generation);
    let mut verifier = Verifier { set: Value::Null, fetched_at: 0 };
    let mut alive: Vec<(i64, String)> = Vec::new();
    let mut kids = std::collections::BTreeSet::new();
    // Steps that do not divide the hour, so that every age of the cache meets every moment of the turn.
    let step = 1700;
    for _ in 0..(5 * day / 2 / step) {
        app.clock.advance(step);
        let now = app.context().now();
        // A turn is looked for every fortieth look.
        for _ in 0..40 {
            keeper.look(&app.app).await.unwrap();
        }
        let alice = app.browser_of("alice").await;
        let reply = alice.visit(&web.asks(&[])).await;
        let reply = match reply.status {
            200 => alice.submit(reply.form_to("/oauth/authorize").press("approve")).await,
            _ => reply,
        };
        let issued = web.redeem(&alice, &reply.sent("code")).await.ok();
        for name in ["access_token", "id_token"] {
            alive.push((now + 3600, issued[name].as_str().unwrap().to_owned()));
        }
        alive.retain(|(until, _)| *until > now);
        for (_, token) in &alive {
            kids.insert(Jws::read(token).header["kid"].as_str().unwrap().to_owned());
            assert!(
                verifier.knows(&alice, token, now).await,
                "an unknown key after {} s",
                now - verifier.fetched_at
            );
        }
    }
    assert_eq!(kids.len(), 6, "two turns of two algorithms");
}

#[actix_web::test]
async fn d24_a_configured_pem_goes_on_being_known_after_it_was_replaced() {
    let (app, _) = TestApp::init().start();
    let first = beside(&app, |tx, env| rotation::prepare(tx, env, Algorithm::Es256)).await;
    app.clock.advance(rotation::LEAD);
    let own = app.app.env_of("keeper");
    app.app.issuer.write(move |tx| rotation::advance(tx, own.env())).await.unwrap();
    let app = app.restarted().await;
    assert_eq!(app.app.keyring.now().keys.access().kid.as_deref(), Some(first.kid.as_str()));
}

/// Asks until the answer is as expected; the bound is far beyond what it may take.
async fn until(http: &Client, token: &str, status: u16) -> usize {
    for asked in 0..20_000 {
        if http.status_with("/oauth/tokeninfo", token).await == status {
            return asked;
        }
    }
    panic!("it never became {status}");
}

#[actix_web::test]
async fn d24_rotate_compromised_beside_a_running_server_takes_effect_under_load() {
    let folder = tempfile::TempDir::new().unwrap();
    let env = [("DEFAULT_ADMIN_PASSWORD", "correct horse battery staple")];
    let server = Process::start(folder.path(), &env);
    let command = |args: &[&str]| {
        let done = std::process::Command::new(env!("CARGO_BIN_EXE_authgate"))
            .args(args)
            .arg("--json")
            .current_dir(folder.path())
            .env_clear()
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice::<Value>(&done.stdout).unwrap()
    };
    let made =
        command(&["client", "create", "--name", "m", "--grant", "client_credentials", "--scope", "read"]);
    let (id, secret) = (made["client_id"].as_str().unwrap(), made["client_secret"].as_str().unwrap());
    let http = server.client();
    let token = async || {
        let reply = http.post("/oauth/token").basic(id, secret).form(&[("grant_type", "client_credentials")]);
        reply.send().await.ok()["access_token"].as_str().unwrap().to_owned()
    };
    let old = token().await;
    until(&http, &old, 200).await;
    command(&["key", "rotate", "--compromised", "--algorithm", "ES256"]);
    // Every request in between is answered: `until` and `token` accept nothing else.
    until(&http, &old, 401).await;
    let new = token().await;
    assert_eq!(until(&http, &new, 200).await, 0);
    assert_ne!(Jws::read(&old).header["kid"], Jws::verified(&http, &new).await.header["kid"]);
}
