//! Traces for a collector (OTLP over HTTP), when one is configured.
//!
//! Spans wait in a queue of at most [`QUEUE`]; a thread of their own sends them in batches. A collector that is slow or
//! away costs spans, never a request.

pub mod parent;
mod transport;
mod watched;

use std::collections::HashMap;
use std::time::Duration;

use authgate_core::error::{Error, Result};
use authgate_core::trace::SPANS;
use opentelemetry::KeyValue;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_otlp::{RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use tracing::{Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::DynFilterFn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::config;
use crate::middleware::REQUEST;
use transport::Transport;
use watched::Watched;

pub use parent::parent;

/// Spans that wait at most, some 10 MB; what ends beyond them is dropped and counted.
const QUEUE: usize = 8192;
/// How long a collector may take for a batch.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long the last batches may take when the server stops.
const LAST: Duration = Duration::from_secs(5);
/// Name of the span of a notice to a client, which begins a trace as a request does.
pub const NOTICE: &str = "notice";

/// What collects spans.
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Starts the threads that send spans where `settings` say.
    pub fn start(settings: &config::Traces) -> Result<Self> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Transport::start(TIMEOUT)?)
            .with_endpoint(settings.endpoint.clone())
            .with_headers(settings.headers.iter().map(exposed).collect::<HashMap<_, _>>())
            .with_timeout(TIMEOUT)
            // The next batch comes soon, and what waits for this one is bounded.
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .map_err(|error| Error::failed(format_args!("traces: {error}")))?;
        let queue = BatchConfigBuilder::default().with_max_queue_size(QUEUE).build();
        let batches = BatchSpanProcessor::builder(Watched::new(exporter)).with_batch_config(queue).build();
        let attributes =
            settings.attributes.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
        let resource = Resource::builder_empty()
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_attributes(attributes)
            .with_service_name(settings.service.clone())
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(batches)
            .with_resource(resource)
            .with_sampler(sampler(settings.sampler))
            .build();
        Ok(Self { provider })
    }

    /// What hands spans over. Log lines stay where they are.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("authgate"))
            .with_context_activation(false)
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(DynFilterFn::new(is_traced))
    }

    /// Sends what waits, for a few seconds at most.
    pub fn stop(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(LAST) {
            tracing::warn!(%error, "not all traces were sent");
        }
    }
}

/// A request or a notice, and what happens below one: what the server does by itself four times a second is not worth
/// a trace each.
fn is_traced<S>(metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    metadata.is_span()
        && metadata.target() == SPANS
        && (matches!(metadata.name(), REQUEST | NOTICE) || context.lookup_current().is_some())
}

fn sampler(settings: config::Sampler) -> Sampler {
    let root = Sampler::TraceIdRatioBased(settings.ratio);
    if settings.by_parent { Sampler::ParentBased(Box::new(root)) } else { root }
}

fn exposed((name, value): (&String, &authgate_core::secret::Secret)) -> (String, String) {
    (name.clone(), value.expose().to_owned())
}

/// The trace that a span belongs to, if it is sampled.
pub fn trace_id(span: &Span) -> Option<String> {
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_sampled().then(|| context.trace_id().to_string())
}
