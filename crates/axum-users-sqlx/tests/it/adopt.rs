#[cfg(any(feature = "postgres", feature = "mysql"))]
mod servers;

use axum_users::{MigrateError, User, UserDatabase, UserModel};
use axum_users_sqlx::{SqlxDatabase, SqlxOptions};

use crate::{
    fastapi_users_file, id,
    place::{Engine, Place, execute, rows},
    record, users,
};

const ORIGINAL_TABLES: &str = "SELECT type, name, sql FROM sqlite_master
    WHERE tbl_name IN ('user', 'oauth_account', 'accesstoken') AND name NOT LIKE 'axum_users_%' ORDER BY name";
const ORIGINAL_ROWS: [&str; 3] = [
    "SELECT * FROM user ORDER BY id",
    "SELECT * FROM oauth_account ORDER BY id",
    "SELECT * FROM accesstoken ORDER BY token",
];

async fn everything(database: &SqlxDatabase) -> Vec<Vec<String>> {
    let mut all = vec![rows(database, ORIGINAL_TABLES).await];
    for sql in ORIGINAL_ROWS {
        all.push(rows(database, sql).await);
    }
    all
}

async fn refusal(database: &SqlxDatabase) -> String {
    match users::<User>(database).migrate().await {
        Err(MigrateError::InTheWay(text)) => text,
        other => panic!("{other:?}"),
    }
}

/// The SQL that a refusal offers.
fn offered_sql(text: &str) -> String {
    text.lines()
        .map(str::trim)
        .filter(|line| line.starts_with("UPDATE") || line.starts_with("DELETE"))
        .collect()
}

#[tokio::test]
async fn the_originals_database_is_served_and_its_tables_and_rows_stay_as_they_are() {
    let place = fastapi_users_file().await;
    let database = place.configured(SqlxOptions::new(), User::schema()).await;
    assert_eq!(
        database.inspect().await.unwrap().to_string(),
        "tables of FastAPI Users with SQLAlchemy and UUIDs, users in `user`: 20 users, 4 OAuth accounts, 6 access tokens"
    );
    let before = everything(&database).await;
    // Alembic or the application may have set it.
    execute(&database, "PRAGMA user_version = 7").await;
    let database = place.open(SqlxOptions::new(), User::schema()).await;
    assert_eq!(everything(&database).await, before);
    assert_eq!(rows(&database, "PRAGMA user_version").await, ["7"]);
    assert!(database.inspect().await.unwrap().to_string().starts_with("tables of axum-users: 20 users"));

    let users = users::<User>(&database);
    assert_eq!(users.list(None, 100).await.unwrap().len(), 20);
    let alice = users.get_by_email("ALICE@example.com").await.unwrap().unwrap();
    assert_eq!((alice.email.as_str(), alice.is_active, alice.is_verified), ("alice@example.com", true, true));
    let token = ["WefgsrEk0yYyozQmNEsSlzmdAVZCBLLk3Sk2kAfKy2Q".to_owned()];
    let (user, session) = users.user_by_access_token(&token, None).await.unwrap().unwrap();
    assert_eq!((user.id, session.created_at.microsecond()), (alice.id, 123_456));
}

#[tokio::test]
async fn rows_that_python_inserts_afterwards_are_served() {
    let place = fastapi_users_file().await;
    let database = place.open(SqlxOptions::new().side_by_side(true), User::schema()).await;
    // The statements of SQLAlchemy's adapter, which name the columns that it knows.
    execute(
        &database,
        "INSERT INTO user (id, email, hashed_password, is_active, is_superuser, is_verified)
            VALUES ('10000000-0000-4000-8000-000000000001', 'New@example.com', 'h', 1, 0, 0);
         INSERT INTO accesstoken (user_id, token, created_at)
            VALUES ('10000000-0000-4000-8000-000000000001', 'fresh', '2026-11-23 10:00:00.000000')",
    )
    .await;
    let users = users::<User>(&database);
    assert!(users.get_by_email("new@example.com").await.unwrap().is_some());
    assert!(users.user_by_access_token(&["fresh".to_owned()], None).await.unwrap().is_some());
}

#[tokio::test]
async fn tortoises_tables_are_served_by_their_names() {
    let place = Place::new(Engine::Sqlite).await;
    let bare = place.connect(SqlxOptions::new()).await;
    execute(&bare, include_str!("../data/ddl-tortoise-sqlite.sql")).await;
    execute(
        &bare,
        &format!(
            "INSERT INTO usermodel VALUES ('{0}', 'ada@example.org', 'h', 1, 0, 1);
             INSERT INTO accesstokenmodel VALUES ('t', '2026-11-23 10:00:00+00:00', '{0}');",
            id(1)
        ),
    )
    .await;
    assert_eq!(
        bare.inspect().await.unwrap().to_string(),
        "tables of FastAPI Users with Tortoise ORM and UUIDs, users in `usermodel`: 1 users, 0 OAuth accounts, 1 access tokens"
    );
    let options = SqlxOptions::new()
        .user_table("usermodel")
        .oauth_account_table("oauthaccountmodel")
        .access_token_table("accesstokenmodel");
    let database = place.open(options, User::schema()).await;
    let users = users::<User>(&database);
    assert!(users.get_by_email("ADA@example.org").await.unwrap().unwrap().is_verified);
    let (user, session) = users.user_by_access_token(&["t".to_owned()], None).await.unwrap().unwrap();
    assert_eq!((user.id, session.created_at.unix_timestamp()), (id(1), 1_795_428_000));
    users.create(record(2, "bob@example.org")).await.unwrap();
    let error = users.create(record(3, "BOB@example.org")).await.unwrap_err();
    assert!(matches!(error, axum_users::DatabaseError::EmailTaken));
}

#[tokio::test]
async fn emails_that_differ_by_case_alone_stop_it_and_the_offered_sql_mends_them() {
    let place = fastapi_users_file().await;
    let database = place.configured(SqlxOptions::new(), User::schema()).await;
    for (number, email) in [(1, "It''s@example.org"), (2, "it''s@example.org"), (3, "ALICE@example.com")] {
        let row = format!("INSERT INTO user VALUES ('{}', '{email}', 'h', 1, 0, 0)", id(number));
        execute(&database, &row).await;
    }
    let before = everything(&database).await;
    let text = refusal(&database).await;
    assert_eq!(
        text,
        r#"2 e-mail addresses in `user` belong to several users, differing by capitals alone. Nothing was changed. Give all but one user of each another address (one that nobody can own), for example:
  -- "alice@example.com", id '00000000-0000-4000-8000-000000000001', keeps
  -- "ALICE@example.com", id '00000000-0000-0000-0000-000000000003', yields
  UPDATE "user" SET "email" = "email" || '.' || "id" || '.invalid' WHERE "id" = '00000000-0000-0000-0000-000000000003';
  -- "It's@example.org", id '00000000-0000-0000-0000-000000000001', keeps
  -- "it's@example.org", id '00000000-0000-0000-0000-000000000002', yields
  UPDATE "user" SET "email" = "email" || '.' || "id" || '.invalid' WHERE "id" = '00000000-0000-0000-0000-000000000002';"#
    );
    assert_eq!(everything(&database).await, before);
    assert_eq!(
        rows(&database, "SELECT name FROM sqlite_master WHERE name LIKE 'axum_users_%'").await,
        [""; 0]
    );
    execute(&database, &offered_sql(&text)).await;
    users::<User>(&database).migrate().await.unwrap();
}

#[tokio::test]
async fn a_long_list_of_shared_emails_is_cut() {
    let place = fastapi_users_file().await;
    let database = place.configured(SqlxOptions::new(), User::schema()).await;
    for number in 0..25_u128 {
        let (lower, upper) = (id(number * 2 + 1), id(number * 2 + 2));
        let row = format!(
            "INSERT INTO user VALUES ('{lower}', 'a{number}@b.org', 'h', 1, 0, 0), ('{upper}', 'A{number}@b.org', 'h', 1, 0, 0)"
        );
        execute(&database, &row).await;
    }
    let text = refusal(&database).await;
    assert!(text.starts_with("25 e-mail addresses") && text.ends_with("-- and 15 more"), "{text}");
    assert_eq!(text.matches("UPDATE").count(), 10);
}

const ACCOUNT: &str =
    "INSERT INTO oauth_account (id, user_id, oauth_name, access_token, account_id, account_email)";

#[tokio::test]
async fn an_account_of_a_provider_that_two_users_have_stops_it() {
    for side_by_side in [false, true] {
        let place = fastapi_users_file().await;
        let options = SqlxOptions::new().side_by_side(side_by_side);
        let database = place.configured(options, User::schema()).await;
        let users_of = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"];
        for user in users_of {
            execute(&database, &format!("{ACCOUNT} VALUES ('x{user}', '{user}', 'github', 't', '42', 'e')"))
                .await;
        }
        let before = everything(&database).await;
        let text = refusal(&database).await;
        assert_eq!(
            text,
            r#"1 accounts of providers in `oauth_account` belong to several users. Nothing was changed. Leave each with the one user whose account it is, for example:
  -- "github 42": user 00000000-0000-4000-8000-000000000001 keeps it
  -- "github 42": user 00000000-0000-4000-8000-000000000002 loses it
  DELETE FROM "oauth_account" WHERE "id" = 'x00000000-0000-4000-8000-000000000002';"#
        );
        assert_eq!(everything(&database).await, before);
        execute(&database, &offered_sql(&text)).await;
        users::<User>(&database).migrate().await.unwrap();
    }
}

#[tokio::test]
async fn provider_accounts_become_unique_unless_python_still_writes_or_repeated_them() {
    let index = "SELECT count(*) FROM sqlite_master WHERE name = 'axum_users_oauth_account_account'";
    let user = "00000000-0000-4000-8000-000000000001";
    for (side_by_side, repeated, expected) in [(false, false, "1"), (true, false, "0"), (false, true, "0")] {
        let place = fastapi_users_file().await;
        let options = || SqlxOptions::new().side_by_side(side_by_side);
        let database = place.configured(options(), User::schema()).await;
        for row in if repeated { vec!["x", "y"] } else { vec![] } {
            execute(&database, &format!("{ACCOUNT} VALUES ('{row}', '{user}', 'github', 't', '42', 'e')"))
                .await;
        }
        users::<User>(&database).migrate().await.unwrap();
        assert_eq!(rows(&database, index).await, [expected], "{side_by_side} {repeated}");
        // What stood in the way is gone, and Python too.
        execute(&database, "DELETE FROM oauth_account WHERE id = 'y'").await;
        let database = place.open(SqlxOptions::new(), User::schema()).await;
        assert_eq!(rows(&database, index).await, ["1"]);
    }
}

#[tokio::test]
async fn an_adopted_database_side_by_side_starts_again_whatever_python_linked_meanwhile() {
    let place = fastapi_users_file().await;
    let options = || SqlxOptions::new().side_by_side(true);
    let database = place.open(options(), User::schema()).await;
    for user in ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"] {
        execute(&database, &format!("{ACCOUNT} VALUES ('x{user}', '{user}', 'github', 't', '42', 'e')"))
            .await;
    }
    place.open(options(), User::schema()).await;
    let alone = place.configured(SqlxOptions::new(), User::schema()).await;
    assert!(refusal(&alone).await.starts_with("1 accounts of providers"));
}
