//! Metrics for Prometheus, on a listener of their own: they are not for everybody.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::Context;
use axum::{Router, http::Method, routing::get};
use metrics::Unit;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::{bind, trace::known_method};
use crate::{database::Database, mail::Mailer};

/// The seconds that a request took, by method, route and status: the name and labels of OpenTelemetry's conventions.
const REQUEST_SECONDS: &str = "http_server_request_duration_seconds";

/// Connections of the database's pool, by state, and how many there may be: OpenTelemetry's names, too.
const CONNECTIONS: &str = "db_client_connection_count";
const MOST_CONNECTIONS: &str = "db_client_connection_max";
const WAITING_OPERATIONS: &str = "db_client_connection_pending_requests";

/// Upper ends of the histogram's buckets, as OpenTelemetry's conventions for HTTP advise.
const SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Connections that the system keeps for us until they are accepted.
const BACKLOG: u32 = 16;

/// How often what has been measured is folded into the histograms, so that nothing piles up when nobody asks.
const FOLD_EVERY: Duration = Duration::from_secs(5);

/// What keeps the metrics, once somebody may ask for them.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Answers `GET /metrics` at this address until the process ends, each time after `measure`.
///
/// # Errors
/// The address cannot be listened on.
pub(super) fn serve(address: SocketAddr, measure: impl Fn() + Send + Sync + 'static) -> anyhow::Result<()> {
    let listener = bind(address).context("metrics.listen")?.listen(BACKLOG)?;
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .context("metrics cannot be kept")?;
    describe();
    let address = listener.local_addr()?;
    tracing::info!(%address, "metrics at /metrics");
    let recorder = RECORDER.get_or_init(|| recorder);
    tokio::spawn(fold(recorder));
    let answer = move || {
        measure();
        std::future::ready(recorder.render())
    };
    let answer = Arc::new(answer);
    let app = Router::new().route("/metrics", get(move || answer()));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(())
}

fn describe() {
    axum_users::describe_metrics();
    metrics::describe_histogram!(
        REQUEST_SECONDS,
        Unit::Seconds,
        "Seconds from a request's head to its answer"
    );
    metrics::describe_counter!(
        "axum_users_mails_total",
        Unit::Count,
        "Mails sent, given up and dropped, and tries that failed"
    );
    metrics::describe_gauge!("axum_users_mails_waiting", Unit::Count, "Mails that wait or are on their way");
    metrics::describe_gauge!(
        CONNECTIONS,
        Unit::Count,
        "Connections to the database, by whether they are in use"
    );
    metrics::describe_gauge!(MOST_CONNECTIONS, Unit::Count, "Connections to the database at most");
    metrics::describe_gauge!(WAITING_OPERATIONS, Unit::Count, "Operations that wait for such a connection");
    metrics::describe_gauge!("axum_users_info", "Always 1; the version is a label");
    metrics::gauge!("axum_users_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// Measures what nobody tells: queues and pools, at the moment.
#[expect(clippy::cast_precision_loss, reason = "queues are short")]
pub(super) fn measure(database: &Database, mailer: &Mailer) {
    metrics::gauge!("axum_users_mails_waiting").set(mailer.waiting() as f64);
    if let Some(connections) = database.connections() {
        let state = "db_client_connection_state";
        metrics::gauge!(CONNECTIONS, state => "used").set(f64::from(connections.used));
        metrics::gauge!(CONNECTIONS, state => "idle").set(f64::from(connections.idle));
        if let Some(most) = connections.most {
            metrics::gauge!(MOST_CONNECTIONS).set(f64::from(most));
        }
        if let Some(waiting) = connections.waiting {
            metrics::gauge!(WAITING_OPERATIONS).set(f64::from(waiting));
        }
    }
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
    // A made-up path would be a label of its own, and labels are kept for ever.
    let labels = [
        ("http_request_method", known_method(method).to_owned()),
        ("http_route", route.unwrap_or_default().to_owned()),
        ("http_response_status_code", status.to_string()),
    ];
    metrics::histogram!(REQUEST_SECONDS, &labels).record(took.as_secs_f64());
}
