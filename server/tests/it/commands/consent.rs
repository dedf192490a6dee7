//! `authgate consent`.

use authgate_core::consent::{self, ConsentOrigin, Pairs};
use authgate_core::resource::Resources;
use authgate_core::scope::Scope;
use authgate_core::{client, user};
use serde_json::{Value, json};

use super::{Place, text};

/// A user, a client, and what the one allowed the other.
fn granted(place: &Place, username: &str) -> (Value, Value, String) {
    let person = place.json(&["user", "create", "--username", username]);
    let app = place.json(&["client", "create", "--name", "App", "--grant", "device_code"]);
    let server = place.server();
    let consent = server.write(|tx, env| {
        let user = user::by_username(tx, username)?.unwrap();
        let client = client::by_id(tx, text(&app, "client_id"))?.unwrap();
        let pairs =
            Pairs::of(&Scope::parse("openid email")?, &Resources::parse(["https://api.example.com"])?);
        consent::grant(tx, env, &user, &client, (ConsentOrigin::Code, &pairs, &[]))
    });
    (person, app, consent.id)
}

#[test]
fn list_shows_who_allowed_whom_what() {
    let place = Place::migrated();
    assert_eq!(place.json(&["consent", "list"]), json!([]));
    let (person, app, id) = granted(&place, "alice");
    let (_, other_app, other) = granted(&place, "bob");
    let listed = place.json(&["consent", "list", "--user", "alice"]);
    assert_eq!(
        listed,
        json!([{
            "id": id, "user_id": person["id"], "username": "alice", "client_id": app["client_id"],
            "client_name": "App", "origin": "code", "scope": "email openid",
            "resources": ["https://api.example.com"], "granted_at": listed[0]["granted_at"],
        }])
    );
    assert_eq!(place.json(&["consent", "list", "--user", text(&person, "id")]), listed);
    assert_eq!(
        place.json(&["consent", "list", "--client", text(&other_app, "client_id")])[0]["id"],
        json!(other)
    );
    assert_eq!(place.json(&["consent", "list"]).as_array().unwrap().len(), 2);
    assert!(place.prints(&["consent", "list"]).contains("email openid"));
    assert_eq!(place.fails(&["consent", "list", "--user", "carol"]), "there is no user \"carol\"");
}

#[test]
fn revoke_ends_it_once() {
    let place = Place::migrated();
    let (_, _, id) = granted(&place, "alice");
    assert_eq!(place.json(&["consent", "revoke", &id]), json!({"id": id, "revoked": true}));
    assert_eq!(place.json(&["consent", "list"]), json!([]));
    assert_eq!(place.fails(&["consent", "revoke", &id]), "the consent was taken back before");
    assert_eq!(place.fails(&["consent", "revoke", "x"]), "there is no consent \"x\"");
    let stored = place.server().opened.store.read(|tx| consent::by_id(tx, &id)).unwrap().unwrap();
    assert_eq!((stored.status, stored.epoch), (consent::ConsentStatus::Withdrawn, 2));
    let last = place.audit().pop().unwrap();
    assert_eq!(last, ("USER_AUTHORIZATION_REVOKED".to_owned(), None, Some("cli".to_owned())));
}

#[test]
fn what_ends_a_client_or_a_user_ends_the_consent() {
    let place = Place::migrated();
    for end in ["client disable", "client revoke-all", "client delete", "user disable", "user reset-password"]
    {
        let name = end.replace(' ', "-");
        let (_, app, _) = granted(&place, &name);
        assert_eq!(place.json(&["consent", "list"]).as_array().unwrap().len(), 1, "{end}");
        let (noun, verb) = end.split_once(' ').unwrap();
        place.prints(&[noun, verb, if noun == "user" { &name } else { text(&app, "client_id") }]);
        assert_eq!(place.json(&["consent", "list"]), json!([]), "{end}");
    }
}
