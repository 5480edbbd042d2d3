//! The exporter: a thread of the SDK that gives batches to the runtime, which sends them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use hyper::body::Bytes;
use hyper::{Request, Response};
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient as OtlpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::{Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use super::TRACES;
use crate::outbound::{HttpClient, Target};

/// Where the collector takes traces (OTLP specification, "OTLP/HTTP Request").
const PATH: &str = "/v1/traces";
/// Spans that wait to be sent. Further ones are dropped.
const QUEUE: usize = 8192;
const BATCH: usize = 512;
const INTERVAL: Duration = Duration::from_secs(2);
/// For all batches at the end of the server.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// Ends the exporter's thread.
#[derive(Debug)]
pub(super) struct Exporter(SdkTracerProvider);

pub(super) fn start<S>(collector: &Target) -> Result<(Exporter, impl Layer<S> + use<S>), String>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let runtime = Handle::try_current().map_err(|error| error.to_string())?;
    let target = collector.clone().below(PATH);
    let endpoint = target.shown();
    let client = HttpClient::new(target)?;
    let client =
        Sender { runtime, client: Arc::new(client), endpoint, fails: AtomicBool::default() };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        // The client knows the address; the exporter only checks this one.
        .with_endpoint("http://localhost/v1/traces")
        .with_protocol(Protocol::HttpBinary)
        .build()
        .map_err(|error| error.to_string())?;
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE)
        .with_max_export_batch_size(BATCH)
        .with_scheduled_delay(INTERVAL)
        .build();
    let batches = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
    let resource = Resource::builder_empty()
        .with_service_name("anteroom")
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider =
        SdkTracerProvider::builder().with_span_processor(batches).with_resource(resource).build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("anteroom"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_level(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(|metadata: &Metadata<'_>| {
            metadata.is_span() && metadata.target() == TRACES
        }));
    Ok((Exporter(provider), layer))
}

impl Exporter {
    pub(super) async fn flush(self) {
        // It blocks, and what it waits for runs on this runtime.
        let ended =
            tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(FLUSH_LIMIT)).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!("could not send the last traces; they are lost");
        }
    }
}

pub(super) fn continue_trace(span: &Span, traceparent: &str, tracestate: &str) {
    let headers = HashMap::from([
        ("traceparent".to_owned(), traceparent.to_owned()),
        ("tracestate".to_owned(), tracestate.to_owned()),
    ]);
    let parent = TraceContextPropagator::new().extract(&headers);
    // An error means that the span is not part of a trace.
    let _ = span.set_parent(parent);
}

/// Sends on the runtime: the thread of the SDK has none.
struct Sender {
    runtime: Handle,
    client: Arc<HttpClient>,
    endpoint: String,
    fails: AtomicBool,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({})", self.endpoint)
    }
}

#[async_trait]
impl OtlpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let client = Arc::clone(&self.client);
        let sending = async move { client.post(parts.headers, body).await };
        let result = match self.runtime.spawn(sending).await {
            Ok(Ok(status)) if (200..300).contains(&status) => Ok(status),
            Ok(Ok(status)) => Err(format!("the collector answered {status}")),
            Ok(Err(error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        self.log(result.as_ref().err());
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = result?.try_into()?;
        Ok(response)
    }
}

impl Sender {
    /// Logs the first failure and the first success after it.
    fn log(&self, failure: Option<&String>) {
        let endpoint = &self.endpoint;
        let failed_before = self.fails.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(error) if !failed_before => {
                tracing::warn!(
                    error,
                    endpoint,
                    "could not send traces; they are lost until this works"
                );
            }
            None if failed_before => tracing::info!(endpoint, "traces are sent again"),
            _ => {}
        }
    }
}
