//! `GET /oauth/tokeninfo` (contract), and what every endpoint for bearers demands of a token (RFC 6750, RFC 8725).

use serde_json::{Value, json};

use crate::util::jws::{Jws, decode, encode, parts};
use crate::util::{Client, Registered, START, TestApp};

#[actix_web::test]
async fn the_answer() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let (web, machine) = (app.web_client().await, app.machine("read", &[]).await);
    let (token, _) = alice.tokens(&web, "read write").await;
    let reply = anon.get("/oauth/tokeninfo").bearer(&token).send().await;
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let mut expected = json!({
        "active": true, "user_id": app.user_id("alice").await, "client_id": web.id, "scope": "read write",
        "exp": START + 3600, "iss": "http://localhost:8080", "subject_type": "user", "aud": "http://localhost:8080",
    });
    assert_eq!(reply.ok(), expected);
    let token = machine.token(&anon, &[("grant_type", "client_credentials")]).await.member("access_token");
    expected["user_id"] = json!(format!("client:{}", machine.id));
    expected["client_id"] = json!(machine.id);
    expected["scope"] = json!("read");
    expected["subject_type"] = json!("client");
    assert_eq!(anon.get("/oauth/tokeninfo").bearer(&token).send().await.ok(), expected);
}

#[actix_web::test]
async fn d38_it_takes_a_token_for_anybody_and_says_for_whom() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let resources = [("resource", "https://a.example"), ("resource", "https://b.example")];
    let granted = app.web_client().await.granted(&alice, &resources).await;
    let token = granted["access_token"].as_str().unwrap();
    let answer = anon.get("/oauth/tokeninfo").bearer(token).send().await.ok();
    assert_eq!(answer["aud"], json!(["https://a.example", "https://b.example"]));
}

#[actix_web::test]
async fn rfc6750_3_what_is_told_to_who_brings_none_or_a_bad_one() {
    let (_app, anon) = TestApp::init().start();
    let none = anon.get("/oauth/tokeninfo").send().await;
    none.is_error(401, "missing_token");
    assert_eq!(none.header("www-authenticate"), Some(r#"Bearer realm="authgate""#));
    let none = anon.get("/oauth/userinfo").send().await;
    none.is_error(401, "invalid_token");
    assert_eq!(none.header("www-authenticate"), Some(r#"Bearer realm="authgate""#));
    for path in ["/oauth/tokeninfo", "/oauth/userinfo"] {
        let bad = anon.get(path).bearer("x").send().await;
        bad.is_error(401, "invalid_token");
        assert_eq!(bad.header("www-authenticate"), Some(r#"Bearer realm="authgate", error="invalid_token""#));
    }
}

#[actix_web::test]
async fn rfc6750_2_the_token_is_read_from_one_header_only() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let (token, _) = alice.tokens(&app.web_client().await, "openid").await;
    let status = async |path: &str, headers: &[String]| {
        let request = anon.get(path);
        headers
            .iter()
            .fold(request, |request, value| request.header("authorization", value))
            .send()
            .await
            .status
    };
    for path in ["/oauth/tokeninfo", "/oauth/userinfo"] {
        for header in [format!("Bearer {token}"), format!("bearer {token}"), format!("BEARER   {token}")] {
            assert_eq!(status(path, &[header]).await, 200);
        }
        for header in
            [token.clone(), format!("Basic {token}"), format!("Bearer{token}"), format!("Bearer\t{token}")]
        {
            assert_eq!(status(path, &[header]).await, 401);
        }
        let twice = [format!("Bearer {token}"), format!("Bearer {token}")];
        assert_eq!(status(path, &twice).await, 400);
        // D38: addresses are logged and kept.
        for query in [format!("access_token={token}"), "access%5Ftoken=x".to_owned()] {
            assert_eq!(status(&format!("{path}?{query}"), &[]).await, 400);
            assert_eq!(status(&format!("{path}?{query}"), &[format!("Bearer {token}")]).await, 400);
        }
    }
    let form = [("access_token", token.as_str())];
    assert_eq!(anon.post("/oauth/userinfo").form(&form).send().await.status, 401, "not from the body");
}

/// Asserts that no endpoint takes this text for a live token.
async fn is_nothing(anon: &Client, web: &Registered, token: &str) {
    let status = anon.status_with("/oauth/tokeninfo", token).await;
    assert_eq!(status, 401, "tokeninfo took {token}");
    assert_eq!(anon.status_with("/oauth/userinfo", token).await, 401, "userinfo took {token}");
    assert!(!web.is_live(anon, token).await, "introspection took {token}");
}

#[actix_web::test]
async fn adv_13_one_text_is_a_token_and_no_other() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (token, _) = alice.tokens(&web, "openid").await;
    let [header, claims, signature] = parts(&token);
    let padded = |text: &str| format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4));
    // The last character of 64 bytes has four bits that mean nothing.
    let (body, last) = signature.split_at(signature.len() - 1);
    let loose = char::from(last.as_bytes()[0] + 1);
    for wrong in [
        format!("{token}x"),
        format!("{token}."),
        format!("{token}.x"),
        format!("{token}="),
        token[..token.len() - 1].to_owned(),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        format!("{header}.{claims}.{body}{loose}"),
        format!("{}.{claims}.{signature}", padded(header)),
        format!("{header}.{}.{signature}", padded(claims)),
        format!("{header}.{claims}.{}", padded(signature)),
        format!("{header}\n.{claims}.{signature}").replace('\n', "%0A"),
    ] {
        if wrong != token {
            is_nothing(&anon, &web, &wrong).await;
        }
    }
    assert!(web.is_live(&anon, &token).await);
}

#[actix_web::test]
async fn adv_13_the_other_form_of_an_ecdsa_signature_is_refused() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (token, _) = alice.tokens(&web, "openid").await;
    let [header, claims, signature] = parts(&token);
    let signature = decode(signature);
    let (r, s) = signature.split_at(32);
    // (r, n - s) verifies as well as (r, s) does.
    let other = [r.to_vec(), order_minus(s)].concat();
    is_nothing(&anon, &web, &format!("{header}.{claims}.{}", encode(&other))).await;
    let swapped = [s, r].concat();
    is_nothing(&anon, &web, &format!("{header}.{claims}.{}", encode(swapped))).await;
}

/// The order of P-256 minus a number below it.
fn order_minus(s: &[u8]) -> Vec<u8> {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let mut borrow = false;
    let mut digits: Vec<u8> = ORDER
        .iter()
        .zip(s)
        .rev()
        .map(|(n, s)| {
            let (difference, under) = n.overflowing_sub(*s);
            let (difference, again) = difference.overflowing_sub(u8::from(borrow));
            borrow = under || again;
            difference
        })
        .collect();
    digits.reverse();
    digits
}

/// Signs with the server's own key, so that only the header or the claims can be what is refused.
fn signed(app: &TestApp, header: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let signature = app.app.keyring.now().keys.access().sign(signed.as_bytes());
    format!("{signed}.{}", encode(signature))
}

fn with(object: &Value, name: &str, value: Value) -> Value {
    let mut object = object.clone();
    object[name] = value;
    object
}

#[actix_web::test]
async fn adv_09_headers_that_this_server_does_not_write_are_refused() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (token, _) = alice.tokens(&web, "openid").await;
    let Jws { header, claims, .. } = Jws::read(&token);
    assert!(web.is_live(&anon, &signed(&app, &header, &claims)).await, "the same again is fine");
    let jwks = anon.get("/.well-known/jwks.json").send().await.json();
    for (name, value) in [
        ("jwk", jwks["keys"][0].clone()),
        ("jku", json!("http://localhost:8080/.well-known/jwks.json")),
        ("x5u", json!("https://a.example")),
        ("x5c", json!(["x"])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("typ", json!("jwt+at")),
        ("typ", json!("dpop+jwt")),
        ("typ", json!("logout+jwt")),
        ("typ", Value::Null),
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("alg", json!("RS256")),
        ("alg", json!("ES384")),
        ("kid", json!("unknown")),
        ("kid", json!("../../etc/passwd")),
        ("kid", Value::Null),
        ("kid", json!(1)),
    ] {
        is_nothing(&anon, &web, &signed(&app, &with(&header, name, value), &claims)).await;
    }
    let twice =
        r#"{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"#.to_owned() + &header["kid"].to_string() + "}";
    let [_, claims, signature] = parts(&token);
    is_nothing(&anon, &web, &format!("{}.{claims}.{signature}", encode(twice))).await;
}

#[actix_web::test]
async fn adv_09_a_text_that_anybody_could_sign_is_refused() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (token, _) = alice.tokens(&web, "openid").await;
    let Jws { header, claims, .. } = Jws::read(&token);
    let jwks = anon.get("/.well-known/jwks.json").send().await.json();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        for header in [json!({"alg": alg, "typ": "at+jwt"}), with(&header, "alg", json!(alg))] {
            let text = format!("{}.{}.", encode(header.to_string()), encode(claims.to_string()));
            is_nothing(&anon, &web, &text).await;
        }
    }
    // An HMAC whose key is something published.
    for key in jwks["keys"].as_array().unwrap() {
        for secret in [
            key.to_string(),
            key["kid"].to_string(),
            key["x"].to_string(),
            key["n"].to_string(),
            String::new(),
        ] {
            for kid in [json!(key["kid"]), Value::Null] {
                let header = json!({"alg": "HS256", "typ": "at+jwt", "kid": kid});
                let text = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
                let hmac_key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
                let mac = aws_lc_rs::hmac::sign(&hmac_key, text.as_bytes());
                is_nothing(&anon, &web, &format!("{text}.{}", encode(mac))).await;
            }
        }
    }
}

#[actix_web::test]
async fn adv_10_issuer_type_and_id_must_be_an_access_tokens() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let granted = web.granted(&alice, &[]).await;
    let Jws { header, claims, .. } = Jws::read(granted["access_token"].as_str().unwrap());
    for (name, value) in [
        ("iss", json!("http://localhost:8080/")),
        ("iss", json!("https://other.example")),
        ("iss", json!(["http://localhost:8080"])),
        ("iss", Value::Null),
        ("type", json!("refresh")),
        ("type", Value::Null),
        ("jti", json!("unknown")),
        ("jti", json!(1)),
        ("jti", Value::Null),
    ] {
        is_nothing(&anon, &web, &signed(&app, &header, &with(&claims, name, value))).await;
    }
    for body in [json!([]), json!("x"), json!(1)] {
        is_nothing(&anon, &web, &signed(&app, &header, &body)).await;
    }
    for other in ["id_token", "refresh_token"] {
        is_nothing(&anon, &web, granted[other].as_str().unwrap()).await;
    }
}

#[actix_web::test]
async fn adv_09_what_a_token_says_is_worth_less_than_its_row() {
    let (app, anon, alice) = TestApp::init().with_user("alice").await;
    let web = app.web_client().await;
    let (token, _) = alice.tokens(&web, "read").await;
    let Jws { header, claims, .. } = Jws::read(&token);
    let more = with(&with(&claims, "scope", json!("read write admin")), "exp", json!(START * 2));
    let forged = signed(&app, &header, &with(&more, "sub", json!("somebody else")));
    let answer = anon.get("/oauth/tokeninfo").bearer(&forged).send().await.ok();
    assert_eq!(answer["scope"], "read");
    assert_eq!((&answer["exp"], &answer["user_id"]), (&json!(START + 3600), &claims["sub"]));
}
