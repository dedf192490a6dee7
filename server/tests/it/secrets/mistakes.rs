//! Each secret where it does not belong.

use actix_web::http::Method;
use authgate_core::secret::base64url;
use futures_util::future::join_all;

use super::Secrets;
use super::use_of_all::Answers;
use crate::util::process::Process;
use crate::util::{Client, ORIGIN, Request};

/// Fields of the endpoints for programs.
const FIELDS: [(&str, &[&str]); 4] = [
    (
        "/oauth/token",
        &[
            "grant_type",
            "client_id",
            "client_secret",
            "code",
            "code_verifier",
            "redirect_uri",
            "refresh_token",
            "device_code",
            "scope",
            "resource",
        ],
    ),
    ("/oauth/device/code", &["client_id", "scope", "resource"]),
    ("/oauth/introspect", &["client_id", "token", "token_type_hint"]),
    ("/oauth/revoke", &["client_id", "token", "token_type_hint"]),
];
/// Addresses that a secret may be put behind.
const BEHIND: [&str; 16] = [
    "/",
    "/oauth/token/",
    "/oauth/register/",
    "/oauth/userinfo/",
    "/static/",
    "/account/sessions/",
    "/?",
    "/oauth/token?code=",
    "/oauth/userinfo?access_token=",
    "/oauth/authorize?client_id=",
    "/oauth/authorize?response_type=code&client_id=x&state=",
    "/oauth/logout?id_token_hint=",
    "/oauth/logout?post_logout_redirect_uri=",
    "/login?redirect=/",
    "/login?error=",
    "/device?user_code=",
];

/// Makes every mistake of programs with every secret.
pub(super) async fn make(process: &Process, secrets: &Secrets) -> Answers {
    let http = process.client();
    let mut answers = Answers::new();
    for (what, secret) in &secrets.0 {
        let requests = [behind(&http, secret), fields(&http, secret), elsewhere(&http, secret)];
        let sent = requests.into_iter().flatten().map(|(place, request)| async move {
            let reply = request.send().await;
            (place, reply)
        });
        for (place, reply) in join_all(sent).await {
            let is_json = reply.header("content-type").is_some_and(|kind| kind.contains("json"));
            if is_json && reply.status >= 400 {
                answers.push((format!("{what} as {place}"), reply.text().into()));
            }
        }
    }
    answers
}

type Requests = Vec<(String, Request)>;

fn encoded(secret: &str) -> String {
    form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>().replace('+', "%20")
}

fn behind(http: &Client, secret: &str) -> Requests {
    let request = |path: &&str| ((*path).to_owned(), http.get(&format!("{path}{}", encoded(secret))));
    BEHIND.iter().map(request).collect()
}

fn fields(http: &Client, secret: &str) -> Requests {
    let usual = [("grant_type", "authorization_code"), ("client_id", "x"), ("client_secret", "y")];
    let mut requests = Requests::new();
    for (path, names) in FIELDS {
        for name in names {
            let mut form: Vec<_> = usual.into_iter().filter(|(known, _)| known != name).collect();
            form.push((name, secret));
            requests.push((format!("{name} of {path}"), http.post(path).form(&form)));
        }
    }
    requests
}

fn elsewhere(http: &Client, secret: &str) -> Requests {
    let client_credentials = [("grant_type", "client_credentials")];
    let basic =
        |id: &str, secret: &str| http.post("/oauth/token").basic(id, secret).form(&client_credentials);
    let json =
        serde_json::json!({"client_name": "x", "redirect_uris": [secret], "scope": secret}).to_string();
    let mut requests = Requests::from([
        ("a Basic name".into(), basic(&encoded(secret), "x")),
        ("a Basic password".into(), basic("x", &encoded(secret))),
        ("a redirect URI to register".into(), http.post("/oauth/register").body("application/json", json)),
        ("a JSON body".into(), http.post("/oauth/token").body("application/json", secret.to_owned())),
        (
            "a session".into(),
            http.get("/account/sessions")
                .header("cookie", &format!("oauth_session={}", base64url(secret.as_bytes()))),
        ),
        ("a method".into(), http.request(Method::PUT, "/oauth/token")),
    ]);
    for path in ["/oauth/userinfo", "/oauth/tokeninfo", "/oauth/register/x", "/oauth/introspect", "/metrics"]
    {
        requests.push((
            format!("a bearer token of {path}"),
            http.get(path).header("authorization", &format!("Bearer {secret}")),
        ));
        requests.push((
            format!("an Authorization header of {path}"),
            http.post(path).header("authorization", secret),
        ));
    }
    requests
}

/// What people type into the wrong box. Answers with what they typed go to nobody else.
pub(super) async fn typed(process: &Process, secrets: &Secrets) {
    let http = process.client();
    for secret in secrets.0.values() {
        let posted =
            |path: &str| http.post(path).header("origin", ORIGIN).header("sec-fetch-site", "same-origin");
        posted("/login").form(&[("username", secret), ("password", secret)]).send().await;
        posted("/device/verify").form(&[("user_code", secret)]).send().await;
    }
}
