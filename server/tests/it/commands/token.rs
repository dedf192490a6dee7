//! `authgate token`.

use authgate_core::credentials::Credentials;
use authgate_core::grants::{self, GrantRequest, TokenRequest};
use authgate_core::resource::Resources;
use authgate_core::secret::Secret;
use authgate_core::{jwt, token};
use serde_json::{Value, json};

use super::{Place, Server, text};

/// An access token by client credentials, and its `jti`.
fn issued(server: &Server, client: &Value) -> (String, String) {
    let request = TokenRequest {
        credentials: Credentials {
            client_id: text(client, "client_id").to_owned(),
            secret: Some(Secret::new(text(client, "client_secret"))),
            basic: true,
        },
        grant: GrantRequest::ClientCredentials,
        scope: None,
        resources: Resources::default(),
        extra_claims: None,
    };
    let issued = server.write(|tx, env| grants::exchange(tx, env, &request));
    let response = issued.sign(&server.opened.keys, &server.policy).unwrap();
    let token = text(&serde_json::to_value(response).unwrap(), "access_token").to_owned();
    let jti = jwt::verify_access(&Secret::new(&token), &server.opened.keys, &server.policy.issuer).unwrap();
    (token, jti)
}

fn is_live(server: &Server, jti: &str) -> bool {
    server.write(|tx, env| token::live(tx, jti, env.now())).is_some()
}

fn machine(place: &Place) -> Value {
    place.json(&["client", "create", "--name", "M", "--grant", "client_credentials"])
}

#[test]
fn a_token_ends_by_its_id_or_by_itself() {
    let place = Place::migrated();
    let (client, server) = (machine(&place), place.server());
    let (_, by_id) = issued(&server, &client);
    let (presented, by_itself) = issued(&server, &client);
    let said = |jti: &str| {
        let id = text(&client, "client_id");
        json!({"revoked": true, "jti": jti, "client_id": id, "sub": format!("client:{id}")})
    };
    assert!(is_live(&server, &by_id) && is_live(&server, &by_itself));
    assert_eq!(place.json(&["token", "revoke", &by_id]), said(&by_id));
    assert!(!is_live(&server, &by_id) && is_live(&server, &by_itself));
    assert_eq!(place.json_of(&["token", "revoke", "--token-stdin"], &presented), said(&by_itself));
    assert!(!is_live(&server, &by_itself));
    assert_eq!(place.fails(&["token", "revoke", &by_id]), "the token was revoked before");
    let events: Vec<_> = place.audit().into_iter().filter(|(kind, ..)| kind == "TOKEN_REVOKED").collect();
    assert_eq!(events, vec![("TOKEN_REVOKED".to_owned(), None, Some("cli".to_owned())); 2]);
}

#[test]
fn what_is_no_token_of_ours_ends_nothing() {
    let place = Place::migrated();
    let (client, server) = (machine(&place), place.server());
    let (presented, jti) = issued(&server, &client);
    for text in ["x", "agr_x", &format!("{presented}A"), &presented[..presented.len() - 1], "a.b.c"] {
        let sentence = place.fails_with(&["token", "revoke", "--token-stdin"], text);
        assert_eq!(sentence, "stdin holds no token of this server");
    }
    assert_eq!(place.fails_with(&["token", "revoke", "--token-stdin"], ""), "stdin is empty");
    assert_eq!(place.fails(&["token", "revoke", "x"]), "there is no token \"x\"");
    assert!(place.fails(&["token", "revoke"]).contains("<JTI|--token-stdin>"));
    assert!(place.fails(&["token", "revoke", "x", "--token-stdin"]).contains("cannot be used with"));
    assert!(is_live(&server, &jti));
}

#[test]
fn what_ends_a_client_ends_its_tokens() {
    let place = Place::migrated();
    for verb in ["disable", "revoke-all", "delete"] {
        let (client, server) = (machine(&place), place.server());
        let (_, jti) = issued(&server, &client);
        assert!(is_live(&server, &jti));
        place.prints(&["client", verb, text(&client, "client_id")]);
        assert!(!is_live(&server, &jti), "{verb}");
    }
}
