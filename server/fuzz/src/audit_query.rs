//! The query of the audit trail, and its times.

use actix_web::test::TestRequest;
use authgate::admin::audit::{Asked, moment, parse_time as parse};

/// Pages are numbers from 1 with a bound, times are moments, and a moment is read back.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(seconds) = parse(text) {
        is_read_back(seconds);
    }
    let Ok(uri) = actix_web::http::Uri::try_from(format!("/admin/audit/api?{text}")) else { return };
    let request = TestRequest::get().uri(&uri.to_string()).to_http_request();
    let Ok(asked) = Asked::read(&request) else { return };
    if let Ok(size) = asked.number("page_size", 20, 100) {
        assert!((1..=100).contains(&size));
    }
    if let Ok(filter) = asked.filter() {
        for seconds in [filter.start_time, filter.end_time].into_iter().flatten() {
            is_read_back(seconds);
        }
    }
    assert!(asked.format().is_ok() || text.contains("format"));
}

fn is_read_back(seconds: i64) {
    let shown = moment(seconds);
    // RFC 3339 has years from 0 to 9999; an offset can lead out of them.
    assert!(parse(&shown) == Ok(seconds) || shown == seconds.to_string(), "{shown}");
}
