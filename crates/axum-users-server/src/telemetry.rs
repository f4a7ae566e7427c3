//! Spans on their way to an OpenTelemetry collector: OTLP over HTTP, from a bounded queue behind every answer.
//!
//! A collector that is down or slow costs spans, and nothing else: the queue drops what does not fit, and each post has
//! a time limit.

use std::{collections::HashMap, fmt, future::Future, pin::Pin, time::Duration};

use anyhow::Context;
use axum::http::{HeaderMap, Request, Response};
use opentelemetry::{
    propagation::TextMapPropagator,
    trace::{TraceContextExt, TracerProvider},
};
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider},
};
use secrecy::ExposeSecret;
use tokio::runtime::Handle;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::FilterFn};

use crate::{
    config::OpenTelemetryConfig,
    log::{Listener, TRACE_TARGET},
};

/// The most bytes of a collector's answer: it says which spans it did not want.
const ANSWER_LIMIT_BYTES: usize = 64 * 1024;

/// How long a connection to the collector may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// What the collector calls a server that was given no name.
const SERVICE_NAME: &str = "axum-users";

/// The way to the collector. What waits is sent when it is finished.
#[derive(Debug)]
pub(crate) struct Telemetry {
    provider: SdkTracerProvider,
}

impl Telemetry {
    /// Posts are made on this runtime.
    ///
    /// # Errors
    /// No client for HTTP can be made, or one of the standard's variables cannot be used.
    pub(crate) fn start(config: &OpenTelemetryConfig, runtime: Handle) -> anyhow::Result<Self> {
        let timeout = Duration::from_secs(config.timeout_seconds);
        let headers: HashMap<String, String> = config
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.expose_secret().to_owned()))
            .collect();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Posts::new(runtime, timeout)?)
            .with_headers(headers)
            .with_endpoint(config.endpoint.as_str())
            .with_timeout(timeout)
            .build()
            .context("opentelemetry")?;
        let mut builder =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource(config));
        if let Some(ratio) = config.sample_ratio {
            let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio)));
            builder = builder.with_sampler(sampler);
        }
        Ok(Self { provider: builder.build() })
    }

    /// What hands spans over.
    pub(crate) fn listener(&self) -> Listener {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(SERVICE_NAME))
            .with_location(false)
            .with_threads(false)
            .with_level(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(FilterFn::new(|metadata| metadata.target() == TRACE_TARGET))
            .boxed()
    }

    /// Sends what waits, for so long at most.
    pub(crate) fn finish(&self, within: Duration) {
        if let Err(error) = self.provider.shutdown_with_timeout(within) {
            tracing::warn!(cause = %error, "some spans did not reach the OpenTelemetry collector");
        }
    }
}

/// Who sends the spans. What the configuration leaves out comes from `OTEL_SERVICE_NAME` and
/// `OTEL_RESOURCE_ATTRIBUTES`.
fn resource(config: &OpenTelemetryConfig) -> Resource {
    let given = Resource::builder().build();
    let is_named =
        given.get(&"service.name".into()).is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    let builder = Resource::builder()
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    match &config.service_name {
        Some(name) => builder.with_service_name(name.clone()).build(),
        None if is_named => builder.build(),
        None => builder.with_service_name(SERVICE_NAME).build(),
    }
}

/// Makes a span the child of the one that the client's `traceparent` names (W3C Trace Context).
pub(crate) fn continue_trace(span: &Span, headers: &HeaderMap) {
    let context = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
    if context.span().span_context().is_valid() {
        // It is refused where no layer listens, which is as well.
        let _ = span.set_parent(context);
    }
}

/// Posts to the collector.
struct Posts {
    client: reqwest::Client,
    runtime: Handle,
}

impl fmt::Debug for Posts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Posts")
    }
}

impl Posts {
    fn new(runtime: Handle, timeout: Duration) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .timeout(timeout)
            .build()
            .context("no client for the OpenTelemetry collector can be made")?;
        Ok(Self { client, runtime })
    }
}

async fn post(client: reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let mut answer = client.execute(request.try_into()?).await?;
    let mut response = Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        headers.clone_from(answer.headers());
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > ANSWER_LIMIT_BYTES {
            return Err("the collector's answer is too long".into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(response.body(body.into())?)
}

impl HttpClient for Posts {
    /// Asked by a thread of the SDK's, which knows no runtime.
    fn send_bytes<'life, 'future>(
        &'life self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'future>>
    where
        'life: 'future,
        Self: 'future,
    {
        let posted = self.runtime.spawn(post(self.client.clone(), request));
        Box::pin(async { posted.await? })
    }
}
