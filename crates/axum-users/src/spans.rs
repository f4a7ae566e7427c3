//! Spans for whoever traces requests, with the names of OpenTelemetry's semantic conventions.
//!
//! Their target is [`TARGET`] and their level `debug`, so that a log of requests can leave them out. A span that nobody
//! listens to costs one look at a flag. None holds a query, a token, an address or anything else of a user.

use tracing::{Instrument, Span};

/// The target of every span.
pub(crate) const TARGET: &str = "axum_users::trace";

/// One operation of the database adapter.
macro_rules! database {
    ($operation:expr) => {
        tracing::debug_span!(
            target: $crate::spans::TARGET,
            "database",
            otel.name = $operation,
            otel.kind = "client",
            otel.status_code = tracing::field::Empty,
            db.operation.name = $operation,
        )
    };
}
pub(crate) use database;

/// Runs work in its span, and says in it when the work failed.
pub(crate) async fn within<T, E>(span: Span, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let done = work.instrument(span.clone()).await;
    if done.is_err() {
        span.record("otel.status_code", "ERROR");
    }
    done
}

/// A password on its way through the hashing threads, its time in their queue included.
pub(crate) async fn hash<T, E>(hashed: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let span = tracing::debug_span!(
        target: TARGET,
        "hash password",
        otel.status_code = tracing::field::Empty,
    );
    within(span, hashed).await
}

/// A question to an OAuth provider.
#[cfg(feature = "oauth")]
pub(crate) async fn ask_provider<T, E>(
    what: &'static str,
    provider: &str,
    asked: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let span = tracing::debug_span!(
        target: TARGET,
        "oauth provider",
        otel.name = format_args!("{what} {provider}"),
        otel.kind = "client",
        otel.status_code = tracing::field::Empty,
        axum_users.provider = provider,
        axum_users.request = what,
    );
    within(span, asked).await
}
