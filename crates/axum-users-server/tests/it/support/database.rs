//! What the server stores, read and changed behind its back: in a SQLite file, or on a database server.

mod snapshot;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Connection, Row, SqliteConnection, TypeInfo, ValueRef};

use super::place::Engine;
use snapshot::OnServer;

/// A database; every call opens and closes its own connection, as another process would.
#[derive(Clone, Debug)]
pub(crate) struct Database(Where);

#[derive(Clone, Debug)]
enum Where {
    File(PathBuf),
    Server(OnServer),
}

impl Database {
    /// A SQLite file.
    pub(crate) fn new(path: &Path) -> Self {
        Self(Where::File(path.to_owned()))
    }

    /// On a database server.
    pub(crate) fn on_server(engine: Engine, url: &str) -> Self {
        Self(Where::Server(OnServer { engine, url: url.to_owned() }))
    }

    /// The rows of a query in SQLite's words, each with its columns in order. What a server stores is brought into
    /// the original's tables for SQLite first.
    pub(crate) async fn rows(&self, query: &str) -> Vec<Map<String, Value>> {
        let mut connection = match &self.0 {
            Where::File(path) => open(path).await,
            Where::Server(server) => server.copy().await,
        };
        let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut connection).await;
        let rows = rows.unwrap_or_else(|error| panic!("{error} in {query}"));
        connection.close().await.unwrap();
        rows.iter().map(row).collect()
    }

    /// Runs one statement with text parameters on a SQLite file and gives the number of rows it touched.
    pub(crate) async fn execute(&self, statement: &str, parameters: &[&str]) -> u64 {
        let Where::File(path) = &self.0 else { panic!("statements are for SQLite files") };
        let mut connection = open(path).await;
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for parameter in parameters {
            query = query.bind(*parameter);
        }
        let done = query.execute(&mut connection).await;
        let done = done.unwrap_or_else(|error| panic!("{error} in {statement}"));
        connection.close().await.unwrap();
        done.rows_affected()
    }

    /// Sets one column of the user with this e-mail address; flags are `0` and `1`.
    pub(crate) async fn set_user(&self, email: &str, column: &str, value: &str) {
        let count = match &self.0 {
            Where::File(_) => {
                self.execute(&format!("UPDATE user SET {column} = ? WHERE email = ?"), &[value, email]).await
            }
            Where::Server(server) => server.set_user(email, column, value).await,
        };
        assert_eq!(count, 1, "{column} of {email}");
    }

    /// Makes all access tokens older.
    pub(crate) async fn age_access_tokens(&self, seconds: i64) {
        match &self.0 {
            Where::File(_) => {
                let statement = format!(
                    "UPDATE accesstoken SET created_at = \
                     strftime('%Y-%m-%d %H:%M:%S', created_at, '-{seconds} seconds') || substr(created_at, 20)"
                );
                self.execute(&statement, &[]).await;
            }
            Where::Server(server) => server.age_access_tokens(seconds).await,
        }
    }
}

async fn open(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(false)
        .busy_timeout(Duration::from_secs(10))
        .connect()
        .await
        .unwrap()
}

fn row(row: &SqliteRow) -> Map<String, Value> {
    row.columns().iter().map(|column| (column.name().to_owned(), value(row, column.ordinal()))).collect()
}

/// A value by what is stored, not by what the column declares.
fn value(row: &SqliteRow, index: usize) -> Value {
    let stored = row.try_get_raw(index).unwrap();
    if stored.is_null() {
        return Value::Null;
    }
    match stored.type_info().name() {
        "INTEGER" | "BOOLEAN" => row.try_get_unchecked::<i64, _>(index).unwrap().into(),
        _ => row.try_get_unchecked::<String, _>(index).unwrap().into(),
    }
}
