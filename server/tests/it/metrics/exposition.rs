//! The text that Prometheus reads, as a map. A parser of others reads it in the Python clients.

use std::collections::{BTreeMap, BTreeSet};

type Labels = BTreeMap<String, String>;

/// What was shown.
pub struct Exposition {
    /// `counter`, `gauge` or `histogram` by name.
    pub types: BTreeMap<String, String>,
    series: BTreeMap<(String, Labels), String>,
}

impl Exposition {
    /// Reads it; whatever is not of the format fails the test.
    pub fn read(text: &str) -> Self {
        let (mut types, mut series) = (BTreeMap::new(), BTreeMap::new());
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(known) = line.strip_prefix("# TYPE ") {
                let (name, kind) = known.split_once(' ').expect(line);
                assert_eq!(types.insert(name.to_owned(), kind.to_owned()), None, "{name} has one block");
            } else if !line.starts_with("# HELP ") {
                let (key, value) = line.rsplit_once(' ').expect(line);
                assert!(
                    value.parse::<f64>().is_ok_and(|value| value >= 0.0),
                    "nothing is below zero: {line}"
                );
                let before = series.insert(split(key), value.to_owned());
                assert_eq!(before, None, "{key} stands once");
            }
        }
        Self { types, series }
    }

    /// The value of a series, which is a whole number.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let found = self.series.get(&(name.to_owned(), labels));
        let found =
            found.unwrap_or_else(|| panic!("no {name} with these labels: {:?}", self.labels_of(name)));
        found.parse().unwrap_or_else(|_| panic!("{name} is {found}"))
    }

    /// Each series of a metric by its labels, without those of buckets.
    pub fn labels_of(&self, name: &str) -> BTreeSet<Labels> {
        self.series.keys().filter(|(known, _)| known == name).map(|(_, labels)| labels.clone()).collect()
    }

    /// The values of one label of a metric.
    pub fn label(&self, name: &str, label: &str) -> BTreeSet<String> {
        self.labels_of(name).into_iter().filter_map(|mut labels| labels.remove(label)).collect()
    }

    /// The upper bounds of a histogram.
    pub fn buckets(&self, name: &str) -> BTreeSet<String> {
        self.label(&format!("{name}_bucket"), "le")
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.series.len()
    }
}

fn split(key: &str) -> (String, Labels) {
    let Some((name, labels)) = key.split_once('{') else { return (key.to_owned(), Labels::new()) };
    let labels = labels.strip_suffix("\"}").expect(key).split("\",");
    let pair = |pair: &str| {
        let (name, value) = pair.split_once("=\"").expect(key);
        (name.to_owned(), value.to_owned())
    };
    (name.to_owned(), labels.map(pair).collect())
}
