use axum_users::{
    DatabaseError, User, UserDatabase, UserModel,
    schema::{Record, Value},
};
use axum_users_sqlx::SqlxOptions;

use crate::{configured, execute, fastapi_users_file, fresh, id, open, record, rows, users};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_creates_of_one_email_in_any_case_one_wins() {
    let (folder, first) = fresh().await;
    // Two pools, as two processes have.
    let second = open(&folder.path().join("data.db"), SqlxOptions::new(), User::schema()).await;
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
    assert_eq!(rows(&first, "SELECT count(*) FROM user").await, ["1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_updates_that_expect_the_same_row_one_wins() {
    let (_folder, database) = fresh().await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn something_is_used_once_however_many_try() {
    let (_folder, database) = fresh().await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_processes_migrate_at_once_and_all_start() {
    for adopted in [false, true] {
        let (_folder, path) = fastapi_users_file();
        if !adopted {
            std::fs::remove_file(&path).unwrap();
        }
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let path = path.clone();
                tokio::spawn(async move {
                    let database = configured(&path, SqlxOptions::new(), User::schema()).await;
                    users::<User>(&database).migrate().await.unwrap();
                    database
                })
            })
            .collect();
        for task in tasks {
            let database = task.await.unwrap();
            assert_eq!(
                rows(&database, "SELECT version FROM axum_users_migration ORDER BY 1").await,
                ["1", "2"]
            );
            assert_eq!(rows(&database, "PRAGMA journal_mode").await, ["wal"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_of_writers_in_two_processes_all_get_their_turn() {
    let (folder, first) = fresh().await;
    let second = open(&folder.path().join("data.db"), SqlxOptions::new(), User::schema()).await;
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
    assert_eq!(rows(&first, "SELECT count(*) FROM user").await, ["150"]);
}

#[tokio::test]
async fn a_write_whose_caller_went_away_leaves_the_database_usable() {
    let (_folder, database) = fresh().await;
    users::<User>(&database).create(record(1, "ada@example.org")).await.unwrap();
    for _ in 0..50 {
        let (users, nobody) = (users::<User>(&database), id(7));
        tokio::select! {
            biased;
            _ = users.delete(&nobody) => {}
            () = tokio::task::yield_now() => {}
        }
    }
    execute(&database, "UPDATE user SET is_active = 0").await;
    assert!(users::<User>(&database).delete(&id(1)).await.unwrap());
}
