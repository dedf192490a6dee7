//! The token endpoint, as a whole: the application as it is served, over a database, whatever the request.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::body::{BoxBody, to_bytes};
use actix_web::dev::{Service as _, ServiceFactory as _, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::rt::{System, SystemRunner};
use actix_web::test::TestRequest;
use actix_web::web::{Bytes, Data};
use authgate::app::{App, Surroundings, Timeouts};
use authgate::{open, serve};
use authgate_actors::supervisor::Health;
use authgate_core::audit::Origin;
use authgate_core::client::{self, ClientSpec, ClientType, Grant};
use authgate_core::context::{ManualClock, SystemRandom};
use serde_json::Value;
use tempfile::TempDir;

use super::installation::{NOW, configured, context, spec};

const METHODS: [&str; 8] = ["POST", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"];

/// A byte for the method, the rest of the line for the query, headers as `name: value` on a line each, an empty line, a
/// body. `$confidential`, `$secret` and `$public` stand for what two clients are called and the secret of one.
///
/// No answer says that the server broke, or tells a secret; errors are those of RFC 6749 5.2 and nobody may store any of it.
pub fn check(data: &[u8]) {
    SERVER.with_borrow_mut(|server| {
        let (server, _) = server.get_or_insert_with(Server::start);
        let Some(request) = server.request(data) else { return };
        let is_post = request.method == Method::POST;
        let (response, body) = server.answer(request);
        server.judge(is_post, &response, &body);
    });
}

thread_local! {
    // Its actors outlive the thread-local data of tokio and actix, so it is never dropped; its folder is.
    static SERVER: RefCell<Option<(&'static Server, TempDir)>> = const { RefCell::new(None) };
}

type Application =
    Box<dyn Fn(actix_http::Request) -> std::pin::Pin<Box<dyn Future<Output = ServiceResponse<BoxBody>>>>>;

struct Server {
    system: SystemRunner,
    application: Application,
    confidential: String,
    secret: String,
    public: String,
}

struct Asked {
    method: Method,
    uri: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Server {
    fn start() -> (&'static Self, TempDir) {
        let (folder, system) = (tempfile::tempdir().expect("a folder"), System::new());
        let config = configured(&folder);
        let opened = open::for_server(&config, &context()).expect("an empty folder is made an installation");
        let surroundings = Surroundings {
            clock: Arc::new(ManualClock::at(NOW * 1000)),
            random: Arc::new(SystemRandom),
            timeouts: Timeouts::default(),
        };
        let health = Health::new(|actor| panic!("{actor} was given up"));
        let started = system.block_on(async { App::start(config, opened, surroundings, health) });
        let app = Arc::new(started.expect("it starts"));
        let public = ClientSpec {
            grants: vec![Grant::AuthorizationCode, Grant::Device, Grant::Refresh],
            extra_claims: Vec::new(),
            ..ClientSpec { client_type: ClientType::Public, ..spec() }
        };
        let (policy, ctx) = (Arc::clone(&app.policy), context());
        let made = app.store.write(|tx| {
            let create =
                |tx: &mut _, spec| client::create(tx, spec, "admin", &policy, &Origin::default(), &ctx);
            Ok((create(tx, spec())?, create(tx, public)?))
        });
        let ((confidential, secret), (public, _)) = made.expect("two clients");
        let services = serve::application(&Data::from(app));
        let service = system.block_on(services.new_service(())).expect("it starts");
        let service = std::rc::Rc::new(service);
        let application: Application = Box::new(move |request| {
            let service = std::rc::Rc::clone(&service);
            Box::pin(async move { service.call(request).await.unwrap_or_else(|_| panic!("no answer")) })
        });
        let secret = secret.expect("it is confidential").expose().to_owned();
        let (confidential, public) = (confidential.id, public.id);
        (Box::leak(Box::new(Self { system, application, confidential, secret, public })), folder)
    }

    /// What the bytes stand for, unless HTTP itself could not carry it.
    fn request(&self, data: &[u8]) -> Option<Asked> {
        let (head, body) = match data.windows(2).position(|pair| pair == b"\n\n") {
            Some(at) => (&data[..at], &data[at + 2..]),
            None => (data, &data[data.len()..]),
        };
        let mut lines = head.split(|byte| *byte == b'\n');
        let (method, query) = lines.next()?.split_first()?;
        let method = METHODS[usize::from(*method) % METHODS.len()].parse().expect("a method");
        let query = std::str::from_utf8(query).ok()?;
        let uri = format!("/oauth/token{}{query}", if query.is_empty() { "" } else { "?" });
        actix_web::http::Uri::try_from(uri.as_str()).ok()?;
        let mut headers = vec![(HeaderName::from_static("host"), HeaderValue::from_static("localhost"))];
        for line in lines {
            let at = line.iter().position(|byte| *byte == b':')?;
            let name = HeaderName::from_bytes(&line[..at]).ok()?;
            headers.push((name, HeaderValue::from_bytes(self.named(&line[at + 1..]).trim_ascii()).ok()?));
        }
        Some(Asked { method, uri, headers, body: self.named(body).into() })
    }

    /// The same with the names that stand for something.
    fn named(&self, text: &[u8]) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(text) else { return text.to_vec() };
        let text = text.replace("$confidential", &self.confidential).replace("$public", &self.public);
        text.replace("$secret", &self.secret).into_bytes()
    }

    fn answer(&self, asked: Asked) -> (ServiceResponse<()>, Bytes) {
        let peer: SocketAddr = "192.0.2.1:1".parse().expect("an address");
        let mut request = TestRequest::with_uri(&asked.uri).method(asked.method).peer_addr(peer);
        for header in asked.headers {
            request = request.append_header(header);
        }
        let answering = (self.application)(request.set_payload(asked.body).to_request());
        self.system.block_on(async {
            let (request, response) = answering.await.into_parts();
            let (response, body) = response.into_parts();
            let body = to_bytes(body).await.unwrap_or_else(|_| panic!("half an answer"));
            (ServiceResponse::new(request, response), body)
        })
    }

    fn judge(&self, is_post: bool, response: &ServiceResponse<()>, body: &Bytes) {
        let status = response.status().as_u16();
        let text = String::from_utf8_lossy(body);
        assert!(status < 500, "{status} {text}");
        assert!(!text.contains(&self.secret), "a secret is told");
        let tells = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).contains(&self.secret);
        assert!(!response.headers().iter().any(|(_, value)| tells(value)), "a secret is told");
        if !is_post {
            return;
        }
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        assert_eq!(header("cache-control"), Some("no-store"), "{status} {text}");
        let json: Value = serde_json::from_slice(body).unwrap_or_else(|_| panic!("{status} {text}"));
        if status == 200 {
            assert!(json["access_token"].is_string() && json["token_type"] == "Bearer", "{text}");
            return;
        }
        let allowed = |text: &str| {
            text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
        };
        let (error, description) = (json["error"].as_str(), json["error_description"].as_str());
        assert!(error.is_some_and(|error| !error.is_empty() && allowed(error)), "{text}");
        assert!(description.is_none_or(allowed), "{text}");
        assert!(!text.contains("$argon2") && json.get("access_token").is_none());
    }
}
