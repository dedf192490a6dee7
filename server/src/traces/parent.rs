//! The trace that a caller says it is in (W3C Trace Context).

use actix_web::http::header::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;

const TRACEPARENT: &str = "traceparent";
/// `00-`, 32 digits, `-`, 16 digits, `-`, 2 digits: the version that is defined (3.2.2).
const LENGTH: usize = 55;

/// The context of a request's `traceparent`, if it has exactly one and that is sound. Its `tracestate` would be text of
/// strangers for the collector, and may be left out (3.5).
pub fn parent(headers: &HeaderMap) -> Option<Context> {
    let mut sent = headers.get_all(TRACEPARENT);
    let (header, None) = (sent.next()?.to_str().ok()?, sent.next()) else { return None };
    if header.len() != LENGTH || !header.starts_with("00-") || header.bytes().any(|byte| byte == b'+') {
        return None;
    }
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &Traceparent(header));
    context.span().span_context().is_valid().then_some(context)
}

struct Traceparent<'a>(&'a str);

impl Extractor for Traceparent<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    const SOUND: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn read(values: &[&str]) -> Option<(String, bool)> {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append(HeaderName::from_static(TRACEPARENT), value);
        }
        let context = parent(&headers)?;
        let span = context.span().span_context().clone();
        Some((format!("{}-{}", span.trace_id(), span.span_id()), span.is_sampled()))
    }

    #[test]
    fn a_sound_one_is_continued() {
        let ids = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331".to_owned();
        assert_eq!(read(&[SOUND]), Some((ids.clone(), true)));
        assert_eq!(read(&[&SOUND.replace("-01", "-00")]), Some((ids, false)));
    }

    #[test]
    fn adv_38_any_other_is_ignored() {
        let zero =
            |from: usize, to: usize| format!("{}{}{}", &SOUND[..from], "0".repeat(to - from), &SOUND[to..]);
        for hostile in [
            String::new(),
            SOUND.to_uppercase(),
            SOUND.replacen("00", "ff", 1),
            SOUND.replacen("00", "01", 1),
            SOUND.replace('-', "_"),
            SOUND.replacen("0af", "xaf", 1),
            SOUND.replacen("0af", "+af", 1),
            SOUND.replace("-01", "-0"),
            SOUND.replace("-01", "-+1"),
            format!("{SOUND}-{}", "x".repeat(8000)),
            format!("{SOUND}\u{e9}"),
            zero(3, 35),
            zero(36, 52),
        ] {
            assert_eq!(read(&[&hostile]), None, "{hostile}");
        }
        assert_eq!(read(&[SOUND, SOUND]), None);
        assert_eq!(read(&[]), None);
    }
}
