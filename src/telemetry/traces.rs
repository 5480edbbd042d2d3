//! Traces: spans of the target [`TRACES`], sent to a collector by OTLP over HTTP.
//!
//! The spans are of requests, store calls and hashing. Their attributes are methods, routes, statuses
//! and names of operations: no path, address, cookie, token or id of a user.

use futures_util::future::Either;
use tracing::{Instrument as _, Span, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::outbound::Target;

#[cfg(feature = "otlp")]
mod exporter;

/// The target of spans that are parts of traces. No other span is sent.
pub const TRACES: &str = "anteroom::traces";

/// Sends traces until it is flushed.
#[derive(Debug, Default)]
#[must_use]
pub struct Traces {
    #[cfg(feature = "otlp")]
    exporter: Option<exporter::Exporter>,
}

impl Traces {
    /// Whether this build can send traces.
    pub const ARE_BUILT_IN: bool = cfg!(feature = "otlp");

    /// Also the layer that collects the spans.
    ///
    /// # Errors
    /// One sentence, where the collector is https and the system has no root certificates.
    #[cfg(feature = "otlp")]
    pub(super) fn to<S>(
        collector: Option<&Target>,
    ) -> Result<(Self, Option<impl Layer<S> + use<S>>), String>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let Some(collector) = collector else { return Ok((Self::default(), None)) };
        let (exporter, layer) = exporter::start(collector)?;
        Ok((Self { exporter: Some(exporter) }, Some(layer)))
    }

    #[cfg(not(feature = "otlp"))]
    #[expect(clippy::unnecessary_wraps, reason = "with the feature it can fail")]
    pub(super) fn to<S>(
        _collector: Option<&Target>,
    ) -> Result<(Self, Option<impl Layer<S> + use<S>>), String>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        Ok((Self::default(), None::<tracing_subscriber::layer::Identity>))
    }

    /// Sends the spans that have ended, within five seconds, and ends the exporter.
    #[cfg_attr(not(feature = "otlp"), expect(clippy::unused_async, reason = "as with the feature"))]
    pub async fn flush(self) {
        #[cfg(feature = "otlp")]
        if let Some(exporter) = self.exporter {
            exporter.flush().await;
        }
    }
}

tokio::task_local! {
    /// The span of the request that a task works for.
    static REQUEST: Span;
}

/// Does the work for a request, whose span this is.
pub(crate) async fn within_request<T>(span: Span, work: impl Future<Output = T>) -> T {
    REQUEST.scope(span.clone(), work.instrument(span)).await
}

/// Work of another task, as a part of the request of this one. Instrumenting it with the current
/// span is not enough: that one is for the log, and a layer looks for its own only among the spans
/// that a thread has entered.
pub(crate) fn for_the_same_request<F: Future>(work: F) -> impl Future<Output = F::Output> {
    match REQUEST.try_with(Span::clone) {
        Ok(span) => Either::Left(within_request(span, work)),
        Err(_) => Either::Right(work),
    }
}

/// Makes a span a part of the trace that the header `traceparent` names (W3C Trace Context). A value
/// that is not valid is ignored.
#[cfg_attr(not(feature = "otlp"), expect(unused_variables, reason = "used with the feature"))]
pub(crate) fn continue_trace(span: &Span, traceparent: &str, tracestate: &str) {
    #[cfg(feature = "otlp")]
    exporter::continue_trace(span, traceparent, tracestate);
}
