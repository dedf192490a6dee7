//! Which methods a URL answers (deviation D40).

use actix_web::http::Method;

use crate::util::TestApp;

const ONLY_GET: [&str; 9] = [
    "/health",
    "/livez",
    "/readyz",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/.well-known/jwks.json",
    "/oauth/tokeninfo",
    "/favicon.ico",
    "/static/images/icon.svg",
];
const ONLY_POST: [&str; 4] = ["/oauth/token", "/oauth/device/code", "/oauth/introspect", "/oauth/revoke"];

#[actix_web::test]
async fn rfc9110_15_5_6_other_methods_are_405_with_allow() {
    let (_app, anon) = TestApp::init().start();
    for path in ONLY_GET {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let reply = anon.request(method.clone(), path).send().await;
            assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD")), "{method} {path}");
        }
    }
    for path in ONLY_POST {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::OPTIONS] {
            let reply = anon.request(method.clone(), path).send().await;
            assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")), "{method} {path}");
        }
    }
    let reply = anon.request(Method::PUT, "/oauth/userinfo").send().await;
    assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD, POST")));
}

#[actix_web::test]
async fn a_person_gets_a_page_for_a_wrong_method() {
    let (_app, anon) = TestApp::init().start();
    let reply = anon.get("/device/verify").header("accept", "text/html").send().await;
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
    assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
    let reply = anon.get("/device/verify").send().await;
    assert_eq!((reply.status, reply.text()), (405, ""));
}

#[actix_web::test]
async fn rfc9110_9_3_2_head_is_get_without_the_body() {
    let (_app, anon) = TestApp::init().start();
    for path in ONLY_GET {
        let get = anon.get(path).send().await;
        let head = anon.request(Method::HEAD, path).send().await;
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.body.len(), 0, "{path}");
        for name in ["content-type", "content-length", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
    }
}
