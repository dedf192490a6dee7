//! Who may read the metrics, and how often the gauges are counted.

use authgate_core::secret::Secret;

use super::reader::Reader;
use super::reference::settings;

settings! { "Metrics";
    /// Answers `/metrics` for Prometheus.
    METRICS_ENABLED = "false";
    /// Bearer token that `/metrics` asks for; without one, everybody who reaches it may read.
    METRICS_TOKEN = "", secret;
    /// File with that token.
    METRICS_TOKEN_FILE = "";
    /// Counts live tokens, device codes and sessions in the database; with several servers on one database, in one of them.
    METRICS_GAUGE_UPDATE_ENABLED = "true";
    /// How often they are counted.
    METRICS_GAUGE_UPDATE_INTERVAL = "5m";
}

/// What is shown to whom.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// False: there is no `/metrics`, and nothing is counted.
    pub enabled: bool,
    /// What a reader must show.
    pub token: Option<Secret>,
    /// True if what is alive is counted.
    pub gauges: bool,
    /// Seconds between two counts.
    pub gauge_interval: i64,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Metrics {
    let enabled = reader.switch(METRICS_ENABLED);
    let token = reader.secret(METRICS_TOKEN, METRICS_TOKEN_FILE);
    let token = token.map(|token| Secret::new(token.expose().trim()));
    if enabled && token.is_none() && reader.production {
        reader.warn("METRICS_TOKEN is not set: everybody who reaches this server can read its metrics");
    }
    Metrics {
        enabled,
        token,
        gauges: reader.switch(METRICS_GAUGE_UPDATE_ENABLED),
        // A count of a large database takes seconds.
        gauge_interval: reader.seconds(METRICS_GAUGE_UPDATE_INTERVAL, 1..=86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{config, refused, warnings};

    const ON: (&str, &str) = ("METRICS_ENABLED", "true");

    #[test]
    fn defaults() {
        let metrics = config(&[]).metrics;
        assert!(!metrics.enabled && metrics.token.is_none() && metrics.gauges);
        assert_eq!(metrics.gauge_interval, 300);
    }

    #[test]
    fn production_warns_without_a_token() {
        let public = ("BASE_URL", "https://id.example.com");
        assert!(warnings(&[ON]).is_empty() && warnings(&[public]).is_empty());
        assert!(warnings(&[public, ON])[0].starts_with("METRICS_TOKEN is not set"));
        assert!(warnings(&[public, ON, ("METRICS_TOKEN", " secret ")]).is_empty());
    }

    #[test]
    fn the_token_may_be_in_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from a file\n").unwrap();
        let token = |name, value| config(&[(name, value)]).metrics.token.unwrap().expose().to_owned();
        assert_eq!(token("METRICS_TOKEN_FILE", file.path().to_str().unwrap()), "from a file");
        assert_eq!(token("METRICS_TOKEN", "direct"), "direct");
    }

    #[test]
    fn counting_takes_time() {
        assert_eq!(config(&[("METRICS_GAUGE_UPDATE_INTERVAL", "1m")]).metrics.gauge_interval, 60);
        assert!(
            refused(&[("METRICS_GAUGE_UPDATE_INTERVAL", "0s")]).contains("METRICS_GAUGE_UPDATE_INTERVAL")
        );
    }
}
