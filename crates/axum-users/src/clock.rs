//! The one place that reads the clock.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use crate::schema::Timestamp;

/// Where the time comes from: the system, or a hand that a test moves.
///
/// ```
/// use axum_users::Clock;
/// let clock = Clock::stopped_at_unix_seconds(1_000_000);
/// clock.advance_seconds(5);
/// assert_eq!(clock.unix_seconds(), 1_000_005);
/// ```
#[derive(Clone, Default)]
pub struct Clock(Source);

#[derive(Clone, Default)]
enum Source {
    #[default]
    System,
    /// Microseconds since the epoch.
    Stopped(Arc<AtomicI64>),
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands still until [`advance_seconds`](Self::advance_seconds); clones share its hand.
    #[must_use]
    pub fn stopped_at_unix_seconds(seconds: i64) -> Self {
        Self(Source::Stopped(Arc::new(AtomicI64::new(seconds.saturating_mul(1_000_000)))))
    }

    /// Moves a stopped clock; the system's clock cannot be moved, and is left as it is.
    pub fn advance_seconds(&self, seconds: i64) {
        if let Source::Stopped(hand) = &self.0 {
            hand.fetch_add(seconds.saturating_mul(1_000_000), Ordering::SeqCst);
        }
    }

    /// The present moment in UTC, to the microsecond.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the place that hands out the time")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => {
                let now = Timestamp::now_utc();
                now.replace_microsecond(now.microsecond()).unwrap_or(now)
            }
            Source::Stopped(hand) => {
                let nanoseconds = i128::from(hand.load(Ordering::SeqCst)) * 1_000;
                Timestamp::from_unix_timestamp_nanos(nanoseconds).unwrap_or(Timestamp::UNIX_EPOCH)
            }
        }
    }

    /// The present moment in whole seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn unix_seconds(&self) -> i64 {
        self.now().unix_timestamp()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
