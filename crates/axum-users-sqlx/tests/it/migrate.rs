#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) mod servers;

use axum_users::{
    MigrateError, User, UserDatabase, UserModel,
    schema::{Column, ColumnType, Schema, Value},
};
use axum_users_sqlx::{Found, SqlxDatabase, SqlxOptions};

use crate::{
    fresh, id,
    place::{Engine, Place, execute, rows},
    record, users,
};

const TABLES_AND_INDEXES: &str =
    "SELECT sql FROM sqlite_master WHERE name NOT LIKE 'axum_users_%' AND sql IS NOT NULL ORDER BY sql";

/// The statements of a script, each with single spaces and without quotes, sorted.
fn normal(statements: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<String> {
    let normal = |text: &str| {
        let text = text.replace('"', "").split_whitespace().collect::<Vec<_>>().join(" ");
        text.replace("( ", "(").replace(" )", ")")
    };
    let mut all: Vec<_> =
        statements.into_iter().map(|text| normal(text.as_ref())).filter(|s| !s.is_empty()).collect();
    all.sort();
    all
}

async fn migrate_error(database: &SqlxDatabase) -> String {
    match users::<User>(database).migrate().await {
        Err(MigrateError::InTheWay(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_empty_file_gets_the_originals_tables_to_the_letter() {
    let (_place, database) = fresh(Engine::Sqlite).await;
    let original = include_str!("../data/ddl-sqlite.sql");
    assert_eq!(normal(rows(&database, TABLES_AND_INDEXES).await), normal(original.split(';')));
}

#[tokio::test]
async fn integer_ids_make_integer_keys_and_own_columns_follow_the_base_ones() {
    let place = Place::new(Engine::Sqlite).await;
    let schema = Schema::new(ColumnType::Integer)
        .with(Column::new("first_name", ColumnType::Text))
        .with(Column::new("birthdate", ColumnType::Date).nullable())
        .with(Column::new("plan", ColumnType::Text).default_value(Value::Text("it's free".into())))
        .with(Column::new("share", ColumnType::Float).default_value(Value::Float(1e300)));
    let database = place.open(SqlxOptions::new(), schema).await;
    let tables = normal(rows(&database, TABLES_AND_INDEXES).await).join("\n");
    for expected in [
        "CREATE TABLE user (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, email VARCHAR(320) NOT NULL, hashed_password VARCHAR(1024) NOT NULL, \
         is_active BOOLEAN NOT NULL, is_superuser BOOLEAN NOT NULL, is_verified BOOLEAN NOT NULL, \
         first_name TEXT NOT NULL, birthdate DATE, plan TEXT NOT NULL DEFAULT 'it''s free', \
         share REAL NOT NULL DEFAULT 1e300)",
        "CREATE TABLE accesstoken (user_id INTEGER NOT NULL, token VARCHAR(43) NOT NULL,",
        "CREATE TABLE oauth_account (id INTEGER NOT NULL, user_id INTEGER NOT NULL,",
    ] {
        assert!(tables.contains(expected), "{expected}\n{tables}");
    }
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let (_place, database) = fresh(Engine::Sqlite).await;
    let everything = "SELECT type, name, sql FROM sqlite_master ORDER BY name";
    let before = rows(&database, everything).await;
    let version = rows(&database, "SELECT * FROM axum_users_migration, pragma_schema_version").await;
    users::<User>(&database).migrate().await.unwrap();
    assert_eq!(rows(&database, everything).await, before);
    assert_eq!(rows(&database, "SELECT * FROM axum_users_migration, pragma_schema_version").await, version);
}

#[tokio::test]
async fn versions_that_a_newer_program_added_are_left_alone() {
    let (_place, database) = fresh(Engine::Sqlite).await;
    execute(&database, "INSERT INTO axum_users_migration VALUES (99, '2030-01-01 00:00:00.000000')").await;
    users::<User>(&database).migrate().await.unwrap();
    assert_eq!(
        rows(&database, "SELECT version FROM axum_users_migration ORDER BY 1").await,
        ["1", "2", "3", "4", "5", "99"]
    );
}

#[tokio::test]
async fn own_columns_added_later_are_added_to_the_table() {
    let (place, database) = fresh(Engine::Sqlite).await;
    users::<User>(&database).create(record(1, "ada@example.org")).await.unwrap();
    let schema = User::schema()
        .with(Column::new("plan", ColumnType::Text).default_value(Value::Text("free".into())))
        .with(Column::new("notes", ColumnType::Json).nullable());
    let database = place.open(SqlxOptions::new(), schema.clone()).await;
    assert_eq!(rows(&database, "SELECT plan, notes FROM user").await, ["free|NULL"]);
    place.open(SqlxOptions::new(), schema).await;
    // A program of an older model goes on.
    place.open(SqlxOptions::new(), User::schema()).await;
}

#[tokio::test]
async fn a_required_column_can_be_added_to_an_empty_table_only() {
    let (place, database) = fresh(Engine::Sqlite).await;
    let required = |name: &'static str| User::schema().with(Column::new(name, ColumnType::Text));
    place.open(SqlxOptions::new(), required("first_name")).await;
    execute(&database, &format!("INSERT INTO user VALUES ('{}', 'a@b.org', 'h', 1, 0, 0, 'Ada')", id(1)))
        .await;
    let schema = required("first_name").with(Column::new("last_name", ColumnType::Text));
    let database = place.configured(SqlxOptions::new(), schema).await;
    assert_eq!(
        migrate_error(&database).await,
        "the field `last_name` has no value for the rows that the table `user` has already; give it a default \
         (`#[user(default = …)]`) or let it be absent (`Option<…>`)"
    );
}

#[tokio::test]
async fn cr_10_a_migration_that_fails_midway_leaves_nothing_behind() {
    let place = Place::new(Engine::Sqlite).await;
    let database = place.configured(SqlxOptions::new(), User::schema()).await;
    // The last thing that a migration makes is in the way of itself.
    execute(&database, "CREATE TABLE axum_users_one_time (other)").await;
    assert!(matches!(users::<User>(&database).migrate().await, Err(MigrateError::Database(_))));
    assert_eq!(rows(&database, "SELECT name FROM sqlite_master").await, ["axum_users_one_time"]);
    execute(&database, "DROP TABLE axum_users_one_time").await;
    users::<User>(&database).migrate().await.unwrap();
}

#[tokio::test]
async fn tables_that_are_no_users_are_refused_in_a_sentence() {
    let base =
        "id CHAR(36) PRIMARY KEY, email TEXT, hashed_password TEXT, is_active BOOLEAN, is_superuser BOOLEAN";
    for (sql, message) in [
        ("CREATE VIEW user AS SELECT 1".to_owned(), "`user` should be a table and is a view"),
        (
            format!("CREATE TABLE user ({base})"),
            "the table `user` has no column `is_verified`, so it is no user table of FastAPI Users; give ours another name",
        ),
        (
            format!("CREATE TABLE user ({base}, is_verified TEXT)"),
            "the column `is_verified` of the table `user` is TEXT, which cannot hold a boolean",
        ),
        (
            format!("CREATE TABLE user ({base}, is_verified BOOLEAN)").replace("CHAR(36)", "INTEGER"),
            "the column `id` of the table `user` is INTEGER, which cannot hold a UUID",
        ),
        (
            format!("CREATE TABLE user ({base}, is_verified BOOLEAN)").replace(" PRIMARY KEY", ""),
            "the column `id` of the table `user` is not its primary key",
        ),
        (
            format!("CREATE TABLE user ({base}, is_verified BOOLEAN, plan INTEGER)"),
            "the column `plan` of the table `user` is INTEGER, which cannot hold text",
        ),
        (
            format!("CREATE TABLE user ({base}, is_verified BOOLEAN, plan TEXT NOT NULL)"),
            "the field `plan` may be absent, but the table `user` has it NOT NULL; make the field required",
        ),
        (
            format!(
                "CREATE TABLE user ({base}, is_verified BOOLEAN, a INT NOT NULL, b INT NOT NULL DEFAULT 1, c INT, d INT NOT NULL)"
            ),
            "new users could not be inserted: the table `user` has columns that are NOT NULL without a default and that \
             the user model does not have: `a`, `d`; add them to the model",
        ),
        (
            "CREATE TABLE accesstoken (token TEXT PRIMARY KEY, user TEXT)".to_owned(),
            "the table `accesstoken` has no column `user_id`, so it is none of FastAPI Users; give ours another name",
        ),
    ] {
        let place = Place::new(Engine::Sqlite).await;
        let schema = User::schema().with(Column::new("plan", ColumnType::Text).nullable());
        let database = place.configured(SqlxOptions::new(), schema).await;
        execute(&database, &sql).await;
        assert_eq!(migrate_error(&database).await, message);
        assert_eq!(
            rows(&database, "SELECT count(*) FROM sqlite_master WHERE sql IS NOT NULL").await,
            ["1"],
            "{sql}"
        );
    }
}

#[tokio::test]
async fn a_required_field_over_stored_nulls_is_refused_with_the_sql_that_mends_it() {
    let place = Place::new(Engine::Sqlite).await;
    let schema = User::schema().with(Column::new("plan", ColumnType::Text));
    let database = place.configured(SqlxOptions::new(), schema).await;
    execute(
        &database,
        "CREATE TABLE user (id CHAR(36) PRIMARY KEY, email TEXT, hashed_password TEXT, is_active BOOLEAN,
            is_superuser BOOLEAN, is_verified BOOLEAN, plan TEXT);
         INSERT INTO user VALUES ('a', 'a@b.org', 'h', 1, 0, 0, NULL), ('b', 'b@b.org', 'h', 1, 0, 0, 'free')",
    )
    .await;
    let message = migrate_error(&database).await;
    assert!(message.starts_with("1 rows of the table `user` have NULL for `plan`"), "{message}");
    let mend = message.lines().last().unwrap().replace('…', "'free'");
    execute(&database, &mend).await;
    users::<User>(&database).migrate().await.unwrap();
}

#[tokio::test]
async fn inspect_tells_what_is_there_before_anything_is_changed() {
    let place = Place::new(Engine::Sqlite).await;
    let database = place.configured(SqlxOptions::new(), User::schema()).await;
    assert_eq!(database.inspect().await.unwrap(), Found::Empty);
    assert_eq!(database.inspect().await.unwrap().to_string(), "an empty database");
    execute(&database, "CREATE TABLE posts (id); CREATE TABLE comments (id)").await;
    assert_eq!(database.inspect().await.unwrap().to_string(), "tables of something else: comments, posts");
    users::<User>(&database).migrate().await.unwrap();
    users::<User>(&database).create(record(1, "ada@example.org")).await.unwrap();
    assert_eq!(
        database.inspect().await.unwrap().to_string(),
        "tables of axum-users: 1 users, 0 OAuth accounts, 0 access tokens"
    );
}
