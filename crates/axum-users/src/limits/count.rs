//! What a count is.

use super::Limit;

/// One limit's count for one account, address, or both, and the moment at which it is looked at.
///
/// All that is kept of a count is one number: the moment at which the limit has all its tries again. A try moves
/// it on by `step`, and is refused where that would be more than a `period` from now.
///
/// ```
/// use axum_users::LimitCount;
/// // A try a second, and five at once; at the second 1000.
/// let count = LimitCount::new("login-address:192.0.2.1", 1_000_000, 5_000_000, 1_000_000_000);
/// assert_eq!(count.take(None), Ok(1_001_000_000));
/// assert_eq!(count.take(Some(1_004_000_000)), Ok(1_005_000_000));
/// assert_eq!(count.take(Some(1_005_000_000)), Err(1_000_000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitCount<'a> {
    /// What is counted, and for whom: at most 100 ASCII characters. Accounts stand in it as digests.
    pub name: &'a str,
    /// In how many microseconds one try comes back.
    pub step: i64,
    /// In how many microseconds all tries come back.
    pub period: i64,
    /// The present, in microseconds since 1970.
    pub now: i64,
}

impl<'a> LimitCount<'a> {
    /// By how many microseconds the clocks of processes that count together may differ. A count that lies further
    /// ahead comes from a clock that was wrong.
    pub const CLOCKS_APART: i64 = 60_000_000;

    /// A count of this name; see the fields.
    #[must_use]
    pub fn new(name: &'a str, step: i64, period: i64, now: i64) -> Self {
        Self { name, step, period, now }
    }

    pub(super) fn of(limit: Limit, name: &'a str, now: i64) -> Self {
        let tries = i64::from(limit.tries.max(1));
        let step = i64::try_from(limit.period.as_micros()).unwrap_or(i64::MAX / 4) / tries;
        // So many tries to the last, whatever the division left over.
        Self::new(name, step.max(1), step.max(1).saturating_mul(tries), now)
    }

    /// The latest moment of having all tries from which one may still be taken.
    #[must_use]
    pub fn latest(&self) -> i64 {
        self.now.saturating_add(self.period).saturating_sub(self.step)
    }

    /// The latest moment that a right clock can have left. What is later is taken as a count with all its tries:
    /// nobody waits for hours because a clock was wrong.
    #[must_use]
    pub fn farthest(&self) -> i64 {
        self.now.saturating_add(self.period).saturating_add(Self::CLOCKS_APART)
    }

    /// Takes one try of a count that has all of them at a moment; `None` has them now.
    ///
    /// # Errors
    /// There is none; in how many microseconds there will be one.
    pub fn take(&self, full_at: Option<i64>) -> Result<i64, i64> {
        let full_at = full_at.filter(|at| (self.now..=self.farthest()).contains(at)).unwrap_or(self.now);
        if full_at > self.latest() {
            return Err(full_at.saturating_sub(self.latest()));
        }
        Ok(full_at.saturating_add(self.step))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_try_moves_the_moment_of_having_all_and_is_refused_beyond_a_period() {
        let second = 1_000_000;
        let count = LimitCount::new("", second, 5 * second, 1000 * second);
        for (full_at, expected) in [
            (None, Ok(1001 * second)),
            (Some(0), Ok(1001 * second)),
            (Some(1000 * second - 1), Ok(1001 * second)),
            (Some(1000 * second), Ok(1001 * second)),
            (Some(1004 * second), Ok(1005 * second)),
            (Some(1004 * second + 1), Err(1)),
            (Some(1005 * second), Err(second)),
            (Some(1065 * second), Err(61 * second)),
            // Of a clock that was wrong.
            (Some(1065 * second + 1), Ok(1001 * second)),
            (Some(i64::MAX), Ok(1001 * second)),
        ] {
            assert_eq!(count.take(full_at), expected, "{full_at:?}");
        }
    }

    #[test]
    fn a_limit_has_so_many_tries_to_the_last() {
        let of = |tries, period| {
            let count = LimitCount::of(Limit { tries, period }, "", 0);
            (count.step, count.period)
        };
        assert_eq!(of(3, Duration::from_secs(10)), (3_333_333, 9_999_999));
        assert_eq!(of(0, Duration::from_secs(10)), (10_000_000, 10_000_000));
        assert_eq!(of(7, Duration::ZERO), (1, 7));
        assert_eq!(of(1, Duration::MAX), (i64::MAX / 4, i64::MAX / 4));
    }
}
