//! `authgate config`, and where settings come from.

use std::fs;

use super::Place;

#[test]
fn docs_is_the_page_in_docs() {
    let page = Place::empty().prints(&["config", "docs"]);
    let written =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md")).unwrap();
    assert!(page == written, "run: authgate config docs > docs/configuration.md");
    let settings = Place::empty().json(&["config", "docs"]);
    let names: Vec<_> = settings.as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert!(names.len() > 60 && names.iter().all(|name| page.contains(&format!("| `{name}` |"))));
}

#[test]
fn openapi_is_the_document_in_docs() {
    let document = Place::empty().prints(&["config", "openapi"]);
    let written = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json")).unwrap();
    assert!(document == written, "run: authgate config openapi > docs/openapi.json");
    let elsewhere = Place::empty().with("BASE_URL", "https://id.example.com/auth");
    let document = elsewhere.json(&["config", "openapi"]);
    assert_eq!(document["servers"][0]["url"], "https://id.example.com/auth");
}

#[test]
fn check_says_what_is_wrong_or_unwise() {
    let place = Place::empty();
    assert_eq!(
        place.prints(&["config", "check"]),
        "The configuration is valid; the issuer is http://localhost:8080.\n"
    );
    let unwise = Place::empty().with("COMPAT_NO_AUD", "true");
    assert!(unwise.prints(&["config", "check"]).contains("Warning: COMPAT_NO_AUD=true is unsafe"));
    assert_eq!(unwise.json(&["config", "check"])["warnings"].as_array().unwrap().len(), 1);
    let wrong = Place::empty().with("SERVER_ADDR", "x").with("LOG_FORMAT", "y");
    let sentence = wrong.fails(&["config", "check"]);
    assert!(sentence.contains("SERVER_ADDR=x") && sentence.contains("LOG_FORMAT=y"), "{sentence}");
}

#[test]
fn the_environment_wins_over_dotenv() {
    let issuer = |place: &Place| super::text(&place.json(&["config", "check"]), "issuer").to_owned();
    let place = Place::empty();
    fs::write(place.path(".env"), "BASE_URL=http://localhost:1\n").unwrap();
    assert_eq!(issuer(&place), "http://localhost:1");
    assert_eq!(issuer(&place.with("BASE_URL", "http://localhost:2")), "http://localhost:2");
}

#[test]
fn adv_39_a_broken_dotenv_is_not_shown() {
    let place = Place::empty();
    fs::write(place.path(".env"), "JWT_SECRET=hunter2 hunter2\n").unwrap();
    let sentence = place.fails(&["config", "check"]);
    assert!(sentence.starts_with("cannot read .env") && !sentence.contains("hunter2"), "{sentence}");
}

#[test]
fn every_command_refuses_a_wrong_configuration() {
    let place = Place::empty().with("DATABASE_DRIVER", "postgres");
    let id = "x";
    for args in [
        &["serve"][..],
        &["server"],
        &["migrate"],
        &["user", "list"],
        &["client", "list"],
        &["consent", "list"],
        &["token", "revoke", id],
        &["key", "list"],
        &["config", "check"],
    ] {
        let sentence = place.fails(args);
        assert!(sentence.contains("PostgreSQL is not available in this version"), "{args:?}: {sentence}");
    }
    assert_eq!(fs::read_dir(place.folder.path()).unwrap().count(), 0);
}
