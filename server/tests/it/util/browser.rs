//! An HTTP client that follows no redirect and keeps cookies like a browser.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use actix_web::http::header::{CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, SET_COOKIE};
use actix_web::http::{Method, header};
use actix_web::web::Bytes;
use serde_json::Value;

/// Only a server that hangs takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody who sends requests.
pub struct Client {
    http: awc::Client,
    base: String,
    cookies: Rc<RefCell<BTreeMap<String, String>>>,
}

/// A request about to be sent.
pub struct Request {
    head: awc::ClientRequest,
    body: Bytes,
    cookies: Rc<RefCell<BTreeMap<String, String>>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Client {
    pub(super) fn new(addr: SocketAddr) -> Self {
        let http = awc::Client::builder().disable_redirects().timeout(PATIENCE).finish();
        Self { http, base: format!("http://{addr}"), cookies: Rc::default() }
    }

    /// The same browser, when the server is somewhere else.
    pub fn at(&self, addr: SocketAddr) -> Self {
        Self { cookies: Rc::clone(&self.cookies), ..Self::new(addr) }
    }

    /// A request with any method.
    pub fn request(&self, method: Method, path: &str) -> Request {
        let head = self.http.request(method, format!("{}{path}", self.base));
        Request { head, body: Bytes::new(), cookies: Rc::clone(&self.cookies) }
    }

    /// A GET request.
    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    /// A POST request.
    pub fn post(&self, path: &str) -> Request {
        self.request(Method::POST, path)
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).cloned()
    }

    /// Plants a cookie.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    /// True if the server has set this cookie.
    pub fn has_cookie(&self, name: &str) -> bool {
        self.cookies.borrow().contains_key(name)
    }
}

impl Request {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head = self.head.append_header((name, value));
        self
    }

    /// HTTP Basic.
    pub fn basic(mut self, client_id: &str, secret: &str) -> Self {
        self.head = self.head.basic_auth(client_id, secret);
        self
    }

    /// An access token.
    pub fn bearer(mut self, token: &str) -> Self {
        self.head = self.head.bearer_auth(token);
        self
    }

    /// A form as body.
    pub fn form(self, pairs: &[(&str, &str)]) -> Self {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.body("application/x-www-form-urlencoded", form)
    }

    /// Any body.
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.head = self.head.insert_header((CONTENT_TYPE, content_type));
        self.body = body.into();
        self
    }

    /// Sends it with the cookies there are, and takes those that come back.
    pub async fn send(self) -> Reply {
        self.send_to_the_dying().await.expect("the server answers, and the answer is whole")
    }

    /// The same to a server that may die before it has answered.
    pub async fn send_to_the_dying(self) -> Option<Reply> {
        let cookies: Vec<_> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut head = self.head;
        if !cookies.is_empty() {
            head = head.insert_header((COOKIE, cookies.join("; ")));
        }
        let mut response = head.send_body(self.body).await.ok()?;
        let body = response.body().await.ok()?;
        for cookie in response.headers().get_all(SET_COOKIE) {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut cookies = self.cookies.borrow_mut();
            if attributes.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Some(Reply { status: response.status().as_u16(), headers: response.headers().clone(), body })
    }
}

impl Reply {
    /// A header that occurs at most once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let name: HeaderName = name.parse().unwrap();
        let mut values = self.headers.get_all(&name);
        let value = values.next()?.to_str().unwrap();
        assert!(values.next().is_none() || name == header::SET_COOKIE, "{name} occurs twice");
        Some(value)
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The code of an OAuth error.
    pub fn error(&self) -> String {
        self.json()["error"].as_str().expect("there is an error").to_owned()
    }
}
