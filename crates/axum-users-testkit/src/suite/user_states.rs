//! What is kept of a user beside the user table.

use axum_users::{
    ColumnValue, UserModel, UserState,
    schema::{Record, Value},
};

use crate::{
    Fixture,
    bench::{Bench, only, skip},
};

fn has_them<F: Fixture>(bench: &Bench<'_, F>) -> bool {
    let has = bench.database().capabilities().user_states;
    if !has {
        skip("the adapter has no user states");
    }
    has
}

async fn assert_state<F: Fixture>(bench: &Bench<'_, F>, user: &F::User, expected: UserState) {
    let (found, state) =
        bench.database().get_with_state(user.id()).await.unwrap().expect("the user is there");
    bench.assert_same(&found, user);
    assert_eq!(state, expected);
}

/// A user of whom nothing was kept, as those that Python made, has the default; nobody has none.
pub(crate) async fn the_state_of_a_user_is_the_default_at_first<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let ada = bench.add("ada@example.org").await;
    assert_state(bench, &ada, UserState::default()).await;
    let deleted = bench.deleted_id().await;
    assert!(bench.database().get_with_state(&deleted).await.unwrap().is_none());
}

/// In place of what was kept, for one user, and the user table has no part in it.
pub(crate) async fn a_state_is_kept_in_place_of_the_one_before<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let (ada, bob) = (bench.add("ada@example.org").await, bench.add("bob@example.org").await);
    let moments = [None, Some(bench.moment(1)), Some(bench.moment(123)), None];
    for not_before in moments {
        for password_is_generated in [true, false, true] {
            let mut state = UserState::default();
            (state.not_before, state.password_is_generated) = (not_before, password_is_generated);
            for _ in 0..2 {
                bench.database().set_user_state(ada.id(), state).await.unwrap();
                assert_state(bench, &ada, state).await;
            }
        }
    }
    assert_state(bench, &bob, UserState::default()).await;
    let changes = only("is_verified", Value::Bool(true));
    let updated = bench.database().update(ada.id(), &Record::new(), &changes).await.unwrap().unwrap();
    let state = UserState { not_before: None, password_is_generated: true };
    assert_state(bench, &updated, state).await;
}

/// One of them is kept, and none fails for another.
pub(crate) async fn states_that_are_set_at_once_all_succeed<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let ada = bench.add("ada@example.org").await;
    let state = UserState { not_before: Some(bench.moment(7)), password_is_generated: true };
    let answers = bench
        .at_once(20, |users, _| {
            let id = ada.id().clone();
            async move { users.database().set_user_state(&id, state).await }
        })
        .await;
    answers.into_iter().for_each(Result::unwrap);
    assert_state(bench, &ada, state).await;
}

/// Whoever comes next has the default, even where the database gives an id again.
pub(crate) async fn a_deleted_users_state_is_gone<F: Fixture>(bench: &Bench<'_, F>) {
    if !has_them(bench) {
        return;
    }
    let ada = bench.add("ada@example.org").await;
    let state = UserState { not_before: Some(bench.moment(7)), password_is_generated: true };
    bench.database().set_user_state(ada.id(), state).await.unwrap();
    bench.database().delete(ada.id()).await.unwrap();
    assert!(bench.database().get_with_state(ada.id()).await.unwrap().is_none());
    // However the adapter answers the attempt.
    let _ = bench.database().set_user_state(ada.id(), state).await;
    assert!(bench.database().get_with_state(ada.id()).await.unwrap().is_none());
    let mut again = bench.record("ada@example.org");
    if again.get("id").is_some() {
        again.set("id", ada.id().clone().into_value());
    }
    let next = bench.database().create(again).await.unwrap();
    assert_state(bench, &next, UserState::default()).await;
}
