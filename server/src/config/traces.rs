//! Where traces go: the names of the OpenTelemetry specification.

use std::collections::BTreeMap;

use authgate_core::secret::Secret;
use percent_encoding::percent_decode_str;
use url::Url;

use super::parse::{self, Parsed};
use super::reader::Reader;
use super::reference::settings;

settings! { "Traces";
    /// Address of an OTLP collector (HTTP, protobuf), such as `http://localhost:4318`; `/v1/traces` is added. Unset traces nothing.
    OTEL_EXPORTER_OTLP_ENDPOINT = "";
    /// The same for traces alone, used as it is.
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = "";
    /// Headers for the collector, `name=value` with commas between, percent-encoded.
    OTEL_EXPORTER_OTLP_HEADERS = "", secret;
    /// File with those headers.
    OTEL_EXPORTER_OTLP_HEADERS_FILE = "";
    /// The name of this server in traces.
    OTEL_SERVICE_NAME = "authgate";
    /// More about this server, `name=value` with commas between, percent-encoded.
    OTEL_RESOURCE_ATTRIBUTES = "";
    /// Which requests are traced: `always_on`, `always_off`, `traceidratio`, or `parentbased_` and one of them, which does as the caller's `traceparent` says, if there is one.
    OTEL_TRACES_SAMPLER = "parentbased_always_on";
    /// The share that `traceidratio` traces, from 0 to 1.
    OTEL_TRACES_SAMPLER_ARG = "1";
}

/// What is traced and who hears of it.
#[derive(Clone, Debug)]
pub struct Traces {
    /// Where batches are posted.
    pub endpoint: String,
    /// Sent with each; they carry keys.
    pub headers: BTreeMap<String, Secret>,
    /// `service.name`.
    pub service: String,
    /// Other attributes of the resource.
    pub attributes: BTreeMap<String, String>,
    /// Which requests.
    pub sampler: Sampler,
}

/// Which requests are traced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    /// True if a caller that says so decides.
    pub by_parent: bool,
    /// The share of all others, from 0 to 1.
    pub ratio: f64,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Traces> {
    let whole = reader.optional(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, |text| endpoint(text, ""));
    let base = reader.optional(OTEL_EXPORTER_OTLP_ENDPOINT, |text| endpoint(text, "/v1/traces"));
    let headers = reader.secret(OTEL_EXPORTER_OTLP_HEADERS, OTEL_EXPORTER_OTLP_HEADERS_FILE);
    let headers = pairs(headers.as_ref().map_or("", Secret::expose)).and_then(|pairs| {
        let sound = |(name, value): &(String, String)| {
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        };
        pairs.iter().all(sound).then_some(pairs).ok_or_else(not_pairs)
    });
    let headers = headers.unwrap_or_else(|expected| {
        reader.problem(OTEL_EXPORTER_OTLP_HEADERS, expected);
        Vec::new()
    });
    let attributes = reader.value(OTEL_RESOURCE_ATTRIBUTES, pairs);
    let ratio = reader.value(OTEL_TRACES_SAMPLER_ARG, ratio);
    let (by_parent, ratio) = reader.value(OTEL_TRACES_SAMPLER, |text| {
        let names = ["always_on", "always_off", "traceidratio"].into_iter().zip([1.0, 0.0, ratio]);
        let (by_parent, name) = text.strip_prefix("parentbased_").map_or((false, text), |name| (true, name));
        let known = names.into_iter().find(|(known, _)| *known == name);
        known.map(|(_, ratio)| (by_parent, ratio)).ok_or_else(|| {
            "must be always_on, always_off or traceidratio, or parentbased_ and one of them".into()
        })
    });
    let service = reader.text(OTEL_SERVICE_NAME).unwrap_or_else(|| OTEL_SERVICE_NAME.default.to_owned());
    Some(Traces {
        endpoint: whole.or(base)?,
        headers: headers.into_iter().map(|(name, value)| (name, Secret::new(value))).collect(),
        service,
        attributes: attributes.into_iter().collect(),
        sampler: Sampler { by_parent, ratio },
    })
}

/// An address to post to. Keys belong into the headers: an address is shown where something is wrong with it.
fn endpoint(text: &str, path: &str) -> Parsed<String> {
    let expected = || "must be an http or https address without user, query and fragment".to_owned();
    let url = Url::parse(text).map_err(|_| expected())?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !matches!(url.scheme(), "http" | "https") || !plain || url.fragment().is_some() {
        return Err(expected());
    }
    Ok(if path.is_empty() { url.into() } else { format!("{}{path}", url.as_str().trim_end_matches('/')) })
}

fn ratio(text: &str) -> Parsed<f64> {
    let ratio = text.parse::<f64>().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| "must be a number from 0 to 1".into())
}

fn not_pairs() -> String {
    "must be name=value with commas between, percent-encoded".into()
}

fn pairs(text: &str) -> Parsed<Vec<(String, String)>> {
    let pair = |item: String| {
        let (name, value) = item.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        (!name.trim().is_empty()).then(|| (name.trim().to_owned(), value.into_owned()))
    };
    parse::list(text).into_iter().map(pair).collect::<Option<_>>().ok_or_else(not_pairs)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Scratch, config, refused};
    use super::*;

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/");

    fn traces(pairs: &[(&str, &str)]) -> Traces {
        config(&[&[ENDPOINT], pairs].concat()).traces.expect("an endpoint is set")
    }

    #[test]
    fn nothing_is_traced_without_a_collector() {
        assert!(config(&[]).traces.is_none());
        assert!(config(&[("OTEL_TRACES_SAMPLER", "always_on")]).traces.is_none());
    }

    #[test]
    fn the_endpoint_of_traces_is_used_as_it_is() {
        assert_eq!(traces(&[]).endpoint, "http://collector:4318/v1/traces");
        let own = traces(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://traces.example.com/in")]);
        assert_eq!(own.endpoint, "https://traces.example.com/in");
        for wrong in ["collector:4318", "ftp://collector", "http://key@collector", "http://collector?key=1"] {
            assert!(refused(&[("OTEL_EXPORTER_OTLP_ENDPOINT", wrong)]).contains("http or https"), "{wrong}");
        }
    }

    #[test]
    fn headers_are_secrets_and_may_come_from_a_file() {
        let value = "api-key=s3cret%20key, x = y";
        let file = Scratch::new("headers", "api-key=s3cret%20key,x=y\n");
        for pair in [("OTEL_EXPORTER_OTLP_HEADERS", value), ("OTEL_EXPORTER_OTLP_HEADERS_FILE", file.path())]
        {
            let traces = traces(&[pair]);
            assert_eq!(traces.headers["api-key"].expose(), "s3cret key");
            assert_eq!(traces.headers["x"].expose(), "y");
            assert!(!format!("{traces:?}").contains("s3cret"));
        }
        for wrong in ["s3cret", "a b=s3cret", "=s3cret", "a=s3cret%0d%0ab:c"] {
            let refused = refused(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_HEADERS", wrong)]);
            assert!(refused.contains("name=value") && !refused.contains("s3cret"), "{refused}");
        }
    }

    #[test]
    fn samplers_by_their_standard_names() {
        let sampler =
            |name, arg| traces(&[("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", arg)]).sampler;
        let is = |by_parent, ratio| Sampler { by_parent, ratio };
        assert_eq!(traces(&[]).sampler, is(true, 1.0));
        assert_eq!(sampler("always_off", "0.5"), is(false, 0.0));
        assert_eq!(sampler("traceidratio", "0.5"), is(false, 0.5));
        assert_eq!(sampler("parentbased_traceidratio", "0.01"), is(true, 0.01));
        assert!(refused(&[("OTEL_TRACES_SAMPLER", "jaeger_remote")]).contains("traceidratio"));
        for wrong in ["2", "-1", "NaN", "half"] {
            assert!(refused(&[("OTEL_TRACES_SAMPLER_ARG", wrong)]).contains("from 0 to 1"), "{wrong}");
        }
    }

    #[test]
    fn the_server_has_a_name_and_attributes() {
        let named = traces(&[("OTEL_SERVICE_NAME", "id"), ("OTEL_RESOURCE_ATTRIBUTES", "a.b=c%2Cd,e=")]);
        assert_eq!((traces(&[]).service.as_str(), named.service.as_str()), ("authgate", "id"));
        let attributes =
            BTreeMap::from([("a.b", "c,d"), ("e", "")].map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert_eq!(named.attributes, attributes);
    }
}
