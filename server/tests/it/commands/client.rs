//! `authgate client`.

use authgate_core::client::{self, Client};
use authgate_core::secret::Secret;
use serde_json::{Value, json};

use super::{Place, text};

const CREATE: [&str; 22] = [
    "client",
    "create",
    "--name",
    "Orders",
    "--type",
    "confidential",
    "--scope",
    "openid orders:read",
    "--grant",
    "authorization_code",
    "--grant",
    "urn:ietf:params:oauth:grant-type:device_code",
    "--redirect-uri",
    "https://app.example.com/a",
    "--redirect-uri",
    "https://app.example.com/b",
    "--resource",
    "https://api.example.com",
    "--audience",
    "https://api.example.com",
    "--token-profile",
    "short",
];

impl Place {
    fn stored_client(&self, id: &str) -> Option<Client> {
        self.server().opened.store.read(|tx| client::by_id(tx, id)).unwrap()
    }

    fn secrets(&self, id: &str) -> Vec<String> {
        let secrets: Vec<(String, String)> = self
            .server()
            .opened
            .store
            .read(|tx| tx.all("SELECT client_id, hash FROM client_secrets", &[]))
            .unwrap();
        secrets.into_iter().filter(|(client_id, _)| client_id == id).map(|(_, hash)| hash).collect()
    }
}

#[test]
fn create_prints_everything_and_the_secret_once() {
    let place = Place::migrated();
    let made = place.json(&CREATE);
    let id = text(&made, "client_id");
    let stored = place.stored_client(id).unwrap();
    assert_eq!(
        made,
        json!({
            "client_id": id, "client_secret": made["client_secret"], "name": "Orders", "description": null,
            "type": "confidential", "application_type": "web", "status": "active",
            "token_endpoint_auth_method": "client_secret_basic",
            "grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"],
            "scope": "openid orders:read",
            "redirect_uris": ["https://app.example.com/a", "https://app.example.com/b"],
            "post_logout_redirect_uris": [], "backchannel_logout_uri": null, "backchannel_logout_session": false,
            "resources": ["https://api.example.com"], "audiences": ["https://api.example.com"],
            "extra_claims": [], "token_profile": "short", "pkce_required": true, "skip_consent": false, "remember_consent": true,
            "secretless": false, "userinfo_any_audience": false, "id_token_signed_response_alg": "",
            "id_token_claims": true, "project": null, "service_account": null, "origin": "admin", "last_used_at": null,
            "created_at": stored.created_at, "updated_at": stored.updated_at,
            "client_uri": null, "registered_from": null,
        })
    );
    assert_eq!(place.secrets(id), [Secret::new(text(&made, "client_secret")).sha256()]);
    let mut known = made.clone();
    known.as_object_mut().unwrap().remove("client_secret");
    let mut shown = place.json(&["client", "show", id]);
    let secrets = shown.as_object_mut().unwrap().remove("client_secrets").unwrap();
    assert_eq!(secrets, json!([{"created_at": stored.created_at, "expires_at": null}]));
    assert_eq!(shown, known);
    assert_eq!(place.json(&["client", "list"]), Value::Array(vec![known]));
    assert!(place.prints(&["client", "show", id]).contains("name:                       Orders\n"));
    assert!(
        place.prints(&["client", "list"]).lines().nth(1).unwrap().contains("authorization_code device_code")
    );
}

#[test]
fn a_client_of_another_server_keeps_its_secret() {
    let place = Place::migrated();
    let hash = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    std::fs::write(place.path("hash"), format!("{hash}\r\n")).unwrap();
    let made = place.json(&[&CREATE[..], &["--secret-hash-file", "hash"]].concat());
    let id = text(&made, "client_id");
    assert!(made.get("client_secret").is_none() && !made.to_string().contains(hash), "{made}");
    assert_eq!((made["origin"].as_str(), place.secrets(id)), (Some("import"), vec![hash.to_owned()]));
    let shown = place.json(&["client", "show", id]);
    assert_eq!(shown["client_secrets"], json!([{"created_at": made["created_at"], "expires_at": null}]));
    assert_eq!(place.json(&["client", "update", id, "--name", "Shop"])["origin"], "import");
    let rotated = place.json(&["client", "rotate-secret", id, "--keep-old", "1h"]);
    let new = Secret::new(text(&rotated, "client_secret")).sha256();
    assert_eq!(place.secrets(id), [hash.to_owned(), new]);
}

#[test]
fn a_secret_hash_that_cannot_be_verified_makes_no_client() {
    let place = Place::migrated();
    let create = [&CREATE[..], &["--secret-hash-file", "-"]].concat();
    let hash = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    for hostile in [
        &format!("$2x$05${hash}"),
        &format!("$2a$31${hash}"),
        &format!("$2a$05${}", &hash[..52]),
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "garbage",
        "",
    ] {
        let refusal = place.fails_with(&create, hostile);
        assert!(refusal.starts_with("not a bcrypt hash"), "{refusal}");
    }
    let public = ["client", "create", "--name", "N", "--type", "public", "--grant", "device_code"];
    let public = [&public[..], &["--secret-hash-file", "-"]].concat();
    assert_eq!(place.fails_with(&public, &format!("$2a$05${hash}")), "a public client has no secret");
    assert_eq!(place.json(&["client", "list"]), json!([]));
}

#[test]
fn a_public_client_has_no_secret() {
    let place = Place::migrated();
    let redirect = ["--redirect-uri", "http://127.0.0.1/callback"];
    let args = [
        &["client", "create", "--name", "Tool", "--type", "public", "--grant", "authorization_code"],
        &redirect[..],
    ];
    let made = place.json(&args.concat());
    assert!(made.get("client_secret").is_none());
    assert_eq!((&made["application_type"], &made["scope"]), (&json!("native"), &json!("email profile")));
    let id = text(&made, "client_id");
    assert_eq!(place.fails(&["client", "rotate-secret", id]), "a public client has no secret");
    assert!(place.secrets(id).is_empty());
}

#[test]
fn update_changes_what_is_given_and_an_empty_value_clears() {
    let place = Place::migrated();
    let made = place.json(&CREATE);
    let id = text(&made, "client_id");
    let mut expected = place.json(&["client", "show", id]);
    expected.as_object_mut().unwrap().remove("client_secrets");
    let update = |args: &[&str]| place.json(&[&["client", "update", id], args].concat());
    for (option, value, field, stored) in [
        ("--name", "Shop", "name", json!("Shop")),
        ("--description", "Sells", "description", json!("Sells")),
        ("--description", "", "description", json!(null)),
        ("--scope", "email", "scope", json!("email")),
        ("--redirect-uri", "https://b.example/cb", "redirect_uris", json!(["https://b.example/cb"])),
        ("--resource", "https://c.example", "resources", json!(["https://c.example"])),
        ("--resource", "", "resources", json!([])),
        ("--audience", "", "audiences", json!([])),
        ("--extra-claim", "tenant", "extra_claims", json!(["tenant"])),
        ("--extra-claim", "", "extra_claims", json!([])),
        ("--token-profile", "long", "token_profile", json!("long")),
        ("--application-type", "native", "application_type", json!("native")),
        ("--pkce-required", "false", "pkce_required", json!(false)),
        ("--skip-consent", "true", "skip_consent", json!(true)),
        ("--remember-consent", "false", "remember_consent", json!(false)),
        ("--secretless", "true", "secretless", json!(true)),
        ("--userinfo-any-audience", "true", "userinfo_any_audience", json!(true)),
        ("--id-token-alg", "ES256", "id_token_signed_response_alg", json!("ES256")),
        ("--id-token-alg", "", "id_token_signed_response_alg", json!("")),
        ("--id-token-claims", "false", "id_token_claims", json!(false)),
        ("--project", "p-1", "project", json!("p-1")),
        ("--project", "", "project", json!(null)),
        ("--service-account", "robot@example.com", "service_account", json!("robot@example.com")),
        ("--grant", "client_credentials", "grant_types", json!(["client_credentials"])),
        ("--redirect-uri", "", "redirect_uris", json!([])),
    ] {
        expected[field] = stored;
        let mut changed = update(&[option, value]);
        expected["updated_at"] = changed["updated_at"].take();
        changed["updated_at"] = expected["updated_at"].clone();
        assert_eq!(changed, expected, "{option} {value}");
    }
    assert_eq!(place.secrets(id).len(), 1);
}

#[test]
fn rotate_secret_voids_the_old_one() {
    let place = Place::migrated();
    let made = place.json(&CREATE);
    let id = text(&made, "client_id");
    let rotated = place.json(&["client", "rotate-secret", id]);
    assert_eq!(
        rotated,
        json!({"client_id": id, "client_secret": rotated["client_secret"], "old_secret_until": null})
    );
    assert_ne!(rotated["client_secret"], made["client_secret"]);
    assert_eq!(place.secrets(id), [Secret::new(text(&rotated, "client_secret")).sha256()]);
}

#[test]
fn rotate_secret_keeps_the_old_one_as_long_as_told() {
    let place = Place::migrated();
    let made = place.json(&CREATE);
    let id = text(&made, "client_id");
    let rotate = |keep: &str| place.json(&["client", "rotate-secret", id, "--keep-old", keep]);
    let second = rotate("24h");
    let until = second["old_secret_until"].as_i64().unwrap();
    let shown = place.json(&["client", "show", id]);
    let created = [0, 1].map(|at| shown["client_secrets"][at]["created_at"].as_i64().unwrap());
    assert_eq!(until, created[1] + 86_400);
    assert_eq!(
        shown["client_secrets"],
        json!([{"created_at": created[0], "expires_at": until}, {"created_at": created[1], "expires_at": null}])
    );
    let hash = |made: &Value| Secret::new(text(made, "client_secret")).sha256();
    assert_eq!(place.secrets(id), [hash(&made), hash(&second)]);
    let third = rotate("1h");
    assert_eq!(place.secrets(id), [hash(&second), hash(&third)]);
    for keep in ["721h", "-1h", "1"] {
        let failure = place.fails(&["client", "rotate-secret", id, &format!("--keep-old={keep}")]);
        assert!(failure.contains("--keep-old"), "{keep}: {failure}");
    }
}

#[test]
fn disable_enable_and_revoke_all_raise_the_epoch() {
    let place = Place::migrated();
    let made = place.json(&CREATE);
    let id = text(&made, "client_id");
    let epoch = || place.stored_client(id).unwrap().epoch;
    assert_eq!(place.json(&["client", "disable", id])["status"], "inactive");
    assert_eq!(epoch(), 2);
    assert_eq!(place.fails(&["client", "disable", id]), "client is already inactive");
    assert_eq!(place.json(&["client", "enable", id])["status"], "active");
    assert_eq!(place.fails(&["client", "enable", id]), "client is already active");
    let before = epoch();
    assert_eq!(place.json(&["client", "revoke-all", id])["status"], "active");
    assert_eq!(epoch(), before + 1);
}

#[test]
fn delete_leaves_nothing() {
    let place = Place::migrated();
    let made = place.json(&CREATE);
    let id = text(&made, "client_id");
    assert_eq!(place.json(&["client", "delete", id]), json!({"client_id": id, "deleted": true}));
    assert!(place.stored_client(id).is_none() && place.secrets(id).is_empty());
    assert_eq!(place.json(&["client", "list"]), json!([]));
}

#[test]
fn what_cannot_be_is_refused_in_a_sentence() {
    let place = Place::migrated();
    let base = ["client", "create", "--name", "N", "--grant", "client_credentials"];
    let long = "x".repeat(201);
    let many = vec!["--redirect-uri"; 51].iter().flat_map(|o| [*o, "https://a.example"]).collect::<Vec<_>>();
    for (args, sentence) in [
        (&["--type", "secret"][..], "must be confidential or public"),
        (&["--type", "public"], "client credentials flow requires a confidential client"),
        (&["--grant", "implicit"], "must be authorization_code, device_code"),
        (&["--grant", "authorization_code"], "at least one redirect URI is required"),
        (&["--scope", "a\"b"], "RFC 6749 3.3"),
        (&["--redirect-uri", "http://app.example.com"], "must use https"),
        (&["--redirect-uri", "javascript:alert(1)"], "never allowed"),
        (&many, "at most 50 redirect URIs"),
        (&["--resource", "api"], "invalid resource indicator"),
        (&["--audience", "a b"], "visible ASCII"),
        (&["--extra-claim", "sub"], "reserved claim key"),
        (&["--extra-claim", "extra_uid"], "reserved claim key"),
        (&["--extra-claim", "a b"], "visible ASCII"),
        (&["--token-profile", "eternal"], "must be short, standard or long"),
        (&["--application-type", "desktop"], "must be web or native"),
        (&["--pkce-required", "maybe"], "true, false"),
        (&["--skip-consent", "maybe"], "true, false"),
        (&["--project", ".x"], "project has 1 to 64"),
        (&["--project", "x."], "project has 1 to 64"),
        (&["--service-account", ".x"], "service_account has 1 to 255"),
        (&["--description", &"x".repeat(1001)], "description is longer than 1000 bytes"),
        (&["--secret", "hunter2"], "unexpected argument '--secret'"),
    ] {
        let found = place.fails(&[&base, args].concat());
        assert!(found.contains(sentence), "{args:?}: {found}");
    }
    for (name, sentence) in
        [("", "client name is required"), (&long, "client name is required"), ("Client:x", "client:")]
    {
        let found = place.fails(&["client", "create", "--name", name, "--grant", "client_credentials"]);
        assert!(found.contains(sentence), "{name:?}: {found}");
    }
    let none = place.fails(&["client", "create", "--name", "N", "--grant", "refresh_token"]);
    assert!(none.contains("at least one grant type"), "{none}");
    assert_eq!(place.json(&["client", "list"]), json!([]));
}

#[test]
fn unknown_clients_are_named() {
    let place = Place::migrated();
    assert_eq!(place.fails(&["client", "update", "nobody", "--name", "N"]), "there is no client \"nobody\"");
    assert!(place.fails(&["client", "update", "nobody"]).contains("--name"), "an update without a change");
    for verb in ["show", "enable", "disable", "revoke-all", "rotate-secret", "delete"] {
        assert_eq!(place.fails(&["client", verb, "nobody"]), "there is no client \"nobody\"");
        assert!(place.fails(&["client", verb]).contains("CLIENT_ID"), "{verb}");
    }
}

#[test]
fn every_change_leaves_its_event() {
    let place = Place::migrated();
    let made = place.json(&CREATE);
    let id = text(&made, "client_id");
    place.prints(&["client", "update", id, "--name", "Shop"]);
    for verb in ["rotate-secret", "disable", "enable", "revoke-all", "delete"] {
        place.prints(&["client", verb, id]);
    }
    let event = |kind: &str| (kind.to_owned(), None, Some("cli".to_owned()));
    let kinds = [
        "CLIENT_CREATED",
        "CLIENT_UPDATED",
        "CLIENT_SECRET_REGENERATED",
        "CLIENT_UPDATED",
        "CLIENT_UPDATED",
        "CLIENT_TOKENS_REVOKED_ALL",
        "CLIENT_DELETED",
    ];
    assert_eq!(place.audit(), kinds.map(event));
}

#[test]
fn openid_rp_logout_3_1_where_a_client_is_left_to_and_told() {
    let place = Place::migrated();
    let create = [
        "client",
        "create",
        "--name",
        "N",
        "--grant",
        "authorization_code",
        "--redirect-uri",
        "https://a.example/cb",
    ];
    let id = text(&place.json(&create), "client_id").to_owned();
    let update = |args: &[&str]| place.json(&[&["client", "update", &id], args].concat());
    let shown = update(&[
        "--post-logout-redirect-uri",
        "https://a.example/bye",
        "--backchannel-logout-uri",
        "https://a.example/logout",
        "--backchannel-logout-session",
        "true",
    ]);
    assert_eq!(shown["post_logout_redirect_uris"], json!(["https://a.example/bye"]));
    assert_eq!(shown["backchannel_logout_uri"], "https://a.example/logout");
    assert_eq!(shown["backchannel_logout_session"], true);
    for (option, value) in [
        ("--post-logout-redirect-uri", "http://a.example/bye"),
        ("--post-logout-redirect-uri", "https://a.example/bye#x"),
        ("--post-logout-redirect-uri", "javascript:alert(1)"),
        ("--backchannel-logout-uri", "http://a.example/logout"),
        ("--backchannel-logout-uri", "https://a.example/logout#x"),
        ("--backchannel-logout-uri", "com.example.app:/logout"),
    ] {
        let refusal = place.fails(&["client", "update", &id, option, value]);
        assert!(refusal.contains(&option[2..].replace('-', "_")), "{refusal}");
    }
    let cleared = update(&["--post-logout-redirect-uri", "", "--backchannel-logout-uri", ""]);
    assert_eq!(cleared["post_logout_redirect_uris"], json!([]));
    assert_eq!(
        (&cleared["backchannel_logout_uri"], &cleared["backchannel_logout_session"]),
        (&json!(null), &json!(false))
    );
    place.fails(&["client", "update", &id, "--backchannel-logout-session", "true"]);
}

/// A client that registered itself and waits.
fn waiting(place: &Place) -> String {
    let metadata = authgate_core::registration::Metadata::parse(
        br#"{"client_name": "Notes", "redirect_uris": ["https://notes.example/cb"]}"#,
    );
    let made = place
        .server()
        .write(|tx, env| authgate_core::registration::register(tx, env, metadata.unwrap(), "192.0.2.1"));
    made.client.id
}

#[test]
fn d25_clients_that_wait_are_listed_looked_at_and_approved_or_rejected() {
    let place = Place::migrated();
    let (first, second) = (waiting(&place), waiting(&place));
    let listed = |status: &str| {
        let listed = place.json(&["client", "list", "--status", status]);
        listed
            .as_array()
            .unwrap()
            .iter()
            .map(|client| text(client, "client_id").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed("pending").len(), 2);
    assert!(place.fails(&["client", "enable", &first]).contains("approve"));
    let digest = text(&place.json(&["client", "show", &first]), "registration_digest").to_owned();
    assert!(place.fails(&["client", "approve", &first, "--digest", "0000"]).contains("look again"));
    place.fails(&["client", "approve", &first]);
    let approved = place.json(&["client", "approve", &first, "--digest", &digest]);
    assert_eq!((&approved["status"], &approved["origin"]), (&json!("active"), &json!("approved")));
    assert_eq!(place.json(&["client", "reject", &second])["status"], "inactive");
    assert_eq!(
        (listed("pending").len(), listed("active"), listed("inactive")),
        (0, vec![first], vec![second.clone()])
    );
    place.fails(&["client", "reject", &second]);
}
