//! One request through the public address, bounded in time and size.

use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, HeaderMap};
use actix_web::rt::time;
use awc::error::{ConnectError, SendRequestError};

/// How long an answer may take in all.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of a document; ours have a tenth of it.
const MAX_BYTES: usize = 65_536;

/// What came back.
pub struct Fetched {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Fetched {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why nothing came back.
pub struct Unreachable {
    /// What happened.
    pub why: String,
    /// Where to look.
    pub look: &'static str,
}

/// Fetches `url` past every cache, with these headers.
pub async fn get(http: &awc::Client, url: &str, headers: &[(&str, &str)]) -> Result<Fetched, Unreachable> {
    let mut request = http.get(url).insert_header((CACHE_CONTROL, "no-cache"));
    for (name, value) in headers {
        request = request.insert_header((*name, *value));
    }
    let answer = async {
        let mut response = request.send().await.map_err(|error| unreachable(&error))?;
        let body = response.body().limit(MAX_BYTES).await.map_err(|error| Unreachable {
            why: format!("its answer cannot be read: {error}"),
            look: "something else answers there: look at the proxy and at BASE_URL",
        })?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Fetched { status, headers, body: body.to_vec() })
    };
    time::timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err(unreachable(&SendRequestError::Timeout)))
}

fn unreachable(error: &SendRequestError) -> Unreachable {
    use SendRequestError as Send;
    let look = match error {
        Send::Connect(ConnectError::Resolver(_) | ConnectError::NoRecords) => {
            "the name is not known here: look at DNS, /etc/hosts and the spelling of BASE_URL"
        }
        Send::Connect(ConnectError::Timeout) | Send::Timeout => {
            "something swallows the request: look at firewalls and at the route to the proxy"
        }
        Send::Connect(ConnectError::Io(_)) => {
            "nothing listens there, or a firewall refuses: look at SERVER_ADDR and at the proxy"
        }
        _ => "what answers there does not speak as BASE_URL says: look at TLS, at the port and at the proxy",
    };
    Unreachable { why: error.to_string(), look }
}
