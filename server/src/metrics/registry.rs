//! Where the numbers are. A handle is an atomic number; without a registry behind it, it does nothing.

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::metric::{Kind, Metric};

const METADATA: Metadata<'static> = Metadata::new("authgate", Level::INFO, None);

/// The series of one server; not the process's: tests run many servers in one.
pub struct Registry(Option<Inner>);

struct Inner {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Registry {
    /// Knows every metric of `catalogue`, and has no series yet. If it is not enabled, its handles do nothing.
    pub fn new(enabled: bool, catalogue: &[Metric]) -> Self {
        if !enabled {
            return Self(None);
        }
        let mut builder = PrometheusBuilder::new();
        for metric in catalogue {
            if let Kind::Histogram(buckets) = metric.kind {
                let matcher = Matcher::Full(metric.name.to_owned());
                builder =
                    builder.set_buckets_for_metric(matcher, buckets).expect("no list of buckets is empty");
            }
        }
        let recorder = builder.build_recorder();
        for metric in catalogue {
            let (name, help) = (metric.name.into(), metric.help.into());
            match metric.kind {
                Kind::Counter => recorder.describe_counter(name, None, help),
                Kind::Gauge => recorder.describe_gauge(name, None, help),
                Kind::Histogram(_) => recorder.describe_histogram(name, None, help),
            }
        }
        Self(Some(Inner { handle: recorder.handle(), recorder }))
    }

    /// The series of a counter with these values of its labels; it begins at 0.
    pub fn counter(&self, metric: &Metric, values: &[&str]) -> Counter {
        let Some(inner) = &self.0 else { return Counter::noop() };
        inner.recorder.register_counter(&key(metric, values), &METADATA)
    }

    /// The series of a gauge.
    pub fn gauge(&self, metric: &Metric, values: &[&str]) -> Gauge {
        let Some(inner) = &self.0 else { return Gauge::noop() };
        inner.recorder.register_gauge(&key(metric, values), &METADATA)
    }

    /// The series of a histogram.
    pub fn histogram(&self, metric: &Metric, values: &[&str]) -> Histogram {
        let Some(inner) = &self.0 else { return Histogram::noop() };
        inner.recorder.register_histogram(&key(metric, values), &METADATA)
    }

    /// Sorts what histograms were given into their buckets; until then each number takes eight bytes.
    pub fn sort(&self) {
        if let Some(inner) = &self.0 {
            inner.handle.run_upkeep();
        }
    }

    /// The text that Prometheus reads; empty if it is not enabled.
    pub fn render(&self) -> String {
        self.0.as_ref().map_or_else(String::new, |inner| inner.handle.render())
    }
}

fn key(metric: &Metric, values: &[&str]) -> Key {
    assert_eq!(metric.labels.len(), values.len(), "a value for each label of {}", metric.name);
    let names = metric.labels.iter().map(|(name, _)| *name);
    let labels =
        names.zip(values).map(|(name, value)| Label::new(name, (*value).to_owned())).collect::<Vec<_>>();
    Key::from_parts(metric.name, labels)
}
