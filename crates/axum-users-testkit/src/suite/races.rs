//! Many at once. Where the fixture has a second adapter, every other task goes through it.

use axum_users::{
    DatabaseError, UserModel,
    schema::{Record, Value},
};

use crate::{
    Fixture,
    bench::{Bench, assert_email_taken, only, text},
};

const SPELLINGS: [&str; 3] = ["ada@example.org", "Ada@Example.org", "ADA@EXAMPLE.ORG"];

/// The unique constraint decides.
pub(crate) async fn of_fifty_creates_of_one_email_one_wins<F: Fixture>(bench: &Bench<'_, F>) {
    let records: Vec<_> = (0..50).map(|number| bench.record(SPELLINGS[number % 3])).collect();
    let answers = bench
        .at_once(50, |users, number| {
            let record = records[number].clone();
            async move { users.database().create(record).await }
        })
        .await;
    let winner = the_one_winner(answers);
    bench.assert_unchanged(&winner).await;
    for email in SPELLINGS {
        bench.assert_same(&bench.database().get_by_email(email).await.unwrap().unwrap(), &winner);
    }
}

/// The others keep the address they had.
pub(crate) async fn of_twenty_updates_to_one_email_one_wins<F: Fixture>(bench: &Bench<'_, F>) {
    let mut before = Vec::new();
    for number in 0..20 {
        before.push(bench.add(&format!("{number}@example.org")).await);
    }
    let answers = bench
        .at_once(20, |users, number| {
            let (id, changes) = (before[number].id().clone(), only("email", text(SPELLINGS[number % 3])));
            async move { users.database().update(&id, &Record::new(), &changes).await }
        })
        .await;
    let winner = the_one_winner(answers).expect("the user was there");
    for user in before.iter().filter(|user| user.id() != winner.id()) {
        bench.assert_unchanged(user).await;
    }
    bench.assert_unchanged(&winner).await;
}

#[track_caller]
fn the_one_winner<T>(answers: Vec<Result<T, DatabaseError>>) -> T {
    let mut winners = Vec::new();
    for answer in answers {
        match answer {
            Ok(winner) => winners.push(winner),
            other => assert_email_taken(other, "one of many at once"),
        }
    }
    assert_eq!(winners.len(), 1, "one wins");
    winners.remove(0)
}

/// Compare and set is one step.
pub(crate) async fn of_thirty_updates_that_expect_the_same_one_wins<F: Fixture>(bench: &Bench<'_, F>) {
    let ada = bench.add("ada@example.org").await;
    let answers = bench
        .at_once(30, |users, number| {
            let id = ada.id().clone();
            async move {
                let expected = only("hashed_password", text("$argon2id$hash"));
                let changes = only("hashed_password", Value::Text(format!("hash {number}")));
                users.database().update(&id, &expected, &changes).await
            }
        })
        .await;
    let winners: Vec<_> = answers.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(winners.len(), 1, "one wins");
    bench.assert_unchanged(&winners[0]).await;
}

/// Updates of different columns do not overwrite one another.
pub(crate) async fn updates_of_different_columns_all_hold<F: Fixture>(bench: &Bench<'_, F>) {
    let ada = bench.add("ada@example.org").await;
    let changes = [
        only("email", text("countess@example.org")),
        only("hashed_password", text("another hash")),
        only("is_active", Value::Bool(false)),
        only("is_superuser", Value::Bool(true)),
        only("is_verified", Value::Bool(true)),
    ];
    let answers = bench
        .at_once(changes.len(), |users, number| {
            let (id, changes) = (ada.id().clone(), changes[number].clone());
            async move { users.database().update(&id, &Record::new(), &changes).await }
        })
        .await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().is_some()));
    let after = bench.get(ada.id()).await;
    for changes in &changes {
        bench.assert_has(&after, changes);
    }
}

/// Nobody who was deleted comes back, and one of many deletes says that it was the one.
pub(crate) async fn an_update_never_brings_a_deleted_user_back<F: Fixture>(bench: &Bench<'_, F>) {
    for round in 0..5 {
        let ada = bench.add("ada@example.org").await;
        let deleted = bench
            .at_once(12, |users, number| {
                let id = ada.id().clone();
                async move {
                    if number % 4 == round % 4 {
                        return users.database().delete(&id).await.unwrap();
                    }
                    let changes = only("hashed_password", Value::Text(format!("hash {number}")));
                    users.database().update(&id, &Record::new(), &changes).await.unwrap();
                    false
                }
            })
            .await;
        assert_eq!(deleted.into_iter().filter(|deleted| *deleted).count(), 1);
        assert!(bench.database().get(ada.id()).await.unwrap().is_none());
        assert!(bench.database().get_by_email("ada@example.org").await.unwrap().is_none());
    }
}

/// Reading goes on while others write, and sees users whole.
pub(crate) async fn readers_see_whole_users_while_others_write<F: Fixture>(bench: &Bench<'_, F>) {
    let ada = bench.add("ada@example.org").await;
    bench
        .at_once(16, |users, number| {
            let id = ada.id().clone();
            async move {
                for step in 0..10 {
                    let is_verified = step % 2 == 0;
                    let hash = text(if is_verified { "verified" } else { "not verified" });
                    let changes = only("is_verified", Value::Bool(is_verified)).with("hashed_password", hash);
                    if number < 4 {
                        users.database().update(&id, &Record::new(), &changes).await.unwrap().unwrap();
                        continue;
                    }
                    let user = users.database().get(&id).await.unwrap().unwrap();
                    let whole = match user.hashed_password() {
                        "verified" => user.is_verified(),
                        _ => !user.is_verified(),
                    };
                    assert!(whole, "half of an update was seen");
                }
            }
        })
        .await;
}
