//! Spans for whoever traces requests, with the names of OpenTelemetry's semantic conventions.
//!
//! Their target is [`TARGET`] and their level `debug`, so that a log of requests can leave them out. A span that nobody
//! listens to costs one look at a flag. None holds a query, a token, an address or anything else of a user.

use tracing::{Instrument, Span};

/// The target of every span.
pub(crate) const TARGET: &str = "axum_users::trace";

/// One operation of the adapter of a database of this name.
macro_rules! database {
    ($operation:expr, $system_name:expr) => {
        tracing::debug_span!(
            target: $crate::spans::TARGET,
            "database",
            otel.name = $operation,
            otel.kind = "client",
            otel.status_code = tracing::field::Empty,
            db.operation.name = $operation,
            db.system.name = $system_name,
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

/// One command to Redis.
#[cfg(feature = "redis")]
pub(crate) async fn redis<T, E>(
    command: &redis::Cmd,
    answered: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let span = tracing::debug_span!(
        target: TARGET,
        "redis",
        otel.name = name_of(command),
        otel.kind = "client",
        otel.status_code = tracing::field::Empty,
        db.operation.name = name_of(command),
        db.system.name = "redis",
    );
    within(span, answered).await
}

/// The first word of a command, which is never a key or a value.
#[cfg(feature = "redis")]
fn name_of(command: &redis::Cmd) -> Option<&str> {
    match command.args_iter().next() {
        Some(redis::Arg::Simple(word)) => std::str::from_utf8(word).ok(),
        _ => None,
    }
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
