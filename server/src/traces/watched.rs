//! A collector that takes nothing is worth one line, and one when it is back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// Passes batches on and counts those that are lost.
#[derive(Debug)]
pub(super) struct Watched<E> {
    exporter: E,
    /// Spans lost since the last batch that was taken.
    lost: AtomicUsize,
}

impl<E: SpanExporter> Watched<E> {
    pub(super) fn new(exporter: E) -> Self {
        Self { exporter, lost: AtomicUsize::new(0) }
    }
}

impl<E: SpanExporter> SpanExporter for Watched<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        match self.exporter.export(batch).await {
            Ok(()) => match self.lost.swap(0, Ordering::Relaxed) {
                0 => {}
                lost => tracing::info!(lost, "the collector takes traces again"),
            },
            Err(error) => {
                if self.lost.fetch_add(spans, Ordering::Relaxed) == 0 {
                    tracing::warn!(%error, "the collector takes no traces; they are lost until it does");
                }
            }
        }
        // What there was to say is said: the caller would say it at every batch.
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let lost = self.lost.load(Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "the collector took no traces to the end");
        }
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
