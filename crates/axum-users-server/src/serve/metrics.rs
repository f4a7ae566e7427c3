//! Metrics for Prometheus, on a listener of their own: they are not for everybody.

use std::{net::SocketAddr, sync::OnceLock, time::Duration};

use anyhow::Context;
use axum::{Router, http::Method, routing::get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::bind;

/// The seconds that a request took, by method, route and status: the name and labels of OpenTelemetry's conventions.
const REQUEST_SECONDS: &str = "http_server_request_duration_seconds";

/// Upper ends of the histogram's buckets, as OpenTelemetry's conventions for HTTP advise.
const SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Connections that the system keeps for us until they are accepted.
const BACKLOG: u32 = 16;

/// How often what has been measured is folded into the histograms, so that nothing piles up when nobody asks.
const FOLD_EVERY: Duration = Duration::from_secs(5);

/// What keeps the metrics, once somebody may ask for them.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Answers `GET /metrics` at this address until the process ends.
///
/// # Errors
/// The address cannot be listened on.
pub(super) fn serve(address: SocketAddr) -> anyhow::Result<()> {
    let listener = bind(address).context("metrics.listen")?.listen(BACKLOG)?;
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(REQUEST_SECONDS.to_owned()), SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .context("metrics cannot be kept")?;
    describe();
    let address = listener.local_addr()?;
    tracing::info!(%address, "metrics at /metrics");
    let recorder = RECORDER.get_or_init(|| recorder);
    tokio::spawn(fold(recorder));
    let app = Router::new().route("/metrics", get(async || recorder.render()));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(())
}

fn describe() {
    metrics::describe_histogram!(REQUEST_SECONDS, "Seconds from a request's head to its answer");
    metrics::describe_counter!("axum_users_events_total", "Events of the audit trail");
    metrics::gauge!("axum_users_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

async fn fold(recorder: &PrometheusHandle) {
    let mut timer = tokio::time::interval(FOLD_EVERY);
    loop {
        timer.tick().await;
        recorder.run_upkeep();
    }
}

/// Notes an answer, where there are metrics.
pub(super) fn answered(method: &Method, route: Option<&str>, status: u16, took: Duration) {
    if RECORDER.get().is_none() {
        return;
    }
    // A made-up method or path would be a label of its own, and labels are kept for ever.
    let method = match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "_OTHER",
    };
    let labels = [
        ("http_request_method", method.to_owned()),
        ("http_route", route.unwrap_or_default().to_owned()),
        ("http_response_status_code", status.to_string()),
    ];
    metrics::histogram!(REQUEST_SECONDS, &labels).record(took.as_secs_f64());
}
