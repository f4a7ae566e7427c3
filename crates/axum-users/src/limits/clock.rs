//! The time by which tries are counted.

use std::sync::{Mutex, PoisonError};

use crate::{Clock, schema::Timestamp};

/// The clock, but for being set back: then it goes on from where it was, so that nobody waits for a try until the
/// clock is there again.
#[derive(Debug)]
pub(super) struct SteadyClock {
    clock: Clock,
    last: Mutex<Last>,
}

/// In microseconds since 1970.
#[derive(Debug, Default)]
struct Last {
    /// What the clock said.
    read: i64,
    /// By how much it was set back in all.
    set_back: i64,
}

impl SteadyClock {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, last: Mutex::default() }
    }

    /// The present, in microseconds since 1970.
    pub(super) fn now(&self) -> i64 {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock: a thread that was held up would look like a clock that was set back.
        let read = microseconds(self.clock.now());
        last.set_back = last.set_back.saturating_add(last.read.saturating_sub(read).max(0));
        last.read = read;
        read.saturating_add(last.set_back)
    }
}

fn microseconds(at: Timestamp) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cr_23_a_clock_that_is_set_back_goes_on_and_one_that_is_set_forward_is_followed() {
        let clock = Clock::stopped_at_unix_seconds(1_000);
        let steady = SteadyClock::new(clock.clone());
        let seconds = |by: i64| {
            clock.advance_seconds(by);
            steady.now() / 1_000_000
        };
        assert_eq!([0, 5, -500, 5, -1, 100].map(seconds), [1_000, 1_005, 1_005, 1_010, 1_010, 1_110]);
    }
}
