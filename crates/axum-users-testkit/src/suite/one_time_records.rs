//! What is good once.

use time::Duration;

use crate::{
    Fixture,
    bench::{Bench, skip},
};

fn has_them<F: Fixture>(bench: &Bench<'_, F>) -> bool {
    let has = bench.database().capabilities().one_time_records;
    if !has {
        skip("the adapter has no one-time records");
    }
    has
}

/// `true` the first time, `false` ever after, for each purpose by itself, to the letter.
pub(crate) async fn something_is_used_once<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let (now, later) = (bench.moment(0), bench.moment(0) + Duration::HOUR);
    for (purpose, digest, is_first) in [
        ("verify", "Digest", true),
        ("verify", "Digest", false),
        ("verify", "digest", true),
        ("verify", "Digest ", true),
        ("verify", "D%", true),
        ("reset", "Digest", true),
        ("reset", "Digest", false),
        ("verify", "Digest", false),
    ] {
        let answer = bench.database().use_once(purpose, digest, later, now).await.unwrap();
        assert_eq!(answer, is_first, "{purpose} {digest}");
    }
}

/// The insert decides.
pub(crate) async fn of_thirty_who_use_it_at_once_one_is_the_first<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let (now, later) = (bench.moment(0), bench.moment(0) + Duration::HOUR);
    let answers = bench
        .at_once(
            30,
            |users, _| async move { users.database().use_once("verify", "digest", later, now).await },
        )
        .await;
    assert_eq!(answers.into_iter().filter(|answer| *answer.as_ref().unwrap()).count(), 1);
}

/// The table does not grow for ever, but nothing is forgotten early.
pub(crate) async fn records_are_forgotten_when_they_expired_and_not_before<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let (start, hour) = (bench.moment(0), Duration::HOUR);
    let use_once = async |digest: &str, expires_at, now| {
        bench.database().use_once("verify", digest, expires_at, now).await.unwrap()
    };
    assert!(use_once("short", start + hour, start).await);
    assert!(use_once("long", start + hour * 5, start).await);
    assert!(use_once("other", start + hour * 5, start + hour - Duration::SECOND).await);
    assert!(!use_once("short", start + hour, start + hour - Duration::SECOND).await, "forgotten early");
    assert!(use_once("yet another", start + hour * 5, start + hour * 2).await);
    assert!(use_once("short", start + hour * 5, start + hour * 2).await, "never forgotten");
    assert!(!use_once("short", start + hour * 5, start + hour * 2).await);
    assert!(!use_once("long", start + hour * 5, start + hour * 2).await, "forgotten early");
}
