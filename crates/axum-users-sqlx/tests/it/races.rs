use axum_users::{
    DatabaseError, User, UserDatabase, UserModel,
    schema::{Record, Value},
};
use axum_users_sqlx::SqlxOptions;

use crate::{
    fastapi_users_file, fresh, id,
    place::{Engine, Place, execute, rows},
    record, users,
};

on_every_engine![
    of_fifty_creates_of_one_email_in_any_case_one_wins,
    of_many_updates_that_expect_the_same_row_one_wins,
    something_is_used_once_however_many_try,
    cr_21_several_processes_migrate_at_once_and_all_start,
    a_crowd_of_writers_in_two_processes_all_get_their_turn,
    a_write_whose_caller_went_away_leaves_the_database_usable,
];

async fn of_fifty_creates_of_one_email_in_any_case_one_wins(engine: Engine) {
    let (place, first) = fresh(engine).await;
    // Two pools, as two processes have.
    let second = place.open(SqlxOptions::new(), User::schema()).await;
    let tasks: Vec<_> = (0..50_u128)
        .map(|number| {
            let database = if number % 2 == 0 { first.clone() } else { second.clone() };
            let email = ["ada@example.org", "Ada@example.org", "ADA@EXAMPLE.ORG"][number as usize % 3];
            tokio::spawn(async move { users::<User>(&database).create(record(number, email)).await })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => won += 1,
            Err(error) => assert!(matches!(error, DatabaseError::EmailTaken), "{error:?}"),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(rows(&first, "SELECT count(*) FROM \"user\"").await, ["1"]);
}

async fn of_many_updates_that_expect_the_same_row_one_wins(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    users::<User>(&database).create(record(1, "ada@example.org")).await.unwrap();
    let tasks: Vec<_> = (0..30)
        .map(|number| {
            let database = database.clone();
            tokio::spawn(async move {
                let expected = Record::new().with("hashed_password", Value::Text("hash".into()));
                let changes = Record::new().with("hashed_password", Value::Text(format!("new {number}")));
                users::<User>(&database).update(&id(1), &expected, &changes).await.unwrap().is_some()
            })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        won += usize::from(task.await.unwrap());
    }
    assert_eq!(won, 1);
}

async fn something_is_used_once_however_many_try(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    let tasks: Vec<_> = (0..30)
        .map(|_| {
            let database = database.clone();
            let (expires_at, now) = (crate::at(100), crate::at(0));
            tokio::spawn(async move {
                users::<User>(&database).use_once("verify", "a", expires_at, now).await.unwrap()
            })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        won += usize::from(task.await.unwrap());
    }
    assert_eq!(won, 1);
}

async fn cr_21_several_processes_migrate_at_once_and_all_start(engine: Engine) {
    let place = Place::new(engine).await;
    migrate_at_once(&place).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_processes_adopt_the_originals_database_at_once_and_all_start() {
    let place = fastapi_users_file().await;
    migrate_at_once(&place).await;
    let database = place.connect(SqlxOptions::new()).await;
    assert_eq!(rows(&database, "PRAGMA journal_mode").await, ["wal"]);
}

pub(crate) async fn migrate_at_once(place: &Place) {
    let mut databases = Vec::new();
    for _ in 0..8 {
        databases.push(place.configured(SqlxOptions::new(), User::schema()).await);
    }
    let tasks: Vec<_> = databases
        .into_iter()
        .map(|database| {
            tokio::spawn(async move {
                users::<User>(&database).migrate().await.unwrap();
                database
            })
        })
        .collect();
    for task in tasks {
        let database = task.await.unwrap();
        let versions = rows(&database, "SELECT version FROM axum_users_migration ORDER BY 1").await;
        assert_eq!(versions, ["1", "2", "3", "4", "5"]);
    }
}

async fn a_crowd_of_writers_in_two_processes_all_get_their_turn(engine: Engine) {
    let (place, first) = fresh(engine).await;
    let second = place.open(SqlxOptions::new(), User::schema()).await;
    let tasks: Vec<_> = (0..200_u128)
        .map(|number| {
            let database = if number % 2 == 0 { first.clone() } else { second.clone() };
            tokio::spawn(async move {
                let users = users::<User>(&database);
                users.create(record(number, &format!("{number}@example.org"))).await.unwrap();
                users.get(&id(number)).await.unwrap().unwrap();
                if number % 4 == 0 {
                    assert!(users.delete(&id(number)).await.unwrap());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(rows(&first, "SELECT count(*) FROM \"user\"").await, ["150"]);
}

async fn a_write_whose_caller_went_away_leaves_the_database_usable(engine: Engine) {
    let (_place, database) = fresh(engine).await;
    users::<User>(&database).create(record(1, "ada@example.org")).await.unwrap();
    for _ in 0..50 {
        let (users, nobody) = (users::<User>(&database), id(7));
        tokio::select! {
            biased;
            _ = users.delete(&nobody) => {}
            () = tokio::task::yield_now() => {}
        }
    }
    execute(&database, "UPDATE \"user\" SET is_active = (1 = 0)").await;
    assert!(users::<User>(&database).delete(&id(1)).await.unwrap());
}
