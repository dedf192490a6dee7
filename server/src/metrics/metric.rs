//! What is known about a metric before anything is counted.

/// What Prometheus does with it.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts by these upper bounds, and a sum.
    Histogram(&'static [f64]),
}

impl Kind {
    /// As the exposition format writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        }
    }
}

/// A metric; each combination of its labels' values is a series.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name, unit and all.
    pub name: &'static str,
    /// What Prometheus does with it.
    pub kind: Kind,
    /// Its labels, each with its values in words.
    pub labels: &'static [(&'static str, &'static str)],
    /// What it counts, in a line.
    pub help: &'static str,
    /// The heading it belongs to.
    pub section: &'static str,
}

/// Declares metrics as constants, and `CATALOGUE` with all of them.
macro_rules! metrics {
    ($($section:literal { $(
        $(#[doc = $help:literal])+
        $metric:ident = $kind:expr, $name:literal [$($label:ident: $values:literal);*];
    )+ })+) => {
        $($(
            $(#[doc = $help])+
            pub const $metric: Metric = Metric {
                name: $name,
                kind: $kind,
                labels: &[$((stringify!($label), $values)),*],
                help: concat!($($help),+).trim_ascii(),
                section: $section,
            };
        )+)+
        /// Every metric, section by section.
        pub const CATALOGUE: &[Metric] = &[$($($metric),+),+];
    };
}
pub(super) use metrics;
