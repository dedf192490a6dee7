//! `/swagger`: the OpenAPI document and the page to try it out.

use crate::util::{Client, TestApp};

const BASES: [&str; 2] = ["/swagger", "/api/swagger"];

fn start() -> (TestApp, Client) {
    TestApp::init().with("ENABLE_SWAGGER", "true").start()
}

#[actix_web::test]
async fn it_is_not_there_unless_it_is_switched_on() {
    let (_app, anon) = TestApp::init().start();
    for base in BASES {
        for path in ["", "/", "/index.html", "/doc.json", "/swagger-ui.css"] {
            let reply = anon.get(&format!("{base}{path}")).send().await;
            assert_eq!((reply.status, reply.text()), (404, "404 page not found"), "{base}{path}");
        }
    }
}

#[actix_web::test]
async fn the_bare_address_leads_to_the_page() {
    let (_app, anon) = start();
    for base in BASES {
        for path in ["", "/"] {
            let reply = anon.get(&format!("{base}{path}")).send().await;
            assert_eq!((reply.status, reply.header("location")), (302, Some("/swagger/index.html")));
        }
    }
    let (_app, anon) =
        TestApp::init().with("ENABLE_SWAGGER", "true").with("BASE_URL", "http://localhost:8080/auth").start();
    let reply = anon.get("/auth/swagger").send().await;
    assert_eq!(reply.header("location"), Some("/auth/swagger/index.html"));
    assert_eq!(anon.get("/auth/swagger/index.html").send().await.status, 200);
}

#[actix_web::test]
async fn the_document_describes_this_server() {
    let (_app, anon) = start();
    for base in BASES {
        let reply = anon.get(&format!("{base}/doc.json")).send().await;
        assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"));
        let document = reply.json();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["servers"][0]["url"], "http://localhost:8080");
    }
}

#[actix_web::test]
async fn d22_the_page_loads_and_calls_nothing_elsewhere() {
    let (_app, anon) = start();
    for base in BASES {
        let reply = anon.get(&format!("{base}/index.html")).send().await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/html; charset=utf-8")));
        assert_eq!(
            reply.header("content-security-policy"),
            Some(
                "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
                 frame-ancestors 'none'; base-uri 'none'; script-src 'self'; connect-src 'self'"
            )
        );
        assert!(!reply.text().contains("//"), "only relative addresses");
        for (file, content_type) in [
            ("start.js", "text/javascript; charset=utf-8"),
            ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
            ("swagger-ui.css", "text/css; charset=utf-8"),
        ] {
            assert!(reply.text().contains(&format!("\"{file}\"")), "{file}");
            let file = anon.get(&format!("{base}/{file}")).send().await;
            assert_eq!((file.status, file.header("content-type")), (200, Some(content_type)));
            assert_eq!(file.header("cache-control"), Some("public, max-age=86400"));
        }
    }
}
