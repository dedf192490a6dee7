//! The authorization endpoint's checks in their order, and the address an answer goes to.

use authgate_core::authorize::{Destination, Rejected};
use authgate_core::client::ClientSpec;
use authgate_core::error::{Code, Refusal};
use authgate_core::interaction::{Prompt, ResponseMode};
use authgate_core::resource::Resource;
use authgate_core::scope::Scope;
use authgate_core::secret::Secret;

use crate::flow::{CHALLENGE, authorization};
use crate::world::{ISSUER, World, web_app};

/// Where a request was turned away to, and why.
#[derive(Debug, PartialEq)]
enum Away {
    Page(Code),
    Redirect(Code),
}

fn away(world: &World, pairs: &[(&str, &str)]) -> Away {
    match world.validate(pairs) {
        Err(Rejected::Page(refusal)) => Away::Page(refusal.code),
        Err(Rejected::Redirect(_, refusal)) => Away::Redirect(refusal.code),
        Err(Rejected::Failed(error)) => panic!("{error}"),
        Ok(_) => panic!("{pairs:?} was accepted"),
    }
}

/// What is wrong comes first in this order; each row breaks one more thing, and everything below is broken too.
#[test]
fn d01_the_checks_in_their_order_and_never_a_redirect_to_an_unchecked_address() {
    let world = World::new();
    let app = world.app(ClientSpec { scopes: Scope::parse("openid read").unwrap(), ..web_app() });
    let long = "s".repeat(1025);
    let broken: [(&str, &str, Away); 12] = [
        ("state", &long, Away::Page(Code::InvalidRequest)),
        ("nonce", &long, Away::Page(Code::InvalidRequest)),
        ("client_id", "nobody", Away::Page(Code::UnauthorizedClient)),
        ("redirect_uri", "https://evil.example/cb", Away::Page(Code::InvalidRequest)),
        ("request", "e30.e30.", Away::Redirect(Code::RequestNotSupported)),
        ("request_uri", "https://x.example", Away::Redirect(Code::RequestUriNotSupported)),
        ("response_type", "token", Away::Redirect(Code::UnsupportedResponseType)),
        ("response_mode", "fragment", Away::Redirect(Code::InvalidRequest)),
        ("scope", "admin", Away::Redirect(Code::InvalidScope)),
        ("code_challenge_method", "plain", Away::Redirect(Code::InvalidRequest)),
        ("resource", "urn:x", Away::Redirect(Code::InvalidTarget)),
        ("prompt", "none login", Away::Redirect(Code::InvalidRequest)),
    ];
    for (at, (name, value, expected)) in broken.iter().enumerate() {
        let changes: Vec<_> = broken[at..].iter().map(|(name, value, _)| (*name, *value)).collect();
        assert_eq!(away(&world, &authorization(&app.client, &changes)), *expected, "{name}={value}");
        assert_eq!(
            away(&world, &authorization(&app.client, &[(name, value)])),
            *expected,
            "{name}={value} alone"
        );
    }
}

#[test]
fn rfc6749_3_1_1_response_type_is_required() {
    let world = World::new();
    let app = world.web_app();
    let missing = authorization(&app.client, &[("response_type", "")]);
    assert_eq!(away(&world, &missing), Away::Redirect(Code::InvalidRequest));
    for other in ["id_token", "code id_token", "CODE", "none"] {
        let pairs = authorization(&app.client, &[("response_type", other)]);
        assert_eq!(away(&world, &pairs), Away::Redirect(Code::UnsupportedResponseType), "{other}");
    }
}

#[test]
fn an_unusable_client_is_a_page() {
    for change in ["status = 'inactive'", "status = 'pending'", "grants = '[\"refresh_token\"]'"] {
        let world = World::new();
        let app = world.web_app();
        world.sql(&format!("UPDATE clients SET {change}"));
        let pairs = authorization(&app.client, &[]);
        assert_eq!(away(&world, &pairs), Away::Page(Code::UnauthorizedClient), "{change}");
    }
    let world = World::new();
    let app = world.web_app();
    for (name, code) in [("client_id", Code::UnauthorizedClient), ("redirect_uri", Code::InvalidRequest)] {
        assert_eq!(away(&world, &authorization(&app.client, &[(name, "")])), Away::Page(code), "{name}");
    }
}

#[test]
fn adv_05_a_redirect_uri_is_the_registered_string() {
    let world = World::new();
    let app = world.web_app();
    for other in [
        "https://app.example/cb/",
        "https://app.example/cb?x=1",
        "https://app.example/cb#",
        "https://APP.example/cb",
        "https://app.example:443/cb",
        "https://app.example@evil.example/cb",
        "https://app.example/x/../cb",
        "https://app.example/%63b",
        "http://app.example/cb",
        "javascript:alert(1)",
    ] {
        let pairs = authorization(&app.client, &[("redirect_uri", other)]);
        assert_eq!(away(&world, &pairs), Away::Page(Code::InvalidRequest), "{other}");
    }
}

#[test]
fn d02_adv_06_who_must_use_pkce() {
    let world = World::new();
    let (free, strict) = (ClientSpec { pkce_required: Some(false), ..web_app() }, web_app());
    let (free, strict) = (world.app(free), world.app(strict));
    let native = world.native_app();
    let own = world.app(ClientSpec { pkce_required: Some(false), ..web_app() });
    world.sql(&format!("UPDATE clients SET origin = 'self' WHERE id = '{}'", own.client.id));
    world.sql(&format!("UPDATE clients SET pkce_required = 0 WHERE id = '{}'", native.client.id));
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    for app in [&strict, &native] {
        let pairs = authorization(&app.client, &without);
        assert_eq!(away(&world, &pairs), Away::Redirect(Code::InvalidRequest));
    }
    let refused = world.asked(&own, &without).refused.expect("it is stored until somebody has logged in");
    assert_eq!(refused.code, Code::InvalidRequest);
    assert_eq!(world.asked(&free, &without).code_challenge, None);
    for app in [&free, &strict, &native] {
        assert_eq!(world.asked(app, &[]).code_challenge.as_deref(), Some(CHALLENGE));
        for wrong in [
            ("code_challenge_method", ""),
            ("code_challenge_method", "plain"),
            ("code_challenge_method", "s256"),
            ("code_challenge", ""),
            ("code_challenge", "short"),
        ] {
            let pairs = authorization(&app.client, &[wrong]);
            assert_eq!(away(&world, &pairs), Away::Redirect(Code::InvalidRequest), "{wrong:?}");
        }
    }
}

#[test]
fn d30_unregistered_scopes_are_dropped_and_the_rest_stays_in_order() {
    let world = World::new();
    let app = world.app(ClientSpec { scopes: Scope::parse("read openid email").unwrap(), ..web_app() });
    let table = [
        ("email admin read", Some("email read")),
        ("openid admin", Some("openid")),
        ("", Some("read openid email")),
        ("admin", None),
        ("READ", None),
    ];
    for (asked, left) in table {
        let pairs = authorization(&app.client, &[("scope", asked)]);
        match left {
            Some(left) => assert_eq!(world.validate(&pairs).unwrap().1.scope, left, "{asked}"),
            None => assert_eq!(away(&world, &pairs), Away::Redirect(Code::InvalidScope), "{asked}"),
        }
    }
    let no_openid = world.app(ClientSpec { scopes: Scope::parse("read").unwrap(), ..web_app() });
    let pairs = authorization(&no_openid.client, &[("scope", "openid read")]);
    assert_eq!(away(&world, &pairs), Away::Redirect(Code::InvalidScope));
}

#[test]
fn openid_core_3_1_2_1_prompt_and_max_age() {
    let world = World::new();
    let app = world.web_app();
    let prompts = |text: &str| world.asked(&app, &[("prompt", text)]).prompt;
    assert_eq!(prompts(""), []);
    assert_eq!(prompts("none"), [Prompt::None]);
    assert_eq!(prompts("login consent"), [Prompt::Login, Prompt::Consent]);
    assert_eq!(prompts("select_account  login login"), [Prompt::SelectAccount, Prompt::Login]);
    for wrong in ["none login", "consent none", "LOGIN", "create", "login,consent"] {
        let pairs = authorization(&app.client, &[("prompt", wrong)]);
        assert_eq!(away(&world, &pairs), Away::Redirect(Code::InvalidRequest), "{wrong}");
    }
    for (text, seconds) in [("0", 0), ("3600", 3600), ("4294967295", 4_294_967_295)] {
        assert_eq!(world.asked(&app, &[("max_age", text)]).max_age, Some(seconds));
    }
    for wrong in ["-1", "1.5", "1h", "99999999999", "+5", " 5"] {
        let pairs = authorization(&app.client, &[("max_age", wrong)]);
        assert_eq!(away(&world, &pairs), Away::Redirect(Code::InvalidRequest), "{wrong}");
    }
}

#[test]
fn the_longest_state_and_nonce_pass_and_a_long_hint_is_left_out() {
    let world = World::new();
    let app = world.web_app();
    let (longest, hint) = ("s".repeat(1024), "h".repeat(257));
    let request = world.asked(&app, &[("state", &longest), ("nonce", &longest), ("login_hint", &hint)]);
    assert_eq!((request.state.as_deref(), request.nonce.as_deref()), (Some(&*longest), Some(&*longest)));
    assert_eq!(request.login_hint, None);
    assert_eq!(world.asked(&app, &[("login_hint", "alice")]).login_hint.as_deref(), Some("alice"));
}

#[test]
fn rfc6749_3_1_2_rfc9207_the_answers_address_keeps_what_was_registered_byte_for_byte() {
    let table = [
        ("https://a.example/cb", "https://a.example/cb?"),
        ("https://a.example/cb?", "https://a.example/cb?"),
        ("https://a.example/cb?b=2&a=%C3%A9+x", "https://a.example/cb?b=2&a=%C3%A9+x&"),
        ("https://a.example/cb?a=1&", "https://a.example/cb?a=1&"),
        ("com.example.app:/cb", "com.example.app:/cb?"),
        ("http://127.0.0.1:51004", "http://127.0.0.1:51004?"),
    ];
    for (redirect_uri, expected) in table {
        let state = Some("a b&c=d".to_owned());
        let with = Destination { redirect_uri: redirect_uri.into(), state, mode: ResponseMode::Query };
        let tail = "code=c0de&state=a+b%26c%3Dd&iss=https%3A%2F%2Fid.example";
        assert_eq!(with.code(&Secret::new("c0de"), ISSUER).address(), format!("{expected}{tail}"));
        let refusal = Refusal { code: Code::AccessDenied, description: "no & no".into(), commit: false };
        let without = Destination { state: None, ..with };
        let tail = "error=access_denied&error_description=no+%26+no&iss=https%3A%2F%2Fid.example";
        assert_eq!(without.error(&refusal, ISSUER).address(), format!("{expected}{tail}"));
    }
}

#[test]
fn a_stored_request_is_checked_again_before_it_is_answered() {
    use authgate_core::authorize::revalidate;
    for (change, code) in [
        ("status = 'inactive'", Code::UnauthorizedClient),
        ("grants = '[]'", Code::UnauthorizedClient),
        ("redirect_uris = '[\"https://app.example/new\"]'", Code::InvalidRequest),
    ] {
        let world = World::new();
        let mut request = world.asked(&world.web_app(), &[]);
        world.read(|tx, _| revalidate(tx, &mut request)).unwrap();
        world.sql(&format!("UPDATE clients SET {change}"));
        let again = world.read(|tx, _| revalidate(tx, &mut request));
        assert_eq!(crate::world::refusal(again), code, "{change}");
    }
}

#[test]
fn d28_a_resource_is_spelled_as_an_admin_registered_it() {
    let mut world = World::new();
    let registered = "https://api.example.com/orders";
    world.policy.resources = [Resource::parse(registered).unwrap()].into_iter().collect();
    let request = world.asked(&world.web_app(), &[("resource", "HTTPS://API.Example.com:443/orders/")]);
    let spelled: Vec<_> = request.resources.iter().map(Resource::as_str).collect();
    assert_eq!(spelled, [registered]);
}
