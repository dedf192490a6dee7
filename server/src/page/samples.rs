//! Every page in every state, as the tests render it.

use serde_json::Value;

use super::*;

/// A page in one state, ready for its template.
pub struct Sample {
    pub name: &'static str,
    pub template: &'static str,
    pub context: Value,
}

/// All of them.
pub fn all(pages: &Pages) -> Vec<Sample> {
    let mut samples = Vec::new();
    login(pages, &mut samples);
    decisions(pages, &mut samples);
    handover(pages, &mut samples);
    device(pages, &mut samples);
    lists(pages, &mut samples);
    errors(pages, &mut samples);
    samples
}

fn add<V: View>(samples: &mut Vec<Sample>, pages: &Pages, name: &'static str, view: &V) {
    samples.push(Sample { name, template: V::TEMPLATE, context: pages.context(view).unwrap() });
}

const MORNING: Time = Time(1_795_575_571);
const EARLIER: Time = Time(1_794_012_345);

fn account() -> Account {
    Account { name: "Ada Lovelace".into(), username: "ada".into() }
}

fn scope(name: &str, words: &str, new: bool) -> ScopeLine {
    ScopeLine { name: name.into(), words: words.into(), new }
}

fn scopes() -> Vec<ScopeLine> {
    vec![
        scope("openid", "Verify your identity", false),
        scope("profile", "Access your name and profile information", false),
        scope("write", "Create and modify data on your behalf", true),
        scope("offline_access", "Access your data when you are not present", true),
    ]
}

fn resources() -> Vec<Resource> {
    vec![
        Resource { name: Some("Payroll API".into()), uri: "https://payroll.example.com/v2".into() },
        Resource { name: None, uri: "https://xn--bcher-kva.example/mcp".into() },
    ]
}

fn login(pages: &Pages, samples: &mut Vec<Sample>) {
    let first = Login {
        error: None,
        notice: None,
        username: String::new(),
        redirect: String::new(),
        remember_for: None,
        client_name: None,
    };
    add(samples, pages, "login", &first);
    let full = Login {
        notice: Some("Your session has expired due to inactivity. Please sign in again.".into()),
        redirect: "/oauth/authorize?interaction=01993c".into(),
        remember_for: Some(Lifetime(2_592_000)),
        client_name: Some("Acme Notes".into()),
        ..first
    };
    add(samples, pages, "login-client", &full);
    let refused = Login {
        error: Some("Invalid username or password".into()),
        notice: None,
        username: "ada".into(),
        ..full
    };
    add(samples, pages, "login-error", &refused);
}

fn decisions(pages: &Pages, samples: &mut Vec<Sample>) {
    let full = Consent {
        csrf_token: "Y29uc2VudC10b2tlbg".into(),
        interaction: "01993c1e-7b5a".into(),
        request: Request {
            client_id: "0199a3c4-5b6d-7e8f-9a0b-1c2d3e4f5a6b".into(),
            redirect_uri: "https://notes.acme.example/callback".into(),
            scope: "openid profile write offline_access".into(),
            state: Some("af0ifjsldkj".into()),
            nonce: Some("n-0S6_WzA2Mj".into()),
            code_challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".into()),
            code_challenge_method: Some("S256".into()),
            resource: vec!["https://payroll.example.com/v2".into()],
        },
        client_name: "Acme Notes".into(),
        description: Some("Notes that follow you from phone to desk.".into()),
        redirect_host: "notes.acme.example".into(),
        registered_at: Some(EARLIER),
        loopback_only: true,
        account: account(),
        sign_out_redirect: "/oauth/authorize?interaction=01993c".into(),
        scopes: scopes(),
        claims: vec![
            Claim { name: "email".into(), new: true },
            Claim { name: "phone_number".into(), new: false },
        ],
        resources: resources(),
        token_lifetime: Lifetime(3600),
        renewal: Renewal::UntilRevoked,
    };
    add(samples, pages, "consent-full", &full);
    let plain = Consent {
        description: None,
        registered_at: None,
        loopback_only: false,
        claims: vec![],
        resources: vec![],
        renewal: Renewal::UntilSignOut,
        ..full.clone()
    };
    add(samples, pages, "consent", &plain);
    let bare = Request {
        state: None,
        nonce: None,
        code_challenge: None,
        code_challenge_method: None,
        resource: vec![],
        ..plain.request.clone()
    };
    let bare = Consent { request: bare, scopes: vec![], renewal: Renewal::Never, ..plain };
    add(samples, pages, "consent-bare", &bare);
    let plain =
        SignOut { account: account(), client_name: None, action: "/logout".into(), fields: Vec::new() };
    add(samples, pages, "sign-out", &plain);
    let asked = SignOut {
        client_name: Some("Acme Notes".into()),
        action: "/oauth/logout".into(),
        fields: vec![
            Hidden { name: "action", value: "logout".into() },
            Hidden { name: "post_logout_redirect_uri", value: "https://app.example.com/bye".into() },
        ],
        ..plain
    };
    add(samples, pages, "sign-out-client", &asked);
    add(samples, pages, "signed-out", &SignedOut {});
}

fn device(pages: &Pages, samples: &mut Vec<Sample>) {
    let entry = DeviceEntry {
        account: account(),
        csrf_token: "ZGV2aWNlLXRva2Vu".into(),
        error: None,
        user_code: String::new(),
    };
    add(samples, pages, "device", &entry);
    let refused =
        DeviceEntry { error: Some("User code not found".into()), user_code: "wdjb mjht".into(), ..entry };
    add(samples, pages, "device-error", &refused);
    let confirm = DeviceConfirm {
        account: account(),
        csrf_token: "Y29uZmlybS10b2tlbg".into(),
        user_code: "WDJB-MJHT".into(),
        client_name: "Acme CLI".into(),
        client_id: "0199a3c4-5b6d-7e8f-9a0b-1c2d3e4f5a6b".into(),
        scopes: scopes(),
        resources: resources(),
        asked_from: "203.0.113.7".into(),
        asked_at: MORNING,
        sign_out_redirect: "/device".into(),
    };
    add(samples, pages, "device-confirm", &confirm);
    let bare = DeviceConfirm { scopes: vec![], resources: vec![], ..confirm };
    add(samples, pages, "device-confirm-bare", &bare);
    let done = DeviceDone { account: account(), client_name: "Acme CLI".into(), approved: true };
    add(samples, pages, "device-approved", &done);
    add(samples, pages, "device-denied", &DeviceDone { approved: false, ..done });
}

fn lists(pages: &Pages, samples: &mut Vec<Sample>) {
    let browser = |id: &str, current, browser: &str, address: &str| BrowserSession {
        id: id.into(),
        current,
        browser: browser.into(),
        address: address.into(),
        created_at: EARLIER,
        last_seen_at: MORNING,
    };
    let app = |id: &str, client_name: &str, last_used_at| AppAccess {
        id: id.into(),
        client_name: client_name.into(),
        scopes: vec!["openid".into(), "profile".into(), "offline_access".into()],
        created_at: EARLIER,
        last_used_at,
        expires_at: Time(1_798_167_571),
    };
    let sessions = Sessions {
        account: account(),
        csrf_token: "YWNjb3VudC10b2tlbg".into(),
        flash: Some(Flash::Success("Signed out of Safari on iOS.".into())),
        email: "ada@example.com".into(),
        role: "admin".into(),
        signed_in_at: MORNING,
        sessions: vec![
            browser("0199-a", true, "Firefox on Linux", "203.0.113.7"),
            browser("0199-b", false, "Safari on iOS", "2001:db8:85a3:8d3:1319:8a2e:370:7348"),
        ],
        apps: vec![app("0199-c", "Acme Notes", Some(MORNING)), app("0199-d", "Backup Tool", None)],
    };
    add(samples, pages, "sessions", &sessions);
    let alone = Sessions {
        flash: Some(Flash::Error("That session had already ended.".into())),
        apps: vec![],
        ..sessions
    };
    add(samples, pages, "sessions-empty", &alone);
    let authorization = |id: &str, client_name: &str, resources| Authorization {
        id: id.into(),
        client_name: client_name.into(),
        scopes: scopes().into_iter().map(|scope| ScopeLine { new: false, ..scope }).collect(),
        resources,
        granted_at: EARLIER,
    };
    let authorizations = Authorizations {
        account: account(),
        csrf_token: "YXV0aG9yaXphdGlvbnM".into(),
        flash: Some(Flash::Success("Access revoked.".into())),
        authorizations: vec![
            authorization("0199-e", "Acme Notes", vec![]),
            authorization("0199-f", "Payroll Sync", resources()),
        ],
    };
    add(samples, pages, "authorizations", &authorizations);
    let none = Authorizations { flash: None, authorizations: vec![], ..authorizations };
    add(samples, pages, "authorizations-empty", &none);
}

fn handover(pages: &Pages, samples: &mut Vec<Sample>) {
    let field = |name, value: &str| Hidden { name, value: value.into() };
    let form_post = Continue {
        host: "app.example.com".into(),
        address: "https://app.example.com/callback".into(),
        fields: Some(vec![
            field("code", "c0de"),
            field("state", "a b"),
            field("iss", "https://id.example.com"),
        ]),
        client_name: None,
        refusal: None,
        script: Some(pages.form_post()),
    };
    add(samples, pages, "continue-form-post", &form_post);
    let refused = Continue {
        client_name: Some("Notes for the Terminal".into()),
        refusal: Some("none of the requested scopes is registered for this client".into()),
        script: None,
        ..form_post
    };
    add(samples, pages, "continue-refused-form-post", &refused);
    let address = "https://app.example.com/callback?error=invalid_scope&state=a+b".into();
    let refused = Continue { address, fields: None, ..refused };
    add(samples, pages, "continue-refused", &refused);
    add(samples, pages, "continue-signed-out", &Continue { refusal: None, ..refused });
}

fn errors(pages: &Pages, samples: &mut Vec<Sample>) {
    let named = [
        ("error-403", ErrorPage::forbidden()),
        ("error-404", ErrorPage::not_found()),
        ("error-405", ErrorPage::method_not_allowed()),
        ("error-429", ErrorPage::too_many_requests(Lifetime(180))),
        ("error-500", ErrorPage::internal()),
        ("error-503", ErrorPage::unavailable()),
    ];
    for (name, page) in named {
        add(samples, pages, name, &page);
    }
    let full = ErrorPage {
        account: Some(account()),
        code: Some("invalid_request".into()),
        retry: Some(Link { path: "/device".into(), text: "Try again".into() }),
        request_id: Some("0199a3c4-5b6d-7e8f-9a0b-1c2d3e4f5a6b".into()),
        ..ErrorPage::new(
            400,
            "This request cannot be granted",
            "The application sent an address that it did not register. Tell its maker.",
        )
    };
    add(samples, pages, "error-full", &full);
}
