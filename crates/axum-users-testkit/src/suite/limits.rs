//! Counts of tries that several processes share.

use axum_users::LimitCount;

use crate::{
    Fixture,
    bench::{Bench, skip},
};

/// In microseconds: a try comes back each second, and there are five.
const STEP: i64 = 1_000_000;
const PERIOD: i64 = 5 * STEP;

/// The present.
const NOW: i64 = 1_800_000_000 * STEP;

fn has_them<F: Fixture>(bench: &Bench<'_, F>) -> bool {
    let has = bench.database().capabilities().limits;
    if !has {
        skip("the adapter has no limits");
    }
    has
}

fn at(name: &str, now: i64) -> LimitCount<'_> {
    LimitCount::new(name, STEP, PERIOD, now)
}

async fn take<F: Fixture>(bench: &Bench<'_, F>, name: &str, now: i64) -> Option<i64> {
    bench.database().take_limit(&at(name, now)).await.unwrap()
}

/// They come back one by one, and counts of different names know nothing of each other.
pub(crate) async fn li_20_a_count_lets_so_many_through_and_says_when_there_is_one_more<F: Fixture>(
    bench: &Bench<'_, F>,
) {
    if !has_them(bench) {
        return;
    }
    for name in ["login-account:a:", "login-account:A:", "login-account:a:192.0.2.1"] {
        for _ in 0..5 {
            assert_eq!(take(bench, name, NOW).await, None, "{name}");
        }
        assert_eq!(take(bench, name, NOW).await, Some(STEP), "{name}");
        assert_eq!(take(bench, name, NOW + STEP / 4).await, Some(STEP * 3 / 4));
        assert_eq!(take(bench, name, NOW + STEP).await, None);
        assert_eq!(take(bench, name, NOW + STEP).await, Some(STEP));
        for _ in 0..5 {
            assert_eq!(
                take(bench, name, NOW + STEP + PERIOD).await,
                None,
                "full again, and no more than full"
            );
        }
        assert!(take(bench, name, NOW + STEP + PERIOD).await.is_some());
    }
}

/// Tries at the same instant do not outrun the count.
pub(crate) async fn li_20_of_thirty_tries_at_once_no_more_are_let_through_than_there_are<F: Fixture>(
    bench: &Bench<'_, F>,
) {
    if !has_them(bench) {
        return;
    }
    for round in 0..3 {
        let now = NOW + round * PERIOD;
        let answers = bench
            .at_once(30, |users, _| async move { users.database().take_limit(&at("count", now)).await })
            .await;
        let through = answers.into_iter().filter(|answer| answer.as_ref().unwrap().is_none()).count();
        assert_eq!(through, 5, "round {round}");
    }
}

/// A success costs nothing.
pub(crate) async fn a_try_that_is_given_back_is_there_again<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    for _ in 0..20 {
        assert_eq!(take(bench, "count", NOW).await, None);
        bench.database().give_limit_back(&at("count", NOW)).await.unwrap();
    }
    for _ in 0..5 {
        assert_eq!(take(bench, "count", NOW).await, None);
    }
    bench.database().give_limit_back(&at("count", NOW)).await.unwrap();
    assert_eq!(take(bench, "count", NOW).await, None);
    assert_eq!(take(bench, "count", NOW).await, Some(STEP));
}

/// Nobody waits for hours because one machine's clock was wrong.
pub(crate) async fn a_count_that_somebodys_clock_set_ahead_is_a_period_ahead<F: Fixture>(
    bench: &Bench<'_, F>,
) {
    if !has_them(bench) {
        return;
    }
    let ahead = NOW + 3600 * STEP;
    assert_eq!(take(bench, "count", ahead).await, None);
    assert_eq!(take(bench, "count", NOW).await, Some(STEP));
    assert_eq!(take(bench, "count", NOW + STEP).await, None);
}

/// Each name by itself.
pub(crate) async fn a_note_holds_until_its_moment<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let database = bench.database();
    database.note_limit("known", NOW, NOW + PERIOD).await.unwrap();
    let holds = async |name: &str, now| database.limit_holds(name, now).await.unwrap();
    assert!(holds("known", NOW).await && holds("known", NOW + PERIOD - 1).await);
    assert!(!holds("known", NOW + PERIOD).await, "too long");
    assert!(!holds("Known", NOW).await && !holds("unknown", NOW).await);
    database.note_limit("known", NOW + STEP, NOW + STEP + PERIOD).await.unwrap();
    database.note_limit("other", NOW + PERIOD, NOW + 2 * PERIOD).await.unwrap();
    assert!(holds("known", NOW + PERIOD).await, "forgotten early");
}
