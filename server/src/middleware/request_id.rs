//! A short random name for each request, in its answer and in every log line about it.

use actix_web::http::header::{HeaderName, HeaderValue};
use authgate_core::context::Random;
use authgate_core::secret::hex;

/// The header that carries it.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Always ours: what a caller sends under this name is ignored, so that nobody writes into the logs.
#[derive(Clone, Debug)]
pub struct RequestId(String);

impl RequestId {
    /// A new one; 64 bits never meet in the time that logs are kept.
    pub fn new(random: &dyn Random) -> Self {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        Self(hex(&bytes))
    }

    /// 16 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As the value of [`HEADER`].
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("hexadecimal digits are a header value")
    }
}
