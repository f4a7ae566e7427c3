//! Buckets of tries, in memory and bounded.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{LimitCount, key::Key};

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
pub(super) struct Buckets {
    buckets: Mutex<HashMap<Key, Bucket>>,
    known: Mutex<HashMap<Key, Known>>,
}

/// When an owner came in last, and when the shared place was told of it.
#[derive(Clone, Copy, Debug)]
struct Known {
    seen: i64,
    told: Option<i64>,
}

impl Buckets {
    /// Takes one try; `Err` says in how many microseconds there will be one.
    pub(super) fn take(&self, key: Key, count: &LimitCount<'_>) -> Result<(), i64> {
        let mut buckets = lock(&self.buckets);
        if buckets.len() >= MAX_BUCKETS && !buckets.contains_key(&key) {
            make_room(&mut buckets, count.now);
        }
        let full_at = count.take(buckets.get(&key).map(|bucket| bucket.full_at))?;
        buckets.insert(key, Bucket { step: count.step, period: count.period, full_at });
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

    /// Remembers an address; answers when the shared place was told of it.
    pub(super) fn remember(&self, key: Key, now: i64) -> Option<i64> {
        let mut known = lock(&self.known);
        if known.len() >= MAX_KNOWN && !known.contains_key(&key) {
            // The older half goes.
            let mut times: Vec<i64> = known.values().map(|known| known.seen).collect();
            let (_, &mut middle, _) = times.select_nth_unstable(MAX_KNOWN / 2);
            known.retain(|_, known| known.seen > middle);
        }
        let told = known.get(&key).and_then(|known| known.told);
        known.insert(key, Known { seen: now, told });
        told
    }

    /// The shared place was told of an address.
    pub(super) fn was_told(&self, key: &Key, now: i64) {
        if let Some(known) = lock(&self.known).get_mut(key) {
            known.told = Some(now);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::key::{Kind, key};

    const NOW: i64 = 1_800_000_000_000_000;
    const SECOND: i64 = 1_000_000;

    fn account(number: usize) -> Key {
        key(Kind::LoginByAccount, number as u64, None)
    }

    /// Ten tries in 10 seconds.
    fn quick(now: i64) -> LimitCount<'static> {
        LimitCount::new("", SECOND, 10 * SECOND, now)
    }

    /// A hundred tries in 1000 seconds.
    fn slow(now: i64) -> LimitCount<'static> {
        LimitCount::new("", 10 * SECOND, 1000 * SECOND, now)
    }

    fn take(buckets: &Buckets, accounts: std::ops::Range<usize>, tries: usize, count: &LimitCount<'_>) {
        for number in accounts {
            for _ in 0..tries {
                buckets.take(account(number), count).unwrap();
            }
        }
    }

    fn kept(buckets: &Buckets, accounts: std::ops::Range<usize>) -> usize {
        let buckets = lock(&buckets.buckets);
        accounts.filter(|number| buckets.contains_key(&account(*number))).count()
    }

    #[test]
    fn a_flood_of_keys_is_bounded_and_forgets_those_that_would_be_missed_least() {
        let buckets = Buckets::default();
        // By share of what they had: a hundredth, a fiftieth, and half of it used up.
        take(&buckets, 0..10_000, 1, &slow(NOW));
        take(&buckets, 10_000..60_000, 2, &slow(NOW));
        take(&buckets, 60_000..MAX_BUCKETS, 5, &quick(NOW));
        buckets.take(account(0), &slow(NOW)).unwrap();
        assert_eq!(kept(&buckets, 0..MAX_BUCKETS), MAX_BUCKETS, "a known key needs no room");

        buckets.take(account(MAX_BUCKETS), &quick(NOW)).unwrap();

        assert_eq!(kept(&buckets, 0..60_000), 35_000, "a quarter of all went, of the less used half");
        assert_eq!(kept(&buckets, 60_000..MAX_BUCKETS + 1), 40_001, "whoever guessed much is still known");
    }

    #[test]
    fn a_flood_of_keys_forgets_full_buckets_first() {
        let buckets = Buckets::default();
        take(&buckets, 0..MAX_BUCKETS - 1, 1, &quick(NOW));
        take(&buckets, MAX_BUCKETS - 1..MAX_BUCKETS, 2, &quick(NOW));

        buckets.take(account(MAX_BUCKETS), &quick(NOW + SECOND)).unwrap();

        assert_eq!(kept(&buckets, 0..MAX_BUCKETS + 1), 2, "one that is not full yet, and the new one");
        assert_eq!(kept(&buckets, MAX_BUCKETS - 1..MAX_BUCKETS + 1), 2);
    }

    #[test]
    fn a_flood_of_known_addresses_is_bounded_and_forgets_the_older_half() {
        let buckets = Buckets::default();
        for number in 0..MAX_KNOWN {
            buckets.remember(account(number), number as i64);
        }
        buckets.remember(account(0), 0);
        assert!(buckets.is_known(&account(1)), "a known one needs no room");

        buckets.remember(account(MAX_KNOWN), MAX_KNOWN as i64);

        let middle = MAX_KNOWN / 2;
        assert!(!buckets.is_known(&account(0)) && !buckets.is_known(&account(middle)));
        assert!(buckets.is_known(&account(middle + 1)) && buckets.is_known(&account(MAX_KNOWN)));
        assert_eq!(lock(&buckets.known).len(), middle);
    }

    #[test]
    fn a_known_address_remembers_when_the_shared_place_was_told() {
        let buckets = Buckets::default();
        assert_eq!(buckets.remember(account(1), 5), None);
        buckets.was_told(&account(1), 7);
        assert_eq!(buckets.remember(account(1), 9), Some(7));
        assert_eq!(buckets.remember(account(2), 9), None);
    }
}
