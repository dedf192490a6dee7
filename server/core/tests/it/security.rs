//! What RFC 9700, RFC 6819 and OAuth 2.1 ask for and no other file shows; docs/security/requirements names the rest.

use authgate_core::authorize::{Question, Rejected};
use authgate_core::client::{self, Client, ClientSpec, ClientType};
use authgate_core::error::Code;
use authgate_core::extra_claims::{Limits, MAX_RAW_SIZE};
use authgate_core::registration::{self, Metadata, Mode, Rules};
use authgate_core::secret::{Secret, sha256};
use authgate_core::{code, device, interaction, user};
use serde_json::json;

use crate::flow::{authorization, changed};
use crate::world::{App, World, refusal, web_app};

/// Somebody else's `code_verifier`.
const OTHER_VERIFIER: &str = "another-verifier-of-another-browser-0123456789";
/// Samples: that a random character is the same in all of them happens once in 4^63 runs.
const SAMPLES: usize = 64;

/// Bits that an attacker cannot foresee in these texts of one moment: each character that is not always the same counts
/// as its alphabet does.
fn unforeseen(texts: &[String], bits_a_character: usize) -> usize {
    let varies = |at: usize| texts.iter().any(|text| text.as_bytes()[at] != texts[0].as_bytes()[at]);
    (0..texts[0].len()).filter(|at| varies(*at)).count() * bits_a_character
}

fn samples(one: impl Fn() -> Secret) -> Vec<String> {
    (0..SAMPLES).map(|_| one().expose().to_owned()).collect()
}

/// RFC 6749 10.10: a guess succeeds with at most 2^-128, and should with 2^-160.
#[test]
fn rfc6749_10_10_rfc6819_5_1_4_2_2_nothing_that_is_not_typed_can_be_guessed() {
    let mut world = World::new();
    world.policy.registration = Rules { enabled: true, mode: Mode::Open, ..registration_rules() };
    let app = world.native_app();
    let codes = samples(|| world.code(&app, &[]).code);
    let device_codes = samples(|| world.device(&app, Some("read"), &[]).unwrap().device_code);
    for codes in [codes, device_codes] {
        assert!(unforeseen(&codes, 4) >= 160, "{}", codes[0]);
        // The first half stands in the database and in audit events.
        let secret: Vec<_> = codes.iter().map(|code| code[32..].to_owned()).collect();
        assert!(unforeseen(&secret, 4) >= 128, "{}", secret[0]);
    }
    let refresh = samples(|| Secret::new(world.tokens(&app, &[]).1.refresh()));
    assert!(unforeseen(&refresh, 6) >= 160, "{}", refresh[0]);
    let secrets = samples(|| world.app(web_app()).secret.unwrap());
    assert!(unforeseen(&secrets, 5) >= 160, "{}", secrets[0]);
    let registrations = samples(|| {
        let metadata = Metadata::parse(br#"{"redirect_uris": ["https://notes.example/cb"]}"#).unwrap();
        let registered = world.write(|tx, env| registration::register(tx, env, metadata, "192.0.2.1"));
        registered.unwrap().registration_access_token
    });
    assert!(unforeseen(&registrations, 6) >= 160, "{}", registrations[0]);
}

fn registration_rules() -> Rules {
    let scopes = authgate_core::scope::Scope::parse("openid profile").unwrap();
    Rules { scopes, max_per_address: 1000, max_clients: 1000, unused_after: 86_400, ..Rules::default() }
}

/// A client that could choose its id would choose a person's, and its own token would be that person's to an API.
#[test]
fn rfc9700_4_15_1_no_client_passes_for_a_person() {
    let mut world = World::new();
    world.policy.registration = Rules { enabled: true, mode: Mode::Open, ..registration_rules() };
    let alice = world.user("alice");
    let wanted =
        json!({"client_id": alice.id, "sub": alice.id, "redirect_uris": ["https://notes.example/cb"]});
    let metadata = Metadata::parse(wanted.to_string().as_bytes()).unwrap();
    let registered = world.write(|tx, env| registration::register(tx, env, metadata, "192.0.2.1")).unwrap();
    assert_ne!(registered.client.id, alice.id);

    let machine = world.post(&world.web_app(), &[("grant_type", "client_credentials")]).unwrap();
    for claim in ["sub", "user_id"] {
        let subject = machine.claim(claim);
        assert!(subject.as_str().unwrap().starts_with("client:"), "{claim}: {subject}");
    }
    let name = format!("client:{}", registered.client.id);
    assert_eq!(refusal(world.write(|tx, env| rename(tx, env, &alice, &name))), Code::InvalidRequest);
}

fn rename(
    tx: &mut authgate_core::db::Tx<'_>,
    env: authgate_core::env::Env<'_>,
    like: &user::User,
    username: &str,
) -> authgate_core::error::Result<user::User> {
    let new = user::NewUser {
        username: username.into(),
        email: None,
        full_name: None,
        role: like.role,
        password_hash: None,
    };
    user::create(tx, new, env.origin, env.ctx)
}

/// The attacker's own browser at the legitimate client, with a code of the victim's: same client, same redirect URI.
#[test]
fn rfc9700_4_5_3_1_an_injected_code_fits_no_other_transaction() {
    for app in [World::web_app, World::native_app] {
        let world = World::new();
        let app = app(&world);
        let victim = world.code(&app, &[]);
        let other = sha256(OTHER_VERIFIER.as_bytes());
        let attacker = world.code(&app, &[("code_challenge", &other)]);
        let injected = changed(victim.redemption(), &[("code_verifier", OTHER_VERIFIER)]);
        assert_eq!(refusal(world.post(&app, &injected)), Code::InvalidGrant);
        assert_eq!(refusal(world.redeem(&attacker)), Code::InvalidGrant, "with the victim's verifier");
        world.redeem(&victim).unwrap();
        world.post(&app, &changed(attacker.redemption(), &[("code_verifier", OTHER_VERIFIER)])).unwrap();
    }
}

/// No message from window to window, nothing behind a `#`, no answer as a JWT.
#[test]
fn rfc9700_4_17_2_answers_travel_by_redirect_or_form_only() {
    let world = World::new();
    let app = world.web_app();
    for mode in ["web_message", "fragment", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt", "Query", "*"]
    {
        match world.validate(&authorization(&app.client, &[("response_mode", mode)])) {
            Err(Rejected::Redirect(to, refusal)) => {
                assert_eq!(refusal.code, Code::InvalidRequest, "{mode}");
                let address = to.error(&refusal, "https://id.example").address();
                assert!(address.starts_with("https://app.example/cb?error=") && !address.contains('#'));
            }
            other => panic!("{mode}: {other:?}"),
        }
    }
}

/// A client that adds the refresh grant while the person reads how long its access lasts is shown again.
#[test]
fn rfc6819_5_2_4_2_a_decision_is_about_all_that_was_shown() {
    for change in [
        "name = 'Other'",
        "description = 'Other'",
        "scopes = 'openid read'",
        "token_profile = 'long'",
        "grants = '[\"authorization_code\"]'",
        "redirect_uris = '[\"https://app.example/cb\",\"https://other.example/cb\"]'",
    ] {
        let world = World::new();
        let (app, alice) = (world.web_app(), world.user("alice"));
        let asked = world.asked(&app, &[]);
        let shown = || {
            let mut asked = asked.clone();
            let digest = world.read(|tx, env| {
                let client = client::by_id(tx, &app.client.id)?.unwrap();
                Ok(Question::of(tx, env.policy, client, &alice, &mut asked)?.digest(&asked))
            });
            digest.unwrap()
        };
        let before = shown();
        assert_eq!(shown(), before);
        world.sql(&format!("UPDATE clients SET {change}"));
        assert_ne!(shown(), before, "{change}");
    }
}

#[test]
fn oauth_2_1_2_1_a_client_is_confidential_or_public_and_stays_so() {
    let world = World::new();
    for (app, other) in
        [(world.web_app(), ClientType::Public), (world.native_app(), ClientType::Confidential)]
    {
        let spec = ClientSpec { client_type: other, ..ClientSpec::of(&app.client) };
        let changed =
            world.write(|tx, env| client::update(tx, &app.client, spec, env.policy, env.origin, env.ctx));
        assert_eq!(refusal(changed), Code::InvalidRequest);
    }
}

#[test]
fn oauth_2_1_3_2_what_the_token_endpoint_does_not_know_is_ignored() {
    let world = World::new();
    let approval = world.code(&world.web_app(), &[]);
    let more = [("state", "s"), ("audience", "https://api.example"), ("x_vendor", "1"), ("claims", "{")];
    let tokens = world.post(&approval.app, &changed(approval.redemption(), &more)).unwrap();
    assert_eq!(tokens.claim("aud"), crate::world::ISSUER);
}

#[test]
fn rfc6819_5_1_4_1_2_no_text_becomes_sql() {
    const TABLES: [&str; 7] =
        ["users", "clients", "client_secrets", "authorization_codes", "device_codes", "families", "tokens"];
    let world = World::new();
    let app = world.native_app();
    world.tokens(&app, &[]);
    world.device(&app, Some("read"), &[]).unwrap();
    let before = world.dump(&TABLES);
    for text in [
        "' OR '1'='1",
        "'; DROP TABLE tokens; --",
        "\" OR 1=1 --",
        "%",
        "?1",
        "x' UNION SELECT * FROM users --",
    ] {
        let named = App { client: Client { id: text.into(), ..app.client.clone() }, secret: None };
        assert!(
            matches!(world.validate(&authorization(&named.client, &[])), Err(Rejected::Page(_))),
            "{text}"
        );
        let grant = [("grant_type", "refresh_token"), ("refresh_token", text)];
        assert_eq!(refusal(world.post(&named, &grant)), Code::InvalidClient, "{text}");
        assert_eq!(refusal(world.post(&app, &grant)), Code::InvalidGrant, "{text}");
        let long = Secret::new(format!("{text:x<64}"));
        let found = world.read(|tx, env| {
            Ok((
                code::find(tx, &long)?.is_some(),
                device::by_user_code(tx, env, text)?.is_some(),
                user::by_username(tx, text)?.is_some(),
                interaction::open(tx, text, text, env.now())?.is_some(),
            ))
        });
        assert_eq!(found.unwrap(), (false, false, false, false), "{text}");
        assert_eq!(refusal(world.poll(&app, &long)), Code::InvalidGrant, "{text}");
    }
    assert_eq!(world.dump(&TABLES), before);
}

/// What is issued is known again, however much was asked for.
#[test]
fn oauth_2_1_1_7_1_the_longest_token_is_live() {
    let mut world = World::new();
    world.policy.extra_claims = Some(Limits { raw_size: 0, keys: 0, value_size: 0 });
    let app = world.app(ClientSpec { extra_claims: vec!["a".into()], ..web_app() });
    let long = |at: usize| format!("{:x<1024}", format!("https://api.example/{at}/"));
    let resources: Vec<_> = (0..10).map(long).collect();
    let asked: Vec<_> = resources.iter().map(|resource| ("resource", resource.as_str())).collect();
    let approval = world.code(&app, &asked);
    let extra = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_RAW_SIZE - 8));
    let redemption = changed(approval.redemption(), &[("extra_claims", &extra)]);
    let tokens = world.post(&app, &redemption).unwrap();
    assert!(tokens.access().expose().len() > 19_000);
    assert_eq!(world.live(&tokens).unwrap().audience.0, resources);
}
