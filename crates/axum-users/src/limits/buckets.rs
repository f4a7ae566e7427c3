//! Buckets of tries, in memory and bounded.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Key, LimitCount, seconds};

/// How many buckets are kept. A flood of keys makes room by forgetting those that are almost full.
const MAX_BUCKETS: usize = 100_000;

/// How many addresses are kept from which owners of accounts came in.
const MAX_KNOWN: usize = 100_000;

/// One number, as shared counts keep it: the moment at which all tries are there again, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    step: i64,
    period: i64,
    full_at: i64,
}

impl Bucket {
    /// How much is used up, in thousandths.
    fn used(&self, now: i64) -> i64 {
        self.full_at.saturating_sub(now).max(0).saturating_mul(1000) / self.period.max(1)
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
    pub(super) fn take(&self, key: Key, count: &LimitCount<'_>) -> Result<(), u64> {
        let mut buckets = lock(&self.buckets);
        if buckets.len() >= MAX_BUCKETS && !buckets.contains_key(&key) {
            make_room(&mut buckets, count.now);
        }
        let fresh = Bucket { step: count.step, period: count.period, full_at: count.now };
        let bucket = buckets.entry(key).or_insert(fresh);
        // No try moves it on by more than a period: what is later was counted before the clock was set back. Where
        // several processes count together, the clock of one may be behind, and such a count is kept.
        if bucket.full_at > count.now.saturating_add(count.period) {
            bucket.full_at = count.now;
        }
        bucket.full_at = bucket.full_at.max(count.now);
        if bucket.full_at > count.latest() {
            return Err(seconds(count.wait(bucket.full_at)));
        }
        bucket.full_at = bucket.full_at.saturating_add(count.step);
        Ok(())
    }

    pub(super) fn give_back(&self, key: &Key) {
        if let Some(bucket) = lock(&self.buckets).get_mut(key) {
            bucket.full_at = bucket.full_at.saturating_sub(bucket.step);
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
fn make_room(buckets: &mut HashMap<Key, Bucket>, now: i64) {
    buckets.retain(|_, bucket| bucket.full_at > now);
    if buckets.len() < MAX_BUCKETS {
        return;
    }
    let mut used: Vec<i64> = buckets.values().map(|bucket| bucket.used(now)).collect();
    let (_, &mut middle, _) = used.select_nth_unstable(MAX_BUCKETS / 2);
    let mut room = buckets.len() / 4;
    buckets.retain(|_, bucket| {
        let goes = room > 0 && bucket.used(now) <= middle;
        room -= usize::from(goes);
        !goes
    });
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
