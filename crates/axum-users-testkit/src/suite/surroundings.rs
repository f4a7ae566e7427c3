//! Other programs in the same tables, and a database that goes away for a while. The fixture has to offer it.

use std::time::Duration;

use axum_users::{
    DatabaseError, UserModel,
    schema::{Record, Value},
};
use tokio::time::{sleep, timeout};

use crate::{
    Fixture,
    bench::{Bench, only, skip},
};

/// Long enough for any machine; it only keeps a hanging adapter from hanging the suite.
const PATIENCE: Duration = Duration::from_secs(60);

/// Rows with columns or fields of another program are read, and are written without touching those.
pub(crate) async fn what_the_model_does_not_know_is_left_alone<F: Fixture>(bench: &Bench<'_, F>) {
    let ada = bench.add("ada@example.org").await;
    if !bench.fixture.add_unknown_column().await {
        return skip("the fixture adds no unknown column");
    }
    let bob = bench.add("bob@example.org").await;
    bench.assert_unchanged(&ada).await;
    bench.assert_unchanged(&bob).await;
    bench.users.migrate().await.unwrap();
    let changes = only("is_verified", Value::Bool(true)).with("hashed_password", Value::Text("new".into()));
    let updated = bench.database().update(ada.id(), &Record::new(), &changes).await.unwrap().unwrap();
    bench.assert_has(&updated, &changes);
    let found = bench.database().get_by_email("ADA@example.org").await.unwrap().unwrap();
    bench.assert_same(&found, &updated);
    assert_eq!(bench.fixture.unknown_column().await, [Some("kept".to_owned()), None]);
}

/// Every call says so, in time, and the same adapter works again afterwards.
pub(crate) async fn a_lost_connection_is_unavailable_until_it_heals<F: Fixture>(bench: &Bench<'_, F>) {
    let ada = bench.add("ada@example.org").await;
    if !bench.fixture.cut().await {
        return skip("the fixture cannot cut the connection");
    }
    let (database, changes) = (bench.database(), only("is_active", Value::Bool(false)));
    for round in 0..2 {
        assert_unavailable("ping", round, database.ping()).await;
        assert_unavailable("get", round, database.get(ada.id())).await;
        assert_unavailable("get_by_email", round, database.get_by_email("ada@example.org")).await;
        assert_unavailable("create", round, database.create(bench.record("bob@example.org"))).await;
        assert_unavailable("update", round, database.update(ada.id(), &Record::new(), &changes)).await;
        assert_unavailable("delete", round, database.delete(ada.id())).await;
    }
    bench.fixture.heal().await;
    healthy(|| database.ping()).await;
    bench.assert_same(&healthy(|| database.get(ada.id())).await.expect("the user is still there"), &ada);
    assert!(healthy(|| database.get_by_email("bob@example.org")).await.is_none());
    let nothing = Record::new();
    assert!(healthy(|| database.update(ada.id(), &nothing, &changes)).await.is_some());
    bench.add("bob@example.org").await;
}

/// Whatever was under way either was done, as its answer says, or can be done afterwards.
pub(crate) async fn what_was_answered_before_the_connection_was_lost_is_kept<F: Fixture>(
    bench: &Bench<'_, F>,
) {
    let records: Vec<_> = (0..40).map(|number| bench.record(&format!("{number}@example.org"))).collect();
    let creating = bench.at_once(40, |users, number| {
        let record = records[number].clone();
        async move {
            let answer = timeout(PATIENCE, users.database().create(record)).await;
            answer.expect("an answer in time").map(|user| user.email().to_owned())
        }
    });
    let (answers, was_cut) = tokio::join!(creating, bench.fixture.cut());
    if !was_cut {
        return skip("the fixture cannot cut the connection");
    }
    bench.fixture.heal().await;
    healthy(|| bench.database().ping()).await;
    for (number, answer) in answers.into_iter().enumerate() {
        let email = format!("{number}@example.org");
        let found = healthy(|| bench.database().get_by_email(&email)).await;
        match answer {
            Ok(_) => assert!(found.is_some(), "{email} was promised and is not kept"),
            Err(DatabaseError::Unavailable(_)) if found.is_none() => {
                bench.add(&email).await;
            }
            Err(DatabaseError::Unavailable(_)) => {}
            Err(error) => panic!("{error:?} instead of Unavailable"),
        }
    }
}

async fn assert_unavailable<T>(
    what: &str,
    round: usize,
    call: impl Future<Output = Result<T, DatabaseError>>,
) {
    match timeout(PATIENCE, call).await {
        Ok(Err(DatabaseError::Unavailable(_))) => {}
        Ok(Err(error)) => panic!("{what}, {round}: {error:?} instead of Unavailable"),
        Ok(Ok(_)) => panic!("{what}, {round}: an answer without a database"),
        Err(_) => panic!("{what}, {round}: no answer in {PATIENCE:?}"),
    }
}

/// The answer, once the adapter has found its database again.
async fn healthy<T, Call>(call: impl Fn() -> Call) -> T
where
    Call: Future<Output = Result<T, DatabaseError>>,
{
    let retrying = async {
        loop {
            match call().await {
                Err(DatabaseError::Unavailable(_)) => sleep(Duration::from_millis(20)).await,
                answer => return answer.unwrap(),
            }
        }
    };
    timeout(PATIENCE, retrying).await.expect("the adapter heals without a restart")
}
