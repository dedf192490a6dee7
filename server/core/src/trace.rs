//! What the spans of traces have in common.
//!
//! Spans exist only below a request that is traced: where nobody collects them, making one is a comparison.

/// Target of every span that goes to a collector. Log lines show none of them.
pub const SPANS: &str = "authgate::span";
