//! What is counted, for whatever recorder of the crate `metrics` is installed; nothing without the feature `metrics`.
//!
//! Labels have few values each: names of backends, providers and limits, and the words of this file. What a stranger
//! sends is never one.

#[cfg(feature = "metrics")]
mod names;

#[cfg(feature = "metrics")]
pub use self::names::describe_metrics;

/// Jobs behind answers that wait or run.
pub(crate) const BACKGROUND_JOBS: &str = "axum_users_background_jobs";
/// Entries of the audit trail that wait for the database.
pub(crate) const AUDIT_WAITING: &str = "axum_users_audit_entries_waiting";

/// Passwords that wait for a hashing thread, and those that are hashed.
const HASHES_WAITING: &str = "axum_users_password_hashes_waiting";
const HASHES_RUNNING: &str = "axum_users_password_hashes_running";

/// A password that waits for a hashing thread.
#[derive(Debug)]
pub(crate) struct WaitingHash {
    _counted: Counted,
    since: Timer,
}

impl WaitingHash {
    pub(crate) fn new() -> Self {
        Self { _counted: Counted::in_gauge(HASHES_WAITING), since: Timer::start() }
    }

    /// A thread has begun.
    pub(crate) fn begins(self) -> RunningHash {
        self.since.record("axum_users_password_hash_wait_seconds");
        RunningHash { _counted: Counted::in_gauge(HASHES_RUNNING), since: Timer::start() }
    }
}

/// A password that is hashed, until it is dropped.
#[derive(Debug)]
pub(crate) struct RunningHash {
    _counted: Counted,
    since: Timer,
}

impl Drop for RunningHash {
    fn drop(&mut self) {
        self.since.record("axum_users_password_hash_duration_seconds");
    }
}

/// A password was not hashed, since too many wait.
pub(crate) fn hash_refused() {
    #[cfg(feature = "metrics")]
    metrics::counter!("axum_users_password_hashes_refused_total").increment(1);
}

/// How long something takes.
#[derive(Debug)]
struct Timer {
    #[cfg(feature = "metrics")]
    begun: std::time::Instant,
}

impl Timer {
    fn start() -> Self {
        Self {
            #[cfg(feature = "metrics")]
            begun: std::time::Instant::now(),
        }
    }

    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "nothing is counted"))]
    fn record(&self, histogram: &'static str) {
        #[cfg(feature = "metrics")]
        metrics::histogram!(histogram).record(self.begun.elapsed().as_secs_f64());
    }
}

/// One more in a gauge, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Counted {
    #[cfg(feature = "metrics")]
    gauge: &'static str,
}

impl Counted {
    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "nothing is counted"))]
    pub(crate) fn in_gauge(gauge: &'static str) -> Self {
        #[cfg(feature = "metrics")]
        metrics::gauge!(gauge).increment(1.0);
        Self {
            #[cfg(feature = "metrics")]
            gauge,
        }
    }
}

#[cfg(feature = "metrics")]
impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!(self.gauge).decrement(1.0);
    }
}

/// Sets a gauge.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "nothing is counted"))]
pub(crate) fn set(gauge: &'static str, value: usize) {
    #[cfg(feature = "metrics")]
    #[expect(clippy::cast_precision_loss, reason = "queues are short")]
    metrics::gauge!(gauge).set(value as f64);
}

/// Work behind an answer was refused, since too much waits.
pub(crate) fn background_refused() {
    #[cfg(feature = "metrics")]
    metrics::counter!("axum_users_background_jobs_refused_total").increment(1);
}

/// Entries of the audit trail were lost.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "nothing is counted"))]
pub(crate) fn audit_entries_lost(count: u64) {
    #[cfg(feature = "metrics")]
    metrics::counter!("axum_users_audit_entries_lost_total").increment(count);
}

/// An event of the audit trail, by its name and, where it is about one of the operations that are counted by
/// outcome, by that.
#[cfg(feature = "metrics")]
pub(crate) fn event(event: &str, reason: &str, via: &str) {
    let labels = [("event", event.to_owned()), ("reason", reason.to_owned()), ("via", via.to_owned())];
    metrics::counter!("axum_users_events_total", &labels).increment(1);
    if let Some((counter, outcome)) = names::outcome(event, reason) {
        let label = if counter == names::LIMITS { "limit" } else { "outcome" };
        let mut labels = vec![(label, outcome.to_owned())];
        if counter == names::LOGINS {
            labels.push(("backend", via.to_owned()));
        }
        metrics::counter!(counter, &labels).increment(1);
    }
}

/// A callback of an OAuth provider was answered.
#[cfg(feature = "oauth")]
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "nothing is counted"))]
pub(crate) fn oauth_callback(provider: &str, purpose: &'static str, failure: Option<&crate::ApiError>) {
    #[cfg(feature = "metrics")]
    {
        let labels = [
            ("provider", provider.to_owned()),
            ("purpose", purpose.to_owned()),
            ("outcome", names::callback_outcome(failure).to_owned()),
        ];
        metrics::counter!("axum_users_oauth_callbacks_total", &labels).increment(1);
    }
}
