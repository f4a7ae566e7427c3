//! `SqlxDatabase` against real SQLite files, seen through the adapter trait and through plain SQL.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)] // a test may panic wherever it stands

mod adopt;
mod availability;
mod columns;
mod conformance;
mod migrate;
mod oauth;
mod races;
mod tokens;
mod users;

use std::{path::Path, sync::Arc};

use axum_users::{
    Timestamp, User, UserDatabase, UserModel,
    schema::{Record, Schema, Value},
};
use axum_users_sqlx::{
    SqlxDatabase, SqlxOptions,
    sqlx::{self, AssertSqlSafe, Row},
};
use tempfile::TempDir;
use uuid::Uuid;

/// The adapter as the library sees it.
fn users<U: UserModel>(database: &SqlxDatabase) -> &impl UserDatabase<U> {
    database
}

fn url(path: &Path) -> String {
    format!("sqlite://{}?mode=rwc", path.display())
}

/// Opens a file, tells the adapter the schema, migrates.
async fn open(path: &Path, options: SqlxOptions, schema: Schema) -> SqlxDatabase {
    let database = configured(path, options, schema).await;
    users::<User>(&database).migrate().await.unwrap();
    database
}

async fn configured(path: &Path, options: SqlxOptions, schema: Schema) -> SqlxDatabase {
    let mut database = options.connect(&url(path)).await.unwrap();
    configure(&mut database, schema);
    database
}

fn configure(database: &mut SqlxDatabase, schema: Schema) {
    UserDatabase::<User>::configure(database, &Arc::new(schema)).unwrap();
}

/// A new database in a folder that goes away with the first value.
async fn fresh() -> (TempDir, SqlxDatabase) {
    let folder = tempfile::tempdir().unwrap();
    let database = open(&folder.path().join("data.db"), SqlxOptions::new(), User::schema()).await;
    (folder, database)
}

/// The original's database, in a folder of its own.
fn fastapi_users_file() -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.db");
    let original = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/fastapi-users.sqlite");
    std::fs::copy(original, &path).unwrap();
    (folder, path)
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn record(number: u128, email: &str) -> Record {
    Record::new()
        .with("id", Value::Uuid(id(number)))
        .with("email", Value::Text(email.into()))
        .with("hashed_password", Value::Text("hash".into()))
        .with("is_active", Value::Bool(true))
        .with("is_superuser", Value::Bool(false))
        .with("is_verified", Value::Bool(false))
}

fn at(unix_seconds: i64) -> Timestamp {
    Timestamp::from_unix_timestamp(unix_seconds).unwrap()
}

async fn execute(database: &SqlxDatabase, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(database.pool()).await.unwrap();
}

/// Each row's columns as text, joined by `|`; NULL is `NULL`.
async fn rows(database: &SqlxDatabase, sql: &str) -> Vec<String> {
    let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(database.pool()).await.unwrap();
    let texts = |row: &sqlx::sqlite::SqliteRow| -> Vec<String> {
        (0..row.len())
            .map(|i| row.try_get_unchecked::<Option<String>, _>(i).unwrap().unwrap_or_else(|| "NULL".into()))
            .collect()
    };
    rows.iter().map(|row| texts(row).join("|")).collect()
}
