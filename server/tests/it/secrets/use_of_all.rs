//! Each secret once where it belongs.

use std::path::Path;
use std::process::Command;

use authgate_core::secret::Secret;
use serde_json::{Value, json};

use super::Secrets;
use crate::util::collector::Collector;
use crate::util::process::Process;
use crate::util::{CALLBACK, Client, Registered, Reply, VERIFIER};

const ADMIN_PASSWORD: &str = "the administrators password";
const LISTENS: &str = "/backchannel";
const INITIAL_TOKEN: &str = "the-initial-access-token";

/// What an operator sets. The first is the collector's key.
pub(super) const SETTINGS: [(&str, &str); 7] = [
    ("the collector's key", "the-key-of-the-collector"),
    ("JWT_SECRET", "the jwt secret of thirty-two bytes or more"),
    ("SESSION_SECRET", "the session secret of thirty-two bytes or more"),
    ("MASTER_KEY", "bWFzdGVyIGtleSBvZiB0aGlydHktdHdvIGJ5dGVzLi4"),
    ("DEFAULT_ADMIN_PASSWORD", ADMIN_PASSWORD),
    ("METRICS_TOKEN", "the-token-of-the-metrics"),
    ("DYNAMIC_CLIENT_REGISTRATION_TOKEN", INITIAL_TOKEN),
];

/// Requests that went wrong, by what they were, with what was answered.
pub(super) type Answers = Vec<(String, String)>;

/// A server, and what it runs in.
pub(super) struct Place<'a> {
    pub(super) process: &'a Process,
    pub(super) folder: &'a Path,
    pub(super) env: &'a [(&'a str, &'a str)],
    /// Hears that somebody signed out.
    pub(super) listener: &'a Collector,
}

/// Signs in, gets every kind of token and code, and uses each; keeps them all.
pub(super) async fn run(place: &Place<'_>, secrets: &mut Secrets) -> Answers {
    let mut failed = Answers::new();
    let app = created(place);
    let client_secret = app.secret.clone().expect("it is confidential");
    secrets.keep("the client secret", client_secret.expose());
    secrets.keep("HTTP Basic", &format!("{}:{}", app.id, client_secret.expose()));
    let browser = place.process.client();

    secrets.keep("a wrong password", "not the right password");
    let reply = browser.sign_in("admin", "not the right password").await;
    assert_eq!(reply.status, 401);
    failed.push(("a wrong password".into(), reply.text().into()));
    let reply = browser.sign_in("admin", ADMIN_PASSWORD).await;
    assert_eq!(reply.status, 303, "{}", reply.text());
    for cookie in ["oauth_session", "oauth_known"] {
        secrets.keep(cookie, &browser.cookie(cookie).expect("somebody is signed in"));
    }
    let page = browser.open("/account/sessions").await;
    for form in page.forms().into_iter().filter(|form| form.has("csrf_token")) {
        secrets.keep(&format!("the token of {}", form.action), form.field("csrf_token"));
    }

    let (state, nonce) = ("the state of a request", "the nonce of a request");
    secrets.keep("the state", state);
    secrets.keep("the nonce", nonce);
    secrets.keep("the verifier", VERIFIER);
    let asks = app.asks(&[("state", state), ("nonce", nonce), ("scope", "openid read offline_access")]);
    let code = browser.allow(&asks).await.sent("code");
    secrets.keep("the code", &code);
    let tokens = tokens(secrets, "code", &app.redeem(&browser, &code).await);
    failed.push(("a used code".into(), app.redeem(&browser, &code).await.text().into()));
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let fresh = self::tokens(secrets, "refresh", &app.refresh(&browser, refresh).await);
    for path in ["/oauth/userinfo", "/oauth/tokeninfo"] {
        assert_eq!(browser.status_with(path, access).await, 200, "{path}");
    }
    assert_eq!(app.introspect(&browser, &[("token", access)]).await["active"], true);

    device(secrets, &app, &browser).await;
    registered(secrets, &browser).await;

    app.revoke(&browser, text(&fresh, "refresh_token")).await;
    let hint = text(&fresh, "id_token");
    browser.open(&format!("/oauth/logout?id_token_hint={hint}")).await;
    secrets.keep("the logout token", &logout_token(place, &browser).await);
    failed
}

/// The token that the client hears when somebody has signed out.
async fn logout_token(place: &Place<'_>, http: &Client) -> String {
    // The server looks for what is due every second.
    for _ in 0..100_000 {
        if let Some(taken) = place.listener.taken().iter().find(|taken| taken.path == LISTENS) {
            let body = std::str::from_utf8(&taken.body).unwrap();
            return body.strip_prefix("logout_token=").unwrap().to_owned();
        }
        assert_eq!(http.get("/livez").send().await.status, 200);
    }
    panic!("the client heard nothing");
}

fn created(place: &Place<'_>) -> Registered {
    let listens = format!("{}{LISTENS}", place.listener.uri);
    let made = Command::new(env!("CARGO_BIN_EXE_authgate"))
        .args(["client", "create", "--json", "--name", "Hygiene", "--redirect-uri", CALLBACK])
        .args(["--scope", "openid read offline_access"])
        .args(["--grant", "authorization_code", "--grant", "refresh_token", "--grant", "device_code"])
        .args(["--backchannel-logout-uri", &listens])
        .current_dir(place.folder)
        .env_clear()
        .envs(place.env.iter().copied())
        .output()
        .unwrap();
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    Registered {
        id: text(&made, "client_id").into(),
        secret: Some(Secret::new(text(&made, "client_secret"))),
    }
}

async fn device(secrets: &mut Secrets, app: &Registered, browser: &Client) {
    let device = app.device(browser, &[("scope", "openid read")]).await;
    secrets.keep("the device code", &device.device_code);
    secrets.keep("the user code", &device.user_code);
    app.poll(browser, &device).await.is_error(400, "authorization_pending");
    browser.decide(&device, "approve").await;
    tokens(secrets, "device", &app.poll(browser, &device).await);
}

async fn registered(secrets: &mut Secrets, http: &Client) {
    let body = json!({"client_name": "Itself", "redirect_uris": [CALLBACK]}).to_string();
    let reply =
        http.post("/oauth/register").bearer(INITIAL_TOKEN).body("application/json", body).send().await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let made = reply.json();
    secrets.keep("the secret of who registered itself", text(&made, "client_secret"));
    let token = text(&made, "registration_access_token");
    secrets.keep("the registration access token", token);
    let path = format!("/oauth/register/{}", text(&made, "client_id"));
    assert_eq!(http.status_with(&path, token).await, 200);
}

/// Keeps the tokens of an answer.
fn tokens(secrets: &mut Secrets, grant: &str, reply: &Reply) -> Value {
    let tokens = reply.ok();
    for name in ["access_token", "refresh_token", "id_token"] {
        secrets.keep(&format!("the {name} of the {grant} grant"), text(&tokens, name));
    }
    tokens
}

fn text<'a>(json: &'a Value, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_else(|| panic!("no {name} in {json}"))
}
