//! What a client that registers itself becomes (RFC 7591, deviation D25).

use authgate_core::client::{ApplicationType, Client, ClientStatus, ClientType, Grant};
use authgate_core::error::{Code, Result};
use authgate_core::registration::{self, Metadata, Mode, Registered, Rules};
use authgate_core::scope::Scope;
use serde_json::{Value, json};

use crate::world::{World, refusal};

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn world(mode: Mode) -> World {
    let mut world = World::new();
    world.policy.registration = Rules {
        enabled: true,
        mode,
        scopes: Scope::parse("openid profile email offline_access").unwrap(),
        max_per_address: 20,
        max_clients: 10_000,
        unused_after: 86_400,
    };
    world
}

/// A web client, with members added, changed or (by null) left out.
fn metadata(changes: &Value) -> Value {
    let mut all = json!({"client_name": "Notes", "redirect_uris": ["https://notes.example/cb"]});
    all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    all
}

fn try_register(world: &World, changes: &Value) -> Result<Registered> {
    let json = metadata(changes).to_string();
    let metadata = Metadata::parse(json.as_bytes())?;
    world.write(|tx, env| registration::register(tx, env, metadata, "192.0.2.1"))
}

fn register(world: &World, changes: &Value) -> Client {
    try_register(world, changes).unwrap().client
}

fn refused(world: &World, changes: &Value) -> Code {
    let code = refusal(try_register(world, changes));
    assert_eq!(world.number("SELECT COUNT(*) FROM clients WHERE origin = 'self'"), 0, "{changes}");
    code
}

fn update(world: &World, client: &Client, changes: &Value) -> Result<Client> {
    let mut all = metadata(changes);
    all["client_id"] = client.id.as_str().into();
    world.write(|tx, env| registration::update(tx, env, client, Metadata::parse(all.to_string().as_bytes())?))
}

#[test]
fn rfc7591_2_defaults() {
    let registered = try_register(&world(Mode::Open), &json!({})).unwrap();
    let client = registered.client;
    assert_eq!(client.grants.0, [Grant::AuthorizationCode]);
    assert_eq!(
        (client.auth_method.as_str(), client.client_type),
        ("client_secret_basic", ClientType::Confidential)
    );
    assert!(registered.secret.is_some());
    assert_eq!(client.application_type, ApplicationType::Web);
    assert_eq!(client.scopes.to_string(), "openid profile email offline_access");
    assert_eq!(client.registered_from.as_deref(), Some("192.0.2.1"));
}

#[test]
fn d25_a_client_that_registered_itself_has_no_privilege() {
    let client = register(&world(Mode::Open), &json!({"scope": "openid admin write"}));
    assert!(client.self_registered() && client.pkce_required && client.remember_consent);
    assert!(
        !client.skip_consent
            && !client.id_token_claims
            && !client.secretless
            && !client.userinfo_any_audience
    );
    assert!(
        client.audiences.0.is_empty() && client.resources.0.is_empty() && client.extra_claims.0.is_empty()
    );
    assert_eq!(client.scopes.to_string(), "openid");
}

#[test]
fn d25_open_mode_leaves_out_what_only_an_operator_gives() {
    let asked = json!({
        "grant_types": ["authorization_code", "refresh_token", DEVICE, "client_credentials"],
        "backchannel_logout_uri": "https://notes.example/out", "backchannel_logout_session_required": true,
    });
    let client = register(&world(Mode::Open), &asked);
    assert_eq!(client.grants.0, [Grant::AuthorizationCode, Grant::Refresh]);
    assert_eq!((client.backchannel_logout_uri, client.backchannel_logout_session), (None, false));
    for mode in [Mode::Token, Mode::Approval] {
        let client = register(&world(mode), &asked);
        assert_eq!(client.grants.0.len(), 4);
        assert_eq!(client.backchannel_logout_uri.as_deref(), Some("https://notes.example/out"));
        assert!(client.backchannel_logout_session);
    }
    for grants in [json!([DEVICE]), json!(["client_credentials"]), json!(["refresh_token"])] {
        assert_eq!(refused(&world(Mode::Open), &json!({"grant_types": grants})), Code::InvalidClientMetadata);
    }
}

#[test]
fn d25_who_makes_a_client_usable() {
    for (mode, status) in [
        (Mode::Approval, ClientStatus::Pending),
        (Mode::Token, ClientStatus::Active),
        (Mode::Open, ClientStatus::Active),
    ] {
        assert_eq!(register(&world(mode), &json!({})).status, status);
    }
}

#[test]
fn d25_loopback_and_private_use_make_a_client_native_unless_it_says() {
    let world = world(Mode::Open);
    let kind = |uris: Value| register(&world, &json!({"redirect_uris": uris})).application_type;
    assert_eq!(kind(json!(["https://a.example"])), ApplicationType::Web);
    assert_eq!(kind(json!(["http://127.0.0.1:1729/cb"])), ApplicationType::Native);
    assert_eq!(kind(json!(["http://[::1]/cb", "http://localhost/cb"])), ApplicationType::Native);
    assert_eq!(kind(json!(["com.example.notes:/cb"])), ApplicationType::Native);
    assert_eq!(kind(json!(["https://a.example", "http://127.0.0.1/"])), ApplicationType::Native);
}

#[test]
fn openid_registration_2_a_web_client_has_no_loopback_or_private_address() {
    let world = world(Mode::Open);
    for uri in ["http://localhost/cb", "http://127.0.0.1:8080/cb", "com.example.notes:/cb"] {
        let web = json!({"application_type": "web", "redirect_uris": [uri]});
        assert_eq!(refused(&world, &web), Code::InvalidRedirectUri, "{uri}");
        register(&self::world(Mode::Open), &json!({"application_type": "native", "redirect_uris": [uri]}));
    }
    assert_eq!(refused(&world, &json!({"application_type": "desktop"})), Code::InvalidClientMetadata);
}

#[test]
fn rfc7591_3_2_2_a_bad_redirect_uri_has_its_own_code() {
    let world = world(Mode::Open);
    for uri in [
        "",
        "/cb",
        "http://a.example/cb",
        "https://a.example/cb#x",
        "https://a.example@evil.example/cb",
        "https://id.example/oauth/authorize",
        "javascript:alert(1)",
        "JavaScript:alert(1)//",
        "data:text/html,x",
        "myapp://cb",
        "https://a.example/\u{202e}",
    ] {
        assert_eq!(refused(&world, &json!({"redirect_uris": [uri]})), Code::InvalidRedirectUri, "{uri}");
        let mixed = json!({"redirect_uris": ["https://a.example/cb", uri]});
        assert_eq!(refused(&world, &mixed), Code::InvalidRedirectUri, "{uri}");
    }
    assert_eq!(refused(&world, &json!({"redirect_uris": null})), Code::InvalidClientMetadata);
    assert_eq!(refused(&world, &json!({"redirect_uris": []})), Code::InvalidClientMetadata);
}

#[test]
fn rfc7591_2_1_grant_types_and_response_types_agree() {
    let world = world(Mode::Token);
    for wrong in [
        json!({"response_types": ["token"]}),
        json!({"response_types": ["code", "code id_token"]}),
        json!({"response_types": []}),
        json!({"grant_types": ["client_credentials"], "response_types": ["code"]}),
        json!({"grant_types": ["implicit"]}),
        json!({"grant_types": ["password", "authorization_code"]}),
        json!({"grant_types": ["refresh_token"]}),
    ] {
        assert_eq!(refused(&world, &wrong), Code::InvalidClientMetadata, "{wrong}");
    }
    register(&world, &json!({"response_types": ["code"]}));
    register(
        &world,
        &json!({"grant_types": ["client_credentials"], "response_types": [], "redirect_uris": null}),
    );
    register(&world, &json!({"grant_types": [DEVICE], "redirect_uris": null}));
}

#[test]
fn rfc7591_2_methods_algorithms_and_subjects_that_are_not_here_are_refused() {
    let world = world(Mode::Token);
    for wrong in [
        json!({"token_endpoint_auth_method": "private_key_jwt"}),
        json!({"token_endpoint_auth_method": "tls_client_auth"}),
        json!({"token_endpoint_auth_method": "None"}),
        json!({"token_endpoint_auth_method": "none", "grant_types": ["client_credentials"]}),
        json!({"id_token_signed_response_alg": "none"}),
        json!({"id_token_signed_response_alg": "HS256"}),
        json!({"subject_type": "pairwise"}),
        json!({"scope": "admin"}),
        json!({"scope": "opénid"}),
        json!({"client_uri": "javascript:alert(1)"}),
        json!({"client_uri": "https://user@notes.example"}),
        json!({"client_uri": "https://notes.example/ x"}),
        json!({"post_logout_redirect_uris": ["http://notes.example/out"]}),
        json!({"post_logout_redirect_uris": ["javascript:alert(1)"]}),
        json!({"backchannel_logout_uri": "http://notes.example/out"}),
        json!({"backchannel_logout_uri": "http://127.0.0.1/out"}),
        json!({"backchannel_logout_uri": "https://notes.example/out#x"}),
        json!({"backchannel_logout_uri": "https://id.example/out"}),
    ] {
        assert_eq!(refused(&world, &wrong), Code::InvalidClientMetadata, "{wrong}");
    }
}

#[test]
fn openid_registration_2_what_is_registered_is_kept() {
    let client = register(
        &world(Mode::Open),
        &json!({
            "client_uri": "https://notes.example/about", "id_token_signed_response_alg": "ES256",
            "post_logout_redirect_uris": ["https://notes.example/bye"], "subject_type": "public",
            "token_endpoint_auth_method": "client_secret_post", "logo_uri": "http://169.254.169.254/latest",
            "jwks_uri": "http://127.0.0.1/keys", "software_statement": "x.y.z",
        }),
    );
    assert_eq!(client.uri.as_deref(), Some("https://notes.example/about"));
    assert_eq!((client.id_token_alg.as_str(), client.auth_method.as_str()), ("ES256", "client_secret_post"));
    assert_eq!(client.post_logout_redirect_uris.0, ["https://notes.example/bye"]);
    assert_eq!(client.jwks, None, "nothing is fetched");
}

#[test]
fn adv_16_names_that_deceive_are_refused() {
    let world = world(Mode::Open);
    let long = "x".repeat(201);
    for name in [
        "client:1",
        " Client:1",
        "a\nb",
        "a\u{0}b",
        "a\u{1b}[2J",
        "\u{202e}moc.knab",
        "a\u{2066}b",
        "Not\u{200b}es",
        "Not\u{ad}es",
        "a\u{2028}b",
        "a\u{e0041}b",
        "\u{feff}Notes",
        "\u{3164}",
        long.as_str(),
    ] {
        assert_eq!(refused(&world, &json!({"client_name": name})), Code::InvalidClientMetadata, "{name:?}");
    }
    for name in ["メモ帳", "Ærlig \u{1f4dd} <b>&amp;", "דפדפן"] {
        assert_eq!(register(&self::world(Mode::Open), &json!({"client_name": name})).name, name);
    }
}

#[test]
fn a_client_without_a_name_is_called_by_its_host() {
    let world = world(Mode::Open);
    let name = |changes: Value| register(&world, &changes).name;
    assert_eq!(name(json!({"client_name": null})), "notes.example");
    assert_eq!(name(json!({"client_name": "  "})), "notes.example");
    let loopback = json!({"client_name": null, "redirect_uris": ["http://127.0.0.1/cb"]});
    assert_eq!(name(loopback), "Unnamed application");
}

#[test]
fn adv_15_lists_are_bounded() {
    let world = world(Mode::Open);
    let uris = |count: usize| (0..count).map(|n| format!("https://notes.example/{n}")).collect::<Vec<_>>();
    for member in ["redirect_uris", "post_logout_redirect_uris"] {
        assert_eq!(refused(&world, &json!({member: uris(11)})), Code::InvalidClientMetadata);
        register(&self::world(Mode::Open), &json!({member: uris(10)}));
    }
    let grants = vec!["authorization_code"; 1000];
    assert_eq!(register(&world, &json!({"grant_types": grants})).grants.0, [Grant::AuthorizationCode]);
}

#[test]
fn d31_without_refresh_tokens_nobody_registers_for_them() {
    let mut world = world(Mode::Open);
    world.policy.refresh_enabled = false;
    let client = register(&world, &json!({"grant_types": ["authorization_code", "refresh_token"]}));
    assert_eq!(client.grants.0, [Grant::AuthorizationCode]);
    assert!(!client.scopes.has("offline_access"));
}

#[test]
fn d25_sixteen_that_race_for_the_last_places_get_no_more() {
    let mut world = world(Mode::Open);
    world.policy.registration.max_per_address = 3;
    let won = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    let ctx = world.ctx();
                    let metadata = Metadata::parse(metadata(&json!({})).to_string().as_bytes()).unwrap();
                    world.store.write(|tx| registration::register(tx, world.env(&ctx), metadata, "192.0.2.1"))
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).count()
    });
    assert_eq!(won, 3);
    assert_eq!(world.number("SELECT COUNT(*) FROM clients WHERE origin = 'self'"), 3);
}

#[test]
fn d25_quotas_per_address_and_in_all() {
    let mut world = world(Mode::Open);
    (world.policy.registration.max_per_address, world.policy.registration.max_clients) = (2, 3);
    let from = |address: &'static str| {
        let metadata = Metadata::parse(metadata(&json!({})).to_string().as_bytes()).unwrap();
        world.write(|tx, env| registration::register(tx, env, metadata, address))
    };
    from("192.0.2.1").unwrap();
    let second = from("192.0.2.1").unwrap().client;
    assert_eq!(refusal(from("192.0.2.1")), Code::RateLimitExceeded);
    from("192.0.2.2").unwrap();
    assert_eq!(refusal(from("192.0.2.3")), Code::RateLimitExceeded);
    // Who is approved takes nobody's place.
    world.write(|tx, env| registration::approve(tx, env, &second, &registration::digest(&second))).unwrap();
    from("192.0.2.1").unwrap();
}

#[test]
fn d25_what_was_never_used_goes_after_a_day() {
    let mut world = world(Mode::Open);
    let (idle, used) = (register(&world, &json!({})), register(&world, &json!({})));
    world
        .write(|tx, _| {
            tx.execute("UPDATE clients SET last_used_at = 1 WHERE id = ?1", &[used.id.as_str().into()])
        })
        .unwrap();
    let removed = |world: &World| world.write(registration::remove_unused).unwrap();
    world.clock.advance(86_399);
    assert_eq!(removed(&world), 0);
    world.clock.advance(1);
    assert_eq!(removed(&world), 1);
    let left = |id: &str| world.read(|tx, _| authgate_core::client::by_id(tx, id)).unwrap().is_some();
    assert!(!left(&idle.id) && left(&used.id));
    assert_eq!(world.number("SELECT COUNT(*) FROM client_secrets"), 1);
    assert_eq!(world.number("SELECT COUNT(*) FROM audit_logs WHERE event_type = 'CLIENTS_EXPIRED'"), 1);
    // The next registration makes the room it needs by itself.
    (world.policy.registration.max_per_address, world.policy.registration.max_clients) = (2, 2);
    register(&world, &json!({}));
    world.clock.advance(86_400);
    register(&world, &json!({}));
    assert_eq!(world.number("SELECT COUNT(*) FROM clients"), 2);
}

#[test]
fn d25_who_waits_for_an_admin_has_thirty_days() {
    let world = world(Mode::Approval);
    register(&world, &json!({}));
    let approved = register(&world, &json!({}));
    world
        .write(|tx, env| registration::approve(tx, env, &approved, &registration::digest(&approved)))
        .unwrap();
    world.clock.advance(registration::UNDECIDED - 1);
    assert_eq!(world.write(registration::remove_unused).unwrap(), 0);
    world.clock.advance(1);
    assert_eq!(world.write(registration::remove_unused).unwrap(), 1);
    assert_eq!(world.number("SELECT COUNT(*) FROM clients WHERE origin = 'approved'"), 1);
}

#[test]
fn d25_thousands_of_unused_clients_go_in_small_steps() {
    let world = world(Mode::Open);
    register(&world, &json!({}));
    world.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) \
         INSERT INTO clients SELECT id || '-' || i, name, description, uri, owner_id, created_by, origin, client_type, \
         application_type, auth_method, status, grants, scopes, redirect_uris, post_logout_redirect_uris, \
         backchannel_logout_uri, backchannel_logout_session, resources, audiences, extra_claims, token_profile, \
         pkce_required, skip_consent, remember_consent, secretless, userinfo_any_audience, id_token_alg, \
         id_token_claims, jwks, project, service_account, registration_token_hash, epoch, last_used_at, created_at, \
         updated_at, registered_from FROM clients, n",
    );
    world.clock.advance(86_400);
    let steps: Vec<usize> = (0..7).map(|_| world.write(registration::remove_unused).unwrap()).collect();
    assert_eq!(steps, [20, 20, 20, 20, 20, 1, 0]);
}

#[test]
fn d25_editing_what_was_approved_returns_it_to_pending() {
    for change in [
        json!({"redirect_uris": ["https://notes.example/cb", "https://evil.example/cb"]}),
        json!({"scope": "openid"}),
        json!({"grant_types": ["authorization_code", "refresh_token"]}),
        json!({"client_name": "Your Bank"}),
        json!({"application_type": "native"}),
        json!({"post_logout_redirect_uris": ["https://evil.example/"]}),
        json!({"backchannel_logout_uri": "https://evil.example/"}),
    ] {
        for mode in [Mode::Approval, Mode::Token] {
            let world = world(mode);
            let client = register(&world, &json!({}));
            world
                .write(|tx, env| registration::approve(tx, env, &client, &registration::digest(&client)))
                .unwrap();
            let approved = world.read(|tx, _| authgate_core::client::by_id(tx, &client.id)).unwrap().unwrap();
            assert!(approved.status == ClientStatus::Active && !approved.self_registered());
            let same = update(&world, &approved, &json!({})).unwrap();
            assert_eq!((same.status, same.epoch), (ClientStatus::Active, approved.epoch), "nothing changed");
            let edited = update(&world, &same, &change).unwrap();
            assert_eq!(edited.status, ClientStatus::Pending, "{change}");
            assert!(
                edited.self_registered() && edited.epoch > approved.epoch,
                "what it had has ended: {change}"
            );
        }
    }
}

#[test]
fn d25_editing_neither_enables_nor_disables_anybody_else() {
    let world = world(Mode::Open);
    let client = register(&world, &json!({}));
    let edited = update(&world, &client, &json!({"redirect_uris": ["https://notes.example/2"]})).unwrap();
    assert_eq!(edited.status, ClientStatus::Active, "nobody ever approved it");
    world.sql("UPDATE clients SET status = 'inactive'");
    let off = world.read(|tx, _| authgate_core::client::by_id(tx, &client.id)).unwrap().unwrap();
    assert_eq!(update(&world, &off, &json!({})).unwrap().status, ClientStatus::Inactive);
}

#[test]
fn rfc7592_2_2_what_an_admin_gave_is_not_lost_by_saying_it_again() {
    let world = world(Mode::Open);
    let client = register(&world, &json!({}));
    world.sql("UPDATE clients SET scopes = 'openid write', audiences = '[\"https://api.example\"]'");
    let client = world.read(|tx, _| authgate_core::client::by_id(tx, &client.id)).unwrap().unwrap();
    let edited = update(&world, &client, &json!({"scope": "openid write admin"})).unwrap();
    assert_eq!(edited.scopes.to_string(), "openid write");
    assert_eq!(edited.audiences.0, ["https://api.example"]);
}

#[test]
fn d25_a_rejected_client_stays_unusable() {
    let world = world(Mode::Approval);
    let client = register(&world, &json!({}));
    world.write(|tx, env| registration::reject(tx, env, &client)).unwrap();
    let again = world.write(|tx, env| registration::reject(tx, env, &client));
    assert_eq!(again.as_ref().unwrap_err().code(), Some(Code::InvalidRequest));
    assert_eq!(world.number("SELECT COUNT(*) FROM clients WHERE status = 'inactive'"), 1);
    assert_eq!(world.number("SELECT COUNT(*) FROM audit_logs WHERE event_type = 'CLIENT_REJECTED'"), 1);
}

#[test]
fn adv_39_no_secret_is_stored_or_audited() {
    let world = world(Mode::Open);
    let registered = try_register(&world, &json!({})).unwrap();
    let dump = world.dump(&["clients", "client_secrets", "audit_logs"]).join("\n");
    assert!(
        dump.contains("CLIENT_REGISTERED") && dump.contains("CLIENT_CREATED") && dump.contains("192.0.2.1")
    );
    for secret in [registered.secret.as_ref().unwrap(), &registered.registration_access_token] {
        assert!(!dump.contains(secret.expose()));
    }
    assert!(!format!("{registered:?}").contains("ago_") && !format!("{registered:?}").contains("agc_"));
}

#[test]
fn d25_an_approval_is_of_what_the_admin_saw() {
    let world = world(Mode::Approval);
    let client = register(&world, &json!({}));
    let seen = registration::digest(&client);
    let edited = update(&world, &client, &json!({"redirect_uris": ["https://evil.example/cb"]})).unwrap();
    let late = world.write(|tx, env| registration::approve(tx, env, &edited, &seen));
    assert_eq!(refusal(late), Code::InvalidRequest);
    let still = world.read(|tx, _| authgate_core::client::by_id(tx, &client.id)).unwrap().unwrap();
    assert_eq!(still.status, ClientStatus::Pending);
}

#[test]
fn d25_what_an_admin_gave_a_client_is_not_for_what_it_makes_of_itself() {
    for privilege in [
        "skip_consent = 1",
        "secretless = 1",
        "userinfo_any_audience = 1",
        "resources = '[\"https://api.example\"]'",
        "audiences = '[\"https://api.example\"]'",
        "extra_claims = '[\"team\"]'",
    ] {
        let world = world(Mode::Open);
        let id = register(&world, &json!({})).id;
        world.sql(&format!("UPDATE clients SET {privilege}"));
        let client = world.read(|tx, _| authgate_core::client::by_id(tx, &id)).unwrap().unwrap();
        let edited = update(&world, &client, &json!({"redirect_uris": ["https://evil.example/cb"]})).unwrap();
        assert_eq!(edited.status, ClientStatus::Pending, "{privilege}");
    }
}

#[test]
fn rfc7592_2_2_an_update_is_checked_by_what_it_says_and_not_by_what_was() {
    let world = world(Mode::Token);
    let native = json!({
        "application_type": "native", "redirect_uris": ["com.example.notes:/cb"],
        "post_logout_redirect_uris": ["com.example.notes:/bye"], "backchannel_logout_uri": "https://notes.example/out",
    });
    let client = register(&world, &native);
    let web = json!({"application_type": "web", "redirect_uris": ["https://notes.example/cb"]});
    let edited = update(&world, &client, &web).unwrap();
    assert!(edited.post_logout_redirect_uris.0.is_empty() && edited.backchannel_logout_uri.is_none());
}

#[test]
fn d25_clients_that_people_use_turn_no_neighbour_away() {
    let mut world = world(Mode::Open);
    world.policy.registration.max_per_address = 1;
    for _ in 0..3 {
        register(&world, &json!({}));
        world.sql("UPDATE clients SET last_used_at = 1");
    }
    register(&world, &json!({}));
}

#[test]
fn d25_what_an_operator_had_a_part_in_waits_for_its_first_use() {
    let world = world(Mode::Token);
    register(&world, &json!({}));
    world.clock.advance(7 * 86_400);
    assert_eq!(world.write(registration::remove_unused).unwrap(), 0);
    world.clock.advance(registration::UNDECIDED);
    assert_eq!(world.write(registration::remove_unused).unwrap(), 1);
}
