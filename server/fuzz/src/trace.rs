//! `traceparent` (W3C Trace Context).

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use authgate::traces::parent::parent;

/// A header on each line. Only the one header, of the one form that is defined.
pub fn check(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(HeaderName::from_static("traceparent"), value);
        }
    }
    if parent(&headers).is_none() {
        return;
    }
    let values: Vec<_> = headers.get_all("traceparent").collect();
    assert_eq!(values.len(), 1);
    let text = values[0].to_str().expect("visible ASCII");
    let parts: Vec<_> = text.split('-').collect();
    assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [2, 32, 16, 2]);
    assert!(parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit())));
    assert!(parts[0] == "00" && [1, 2].iter().all(|at| parts[*at].bytes().any(|byte| byte != b'0')));
}
