//! Logs go to stderr: stdout is for what a person or a script asked for.

mod line;
mod panics;
mod shown;

use std::io::{IsTerminal as _, stderr};

use authgate_core::trace::SPANS;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use crate::config::Server;
use crate::middleware::REQUEST;
use crate::traces::Traces;

/// Starts logging as `LOG_FORMAT` and `RUST_LOG` say, and hands spans to `traces`. A panic is a line from then on. Once
/// per process; a second call changes nothing.
pub fn start(server: &Server, traces: Option<&Traces>) {
    let lines = lines(server.json_logs, &server.log_filter, stderr().is_terminal(), stderr);
    // An embedding program may have its own subscriber, which then stays.
    if Registry::default().with(lines).with(traces.map(Traces::layer)).try_init().is_ok() {
        panics::report();
    }
}

/// What writes lines: JSON or text, of what `filter` lets through, in colour if that is a terminal.
pub fn lines<S, W>(json: bool, filter: &str, terminal: bool, writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = EnvFilter::new(filter).and(filter_fn(is_loggable));
    fmt::layer()
        .with_ansi(terminal && !json)
        .with_writer(writer)
        .fmt_fields(shown::Shown)
        .event_format(line::Line { json })
        .with_filter(filter)
}

/// Of the spans, lines need the request's alone. What libraries say at the levels for their own authors quotes what
/// they are sent, such as every header (ADV 39).
fn is_loggable(metadata: &Metadata<'_>) -> bool {
    match metadata.target() {
        SPANS => metadata.name() == REQUEST,
        // Anybody can make it complain, as often as they like.
        target if target.starts_with("actix_http::h1") => false,
        target => target.starts_with("authgate") || *metadata.level() <= Level::INFO,
    }
}
