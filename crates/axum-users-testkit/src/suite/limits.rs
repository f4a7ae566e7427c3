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
        bench.database().give_limits_back(&[at("count", NOW)]).await.unwrap();
    }
    for _ in 0..5 {
        assert_eq!(take(bench, "count", NOW).await, None);
    }
    bench.database().give_limits_back(&[at("count", NOW)]).await.unwrap();
    assert_eq!(take(bench, "count", NOW).await, None);
    assert_eq!(take(bench, "count", NOW).await, Some(STEP));
}

/// Several at once, each by its own step; one that nothing was taken of stays as it is.
pub(crate) async fn tries_of_several_counts_are_given_back_together<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let names = ["a", "b", "c", "d", "e", "f"];
    for name in &names[..5] {
        for _ in 0..5 {
            assert_eq!(take(bench, name, NOW).await, None, "{name}");
        }
    }
    let mut counts = names.map(|name| at(name, NOW));
    counts[1].step = 2 * STEP;
    bench.database().give_limits_back(&counts[..2]).await.unwrap();
    bench.database().give_limits_back(&counts[1..]).await.unwrap();
    bench.database().give_limits_back(&[]).await.unwrap();
    for (name, left) in names.into_iter().zip([1, 4, 1, 1, 1, 5]) {
        for _ in 0..left {
            assert_eq!(take(bench, name, NOW).await, None, "{name}");
        }
        assert_eq!(take(bench, name, NOW).await, Some(STEP), "{name}");
    }
}

/// Nobody waits for hours because a clock was wrong: such a count has all its tries. One whose clock is a little
/// ahead, as clocks of several machines are, keeps what it counted.
pub(crate) async fn cr_23_a_count_that_a_wrong_clock_left_far_ahead_has_all_its_tries<F: Fixture>(
    bench: &Bench<'_, F>,
) {
    if !has_them(bench) {
        return;
    }
    for _ in 0..5 {
        assert_eq!(take(bench, "count", NOW + 3600 * STEP).await, None);
    }
    for _ in 0..5 {
        assert_eq!(take(bench, "count", NOW).await, None);
    }
    assert_eq!(take(bench, "count", NOW).await, Some(STEP));
    assert_eq!(take(bench, "count", NOW - STEP).await, Some(2 * STEP));
}

/// Each name by itself.
pub(crate) async fn a_note_holds_until_its_moment<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let database = bench.database();
    database.note_limit("known", NOW + PERIOD).await.unwrap();
    let holds = async |name: &str, now| database.limit_holds(name, now).await.unwrap();
    assert!(holds("known", NOW).await && holds("known", NOW + PERIOD - 1).await);
    assert!(!holds("known", NOW + PERIOD).await, "too long");
    assert!(!holds("Known", NOW).await && !holds("unknown", NOW).await);
    database.note_limit("known", NOW + STEP + PERIOD).await.unwrap();
    database.note_limit("other", NOW + 2 * PERIOD).await.unwrap();
    assert!(holds("known", NOW + PERIOD).await, "forgotten early");
}
