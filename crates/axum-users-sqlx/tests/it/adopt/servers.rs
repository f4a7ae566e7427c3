//! Adopting the tables of FastAPI Users on servers: both of its SQL adapters' layouts, and what stops it.

use axum_users::{DatabaseError, NewOAuthAccount, User, UserDatabase, UserModel};
use axum_users_sqlx::{SqlxDatabase, SqlxOptions};

use super::{offered_sql, refusal};
#[cfg(all(feature = "postgres", feature = "mysql"))]
use crate::throwaway::Throwaway;
use crate::{
    at, id,
    migrate::servers::{ORIGINAL, catalog},
    place::{Engine, Place, execute, rows},
    record, users,
};

on_every_server![
    sqlalchemys_tables_are_served_and_only_their_widths_change,
    rows_that_python_inserts_afterwards_are_served,
    tortoises_tables_are_served_by_their_names,
    cr_21_several_processes_adopt_at_once_and_all_start,
    emails_that_differ_by_case_alone_stop_it_and_the_offered_sql_mends_them,
    an_account_of_a_provider_that_two_users_have_stops_it,
    provider_accounts_become_unique_unless_python_still_writes_or_repeated_them,
    what_cannot_be_widened_stays_narrow_and_is_served,
    columns_of_postgresql_keep_their_types_until_python_has_gone,
    a_login_by_a_provider_never_fails_for_a_narrow_table,
    a_user_who_may_not_alter_tables_serves_them_as_they_are,
];

const TORTOISE: [&str; 2] = [
    include_str!("../../data/ddl-tortoise-postgresql.sql"),
    include_str!("../../data/ddl-tortoise-mysql.sql"),
];

const USERS: &str = "SELECT * FROM \"user\" ORDER BY id";
const ACCOUNTS: &str = "SELECT * FROM oauth_account ORDER BY id";
const TOKEN: &str = "WefgsrEk0yYyozQmNEsSlzmdAVZCBLLk3Sk2kAfKy2Q";

async fn original(engine: Engine, options: SqlxOptions) -> (Place, SqlxDatabase) {
    let place = Place::new(engine).await;
    let database = place.configured(options, User::schema()).await;
    execute(&database, engine.pick("", ORIGINAL[0], ORIGINAL[1])).await;
    for (number, email) in [(1, "Ada@example.org"), (2, "bob@example.org")] {
        insert_user(&database, engine, number, email).await;
    }
    let rows = format!(
        "INSERT INTO oauth_account VALUES ('{0}', '{1}', 'google', 'access', 1795428000, NULL, 'Ab1', 'ada@google.test');
         INSERT INTO accesstoken VALUES ('{1}', '{TOKEN}', '2026-11-23 10:00:00');",
        id(11),
        id(1)
    );
    execute(&database, &rows).await;
    (place, database)
}

/// As SQLAlchemy's adapter does it.
async fn insert_user(database: &SqlxDatabase, engine: Engine, number: u128, email: &str) {
    let (yes, no) = engine.pick(("", ""), ("true", "false"), ("1", "0"));
    let insert = format!(
        "INSERT INTO \"user\" (id, email, hashed_password, is_active, is_superuser, is_verified)
         VALUES ('{}', '{email}', 'h', {yes}, {no}, {yes})",
        id(number)
    );
    execute(database, &insert).await;
}

async fn insert_account(database: &SqlxDatabase, row: u128, user: u128, account_id: &str) {
    let insert = format!(
        "INSERT INTO oauth_account (id, user_id, oauth_name, access_token, account_id, account_email)
         VALUES ('{}', '{}', 'github', 't', '{account_id}', 'e')",
        id(row),
        id(user)
    );
    execute(database, &insert).await;
}

async fn sqlalchemys_tables_are_served_and_only_their_widths_change(engine: Engine) {
    let (_place, database) = original(engine, SqlxOptions::new()).await;
    assert_eq!(
        database.inspect().await.unwrap().to_string(),
        "tables of FastAPI Users with SQLAlchemy and UUIDs, users in `user`: 2 users, 1 OAuth accounts, 1 access tokens"
    );
    let before = (rows(&database, USERS).await, rows(&database, ACCOUNTS).await);
    let columns = catalog(&database, engine).await;
    users::<User>(&database).migrate().await.unwrap();
    assert_eq!((rows(&database, USERS).await, rows(&database, ACCOUNTS).await), before);
    let mut changed = catalog(&database, engine).await;
    changed.retain(|line| !columns.contains(line));
    assert_eq!(
        changed,
        engine.pick(
            vec![],
            vec![
                "oauth_account.access_token text null NO",
                "oauth_account.expires_at int8 null YES",
                "oauth_account.refresh_token text null YES",
            ],
            vec![
                "accesstoken.created_at datetime(6) null NO",
                "oauth_account.access_token text null NO",
                "oauth_account.expires_at bigint(20) null YES default NULL",
                "oauth_account.refresh_token text null YES default NULL",
            ],
        )
    );
    assert!(database.inspect().await.unwrap().to_string().starts_with("tables of axum-users: 2 users"));

    let users = users::<User>(&database);
    let ada = users.get_by_email("ADA@example.org").await.unwrap().unwrap();
    assert_eq!((ada.id, ada.email.as_str(), ada.is_verified), (id(1), "Ada@example.org", true));
    let (user, session) = users.user_by_access_token(&[TOKEN.to_owned()], None).await.unwrap().unwrap();
    assert_eq!((user.id, session.created_at), (id(1), at(1_795_428_000)));
    assert_eq!(users.user_by_oauth_account("google", "Ab1").await.unwrap().unwrap().id, id(1));
    assert_eq!(users.user_by_oauth_account("google", "ab1").await.unwrap(), None);
    let error = users.create(record(3, "ADA@Example.org")).await.unwrap_err();
    assert!(matches!(error, DatabaseError::EmailTaken), "{error:?}");
    assert!(users.delete(&id(1)).await.unwrap());
    assert_eq!(rows(&database, "SELECT count(*) FROM accesstoken").await, ["0"]);
}

async fn rows_that_python_inserts_afterwards_are_served(engine: Engine) {
    let (place, _database) = original(engine, SqlxOptions::new()).await;
    let database = place.open(SqlxOptions::new().side_by_side(true), User::schema()).await;
    insert_user(&database, engine, 3, "New@example.org").await;
    let token = format!(
        "INSERT INTO accesstoken (user_id, token, created_at) VALUES ('{}', 'fresh', '2026-11-23 10:00:00')",
        id(3)
    );
    execute(&database, &token).await;
    // Python links an account once more at each login, and nothing is in its way.
    insert_account(&database, 12, 3, "7").await;
    insert_account(&database, 13, 3, "7").await;
    let users = users::<User>(&database);
    assert_eq!(users.get_by_email("new@example.org").await.unwrap().unwrap().id, id(3));
    assert!(users.user_by_access_token(&["fresh".to_owned()], None).await.unwrap().is_some());
    assert_eq!(users.user_by_oauth_account("github", "7").await.unwrap().unwrap().id, id(3));
}

/// Another type makes the plans invalid that asyncpg keeps: Python would answer 500.
async fn columns_of_postgresql_keep_their_types_until_python_has_gone(engine: Engine) {
    let (place, _database) = original(engine, SqlxOptions::new().side_by_side(true)).await;
    let (name, schema) = engine.pick(
        ("", ""),
        ("data_type::text", "current_schema()"),
        ("CAST(data_type AS CHAR)", "DATABASE()"),
    );
    let declared = format!(
        "SELECT {name} FROM information_schema.columns \
         WHERE table_schema = {schema} AND table_name = 'oauth_account' AND column_name = 'expires_at'"
    );
    let database = place.open(SqlxOptions::new().side_by_side(true), User::schema()).await;
    assert_eq!(rows(&database, &declared).await, [engine.pick("", "integer", "bigint")]);
    let database = place.open(SqlxOptions::new(), User::schema()).await;
    assert_eq!(rows(&database, &declared).await, ["bigint"]);
}

async fn tortoises_tables_are_served_by_their_names(engine: Engine) {
    let place = Place::new(engine).await;
    let bare = place.connect(SqlxOptions::new()).await;
    execute(&bare, engine.pick("", TORTOISE[0], TORTOISE[1])).await;
    let yes = engine.pick("", "true", "1");
    let insert = format!(
        "INSERT INTO usermodel VALUES ('{0}', 'ada@example.org', 'h', {yes}, {yes}, {yes});
         INSERT INTO accesstokenmodel VALUES ('t', '2026-11-23 10:00:00', '{0}');
         INSERT INTO oauthaccountmodel VALUES ('{1}', 'google', 'access', 1795428000, NULL, '1', 'ada@google.test', '{0}')",
        id(1),
        id(11)
    );
    execute(&bare, &insert).await;
    assert_eq!(
        bare.inspect().await.unwrap().to_string(),
        "tables of FastAPI Users with Tortoise ORM and UUIDs, users in `usermodel`: 1 users, 1 OAuth accounts, 1 access tokens"
    );
    let options = SqlxOptions::new()
        .user_table("usermodel")
        .oauth_account_table("oauthaccountmodel")
        .access_token_table("accesstokenmodel");
    let database = place.open(options, User::schema()).await;
    let users = users::<User>(&database);
    assert!(users.get_by_email("ADA@example.org").await.unwrap().unwrap().is_verified);
    let (user, session) = users.user_by_access_token(&["t".to_owned()], None).await.unwrap().unwrap();
    assert_eq!((user.id, session.created_at), (id(1), at(1_795_428_000)));
    assert_eq!(users.oauth_accounts(&id(1)).await.unwrap()[0].expires_at, Some(1_795_428_000));
    users.create(record(2, "bob@example.org")).await.unwrap();
    let error = users.create(record(3, "BOB@example.org")).await.unwrap_err();
    assert!(matches!(error, DatabaseError::EmailTaken), "{error:?}");
    users
        .add_oauth_account(&id(2), Some(&id(12)), &account(4_102_444_800, &"t".repeat(5_000)))
        .await
        .unwrap();
    assert_eq!(users.oauth_accounts(&id(2)).await.unwrap()[0].expires_at, Some(4_102_444_800));
    assert!(users.delete(&id(1)).await.unwrap() && users.delete(&id(2)).await.unwrap());
    assert_eq!(rows(&database, "SELECT count(*) FROM oauthaccountmodel").await, ["0"]);
}

async fn cr_21_several_processes_adopt_at_once_and_all_start(engine: Engine) {
    let (place, database) = original(engine, SqlxOptions::new()).await;
    crate::races::migrate_at_once(&place).await;
    assert_eq!(rows(&database, "SELECT count(*) FROM \"user\"").await, ["2"]);
}

/// MySQL's own collations leave no room for such rows, so there it is a column that tells capitals apart.
async fn emails_that_differ_by_case_alone_stop_it_and_the_offered_sql_mends_them(engine: Engine) {
    let (_place, database) = original(engine, SqlxOptions::new()).await;
    let exact =
        "ALTER TABLE \"user\" MODIFY email VARCHAR(320) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL";
    execute(&database, engine.pick("", "SELECT 1", exact)).await;
    for (number, email) in [(3, "It''s@example.org"), (4, "it''s@example.org"), (5, "ADA@example.org")] {
        insert_user(&database, engine, number, email).await;
    }
    let before = (catalog(&database, engine).await, rows(&database, USERS).await);
    let text = refusal(&database).await;
    let [q, other] = engine.pick(
        ["", ""],
        ["\"", "\"email\" || '.' || \"id\" || '.invalid'"],
        ["`", "CONCAT(`email`, '.', `id`, '.invalid')"],
    );
    let expected = format!(
        r#"2 e-mail addresses in `user` belong to several users, differing by capitals alone. Nothing was changed. Give all but one user of each another address (one that nobody can own), for example:
  -- "Ada@example.org", id '00000000-0000-0000-0000-000000000001', keeps
  -- "ADA@example.org", id '00000000-0000-0000-0000-000000000005', yields
  UPDATE {q}user{q} SET {q}email{q} = {other} WHERE {q}id{q} = '00000000-0000-0000-0000-000000000005';
  -- "It's@example.org", id '00000000-0000-0000-0000-000000000003', keeps
  -- "it's@example.org", id '00000000-0000-0000-0000-000000000004', yields
  UPDATE {q}user{q} SET {q}email{q} = {other} WHERE {q}id{q} = '00000000-0000-0000-0000-000000000004';"#
    );
    assert_eq!(text, expected);
    assert_eq!((catalog(&database, engine).await, rows(&database, USERS).await), before);
    execute(&database, &offered_sql(&text)).await;
    if engine.pick(false, false, true) {
        let text = refusal(&database).await;
        assert!(text.starts_with("the column `email` of the table `user` tells capitals apart"), "{text}");
        execute(&database, text.lines().last().unwrap()).await;
    }
    users::<User>(&database).migrate().await.unwrap();
    let error = users::<User>(&database).create(record(6, "IT'S@example.org")).await.unwrap_err();
    assert!(matches!(error, DatabaseError::EmailTaken), "{error:?}");
}

async fn an_account_of_a_provider_that_two_users_have_stops_it(engine: Engine) {
    for side_by_side in [false, true] {
        let (_place, database) = original(engine, SqlxOptions::new().side_by_side(side_by_side)).await;
        for user in [1, 2] {
            insert_account(&database, 20 + user, user, "42").await;
        }
        let before = (catalog(&database, engine).await, rows(&database, ACCOUNTS).await);
        let text = refusal(&database).await;
        let q = engine.pick("", "\"", "`");
        let expected = format!(
            r#"1 accounts of providers in `oauth_account` belong to several users. Nothing was changed. Leave each with the one user whose account it is, for example:
  -- "github 42": user {} keeps it
  -- "github 42": user {} loses it
  DELETE FROM {q}oauth_account{q} WHERE {q}id{q} = '{}';"#,
            id(1),
            id(2),
            id(22)
        );
        assert_eq!(text, expected);
        assert_eq!((catalog(&database, engine).await, rows(&database, ACCOUNTS).await), before);
        execute(&database, &offered_sql(&text)).await;
        users::<User>(&database).migrate().await.unwrap();
    }
}

async fn provider_accounts_become_unique_unless_python_still_writes_or_repeated_them(engine: Engine) {
    let index = engine.pick(
        "",
        "SELECT count(*) FROM pg_indexes WHERE indexname = 'axum_users_oauth_account_account'",
        "SELECT count(DISTINCT index_name) FROM information_schema.statistics
         WHERE table_schema = DATABASE() AND index_name = 'axum_users_oauth_account_account'",
    );
    for (side_by_side, repeated, expected) in [(false, false, "1"), (true, false, "0"), (false, true, "0")] {
        let (place, database) = original(engine, SqlxOptions::new().side_by_side(side_by_side)).await;
        for row in if repeated { vec![21, 22] } else { vec![] } {
            insert_account(&database, row, 1, "42").await;
        }
        users::<User>(&database).migrate().await.unwrap();
        assert_eq!(rows(&database, index).await, [expected], "{side_by_side} {repeated}");
        // What stood in the way is gone, and Python too.
        execute(&database, &format!("DELETE FROM oauth_account WHERE id = '{}'", id(22))).await;
        let database = place.open(SqlxOptions::new(), User::schema()).await;
        assert_eq!(rows(&database, index).await, ["1"]);
    }
}

fn account(expires_at: i64, token: &str) -> NewOAuthAccount {
    NewOAuthAccount {
        oauth_name: "google".into(),
        access_token: token.into(),
        expires_at: Some(expires_at),
        refresh_token: Some(token.into()),
        account_id: "42".into(),
        account_email: "ada@google.test".into(),
    }
}

/// Something of the application's own rests on a column.
async fn what_cannot_be_widened_stays_narrow_and_is_served(engine: Engine) {
    let (_place, database) = original(engine, SqlxOptions::new()).await;
    let own = engine.pick(
        "",
        "CREATE VIEW expiring AS SELECT expires_at FROM oauth_account",
        "CREATE INDEX expiring ON oauth_account (expires_at);
         CREATE TABLE expiring (at INT, FOREIGN KEY (at) REFERENCES oauth_account (expires_at))",
    );
    execute(&database, own).await;
    let users = users::<User>(&database);
    users.migrate().await.unwrap();
    // Each start tries again, and starts.
    users.migrate().await.unwrap();
    let narrow = catalog(&database, engine).await;
    let column = engine.pick("", "oauth_account.expires_at int4", "oauth_account.expires_at int(11)");
    assert!(narrow.iter().any(|line| line.starts_with(column)), "{narrow:?}");
    let token = "t".repeat(5_000);
    users.add_oauth_account(&id(2), Some(&id(12)), &account(4_102_444_800, &token)).await.unwrap();
    let stored = users.oauth_accounts(&id(2)).await.unwrap().remove(0);
    assert_eq!((stored.expires_at, stored.account_id.as_str()), (Some(i32::MAX.into()), "42"));
    // What widening could be done was done; one attempt stores what fits a narrow table all over.
    assert_eq!(stored.access_token, "");
    users.update_oauth_account(&id(2), &account(1_795_428_000, &token)).await.unwrap();
    assert_eq!(users.oauth_accounts(&id(2)).await.unwrap()[0].access_token, token);
}

async fn a_login_by_a_provider_never_fails_for_a_narrow_table(engine: Engine) {
    let (_place, database) = original(engine, SqlxOptions::new()).await;
    let users = users::<User>(&database);
    users.migrate().await.unwrap();
    let narrow = engine.pick(
        "",
        "ALTER TABLE oauth_account ALTER access_token TYPE VARCHAR(1024), ALTER refresh_token TYPE VARCHAR(1024),
         ALTER expires_at TYPE INTEGER",
        "ALTER TABLE oauth_account MODIFY access_token VARCHAR(1024) NOT NULL, MODIFY refresh_token VARCHAR(1024),
         MODIFY expires_at INT",
    );
    execute(&database, narrow).await;
    let too_long = "t".repeat(1_025);
    for (number, expires_at, token) in
        [(12, 4_102_444_800, "t"), (13, 1, &*too_long), (14, -9_999_999_999, &*too_long)]
    {
        let account = account(expires_at, token);
        let email = format!("{number}@example.org");
        let account = NewOAuthAccount { account_id: number.to_string(), ..account };
        let made = users
            .create_with_oauth_account(record(number, &email), Some(&id(number)), &account)
            .await
            .unwrap();
        for _ in 0..2 {
            let stored = users.oauth_accounts(&made.id).await.unwrap().remove(0);
            assert_eq!(stored.expires_at, Some(expires_at.clamp(i32::MIN.into(), i32::MAX.into())));
            assert_eq!(stored.access_token, if token.len() > 1_024 { "" } else { token });
            assert_eq!(stored.refresh_token.as_deref(), Some(token).filter(|token| token.len() <= 1_024));
            assert!(users.update_oauth_account(&made.id, &account).await.unwrap());
        }
    }
}

/// PostgreSQL lets a table's owner alone change it, MySQL whoever has the right.
async fn a_user_who_may_not_alter_tables_serves_them_as_they_are(engine: Engine) {
    let (mut place, database) = original(engine, SqlxOptions::new()).await;
    users::<User>(&database).migrate().await.unwrap();
    let mut serving = SqlxOptions::new().connect(&place.guest(5).await).await.unwrap();
    crate::configure(&mut serving, User::schema());
    users::<User>(&serving).migrate().await.unwrap();
    users::<User>(&serving).create(record(3, "eve@example.org")).await.unwrap();
    let error = users::<User>(&place.open(SqlxOptions::new(), User::schema()).await)
        .create(record(4, "EVE@example.org"))
        .await;
    assert!(matches!(error, Err(DatabaseError::EmailTaken)), "{error:?}");
    serving.pool().close().await;
}

/// MySQL's TIMESTAMP shows itself in the session's time zone, which is the server's for Python and UTC for us.
#[cfg(all(feature = "postgres", feature = "mysql"))]
#[tokio::test]
async fn sessions_of_a_mysql_server_elsewhere_keep_their_moments() {
    let zone = |_: &std::path::Path| vec!["--default-time-zone=+02:00".to_owned()];
    let server = Throwaway::start_with(Engine::MySql.throwaway(), zone);
    let mut database = SqlxOptions::new().connect(&server.url("test")).await.unwrap();
    crate::configure(&mut database, User::schema());
    execute(&database, ORIGINAL[1]).await;
    insert_user(&database, Engine::MySql, 1, "ada@example.org").await;
    let pythons = format!(
        "SET time_zone = @@global.time_zone;
         INSERT INTO accesstoken VALUES ('{}', '{TOKEN}', '2026-11-23 10:00:00');
         SET time_zone = '+00:00'",
        id(1)
    );
    execute(&database, &pythons).await;
    users::<User>(&database).migrate().await.unwrap();
    let forms = [TOKEN.to_owned()];
    let (_, session) = users::<User>(&database).user_by_access_token(&forms, None).await.unwrap().unwrap();
    assert_eq!(session.created_at, at(1_795_428_000));
}
