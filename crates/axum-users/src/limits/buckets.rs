//! Buckets of tries, in memory and bounded.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Key, Limit};
use crate::schema::Timestamp;

/// How many buckets are kept. A flood of keys makes room by forgetting those that are almost full.
const MAX_BUCKETS: usize = 100_000;

/// How many addresses are kept from which owners of accounts came in.
const MAX_KNOWN: usize = 100_000;

/// Tries left, in millionths of a try, at a moment.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    limit: Limit,
    left: u64,
    at: Timestamp,
}

const ONE: u64 = 1_000_000;

impl Bucket {
    fn full(&self) -> u64 {
        u64::from(self.limit.tries) * ONE
    }

    /// What has come back since the last look.
    fn refill(&mut self, now: Timestamp) {
        let elapsed = (now - self.at).whole_microseconds().max(0).unsigned_abs();
        let period = self.limit.period.as_micros().max(1);
        let back = elapsed.saturating_mul(u128::from(self.full())) / period;
        let left = u128::from(self.left).saturating_add(back);
        self.left = u64::try_from(left).unwrap_or(u64::MAX).min(self.full());
        self.at = now.max(self.at);
    }

    /// In how many whole seconds, rounded up, there is a try.
    fn wait(&self) -> u64 {
        let missing = u128::from(ONE.saturating_sub(self.left));
        let microseconds = missing * self.limit.period.as_micros() / u128::from(self.full().max(1));
        u64::try_from(microseconds.div_ceil(1_000_000)).unwrap_or(u64::MAX).max(1)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    buckets: Mutex<HashMap<Key, Bucket>>,
    known: Mutex<HashMap<Key, i64>>,
}

impl Buckets {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Takes one try; `Err` says in how many seconds there will be one.
    pub(super) fn take(&self, key: Key, limit: Limit, now: Timestamp) -> Result<(), u64> {
        let mut buckets = lock(&self.buckets);
        if buckets.len() >= MAX_BUCKETS && !buckets.contains_key(&key) {
            make_room(&mut buckets, now);
        }
        let fresh = Bucket { limit, left: u64::from(limit.tries) * ONE, at: now };
        let bucket = buckets.entry(key).or_insert(fresh);
        bucket.refill(now);
        if bucket.left < ONE {
            return Err(bucket.wait());
        }
        bucket.left -= ONE;
        Ok(())
    }

    pub(super) fn give_back(&self, key: &Key) {
        if let Some(bucket) = lock(&self.buckets).get_mut(key) {
            bucket.left = (bucket.left + ONE).min(bucket.full());
        }
    }

    pub(super) fn is_known(&self, key: &Key) -> bool {
        lock(&self.known).contains_key(key)
    }

    pub(super) fn remember(&self, key: Key, now: i64) {
        let mut known = lock(&self.known);
        if known.len() >= MAX_KNOWN && !known.contains_key(&key) {
            // The older half goes.
            let mut times: Vec<i64> = known.values().copied().collect();
            let (_, &mut middle, _) = times.select_nth_unstable(MAX_KNOWN / 2);
            known.retain(|_, at| *at > middle);
        }
        known.insert(key, now);
    }
}

/// Forgets full buckets, and where that is not enough, those that would be missed least: a forgotten bucket is
/// a full one.
fn make_room(buckets: &mut HashMap<Key, Bucket>, now: Timestamp) {
    for bucket in buckets.values_mut() {
        bucket.refill(now);
    }
    buckets.retain(|_, bucket| bucket.left < bucket.full());
    if buckets.len() < MAX_BUCKETS {
        return;
    }
    let share = |bucket: &Bucket| bucket.left.saturating_mul(1000) / bucket.full().max(1);
    let mut shares: Vec<u64> = buckets.values().map(share).collect();
    let (_, &mut middle, _) = shares.select_nth_unstable(MAX_BUCKETS / 2);
    let mut room = buckets.len() / 4;
    buckets.retain(|_, bucket| {
        let goes = room > 0 && share(bucket) >= middle;
        room -= usize::from(goes);
        !goes
    });
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
