//! The server's SQLite file, read and changed behind its back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Connection, Row, SqliteConnection, TypeInfo, ValueRef};

/// A database file; every call opens and closes its own connection, as another process would.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    path: PathBuf,
}

impl Database {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// The rows of a query, each with its columns in order.
    pub(crate) async fn rows(&self, query: &str) -> Vec<Map<String, Value>> {
        let mut connection = self.open().await;
        let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut connection).await;
        let rows = rows.unwrap_or_else(|error| panic!("{error} in {query}"));
        connection.close().await.unwrap();
        rows.iter().map(row).collect()
    }

    /// Runs one statement with text parameters and gives the number of rows it touched.
    pub(crate) async fn execute(&self, statement: &str, parameters: &[&str]) -> u64 {
        let mut connection = self.open().await;
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for parameter in parameters {
            query = query.bind(*parameter);
        }
        let done = query.execute(&mut connection).await;
        let done = done.unwrap_or_else(|error| panic!("{error} in {statement}"));
        connection.close().await.unwrap();
        done.rows_affected()
    }

    async fn open(&self) -> SqliteConnection {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .foreign_keys(false)
            .busy_timeout(Duration::from_secs(10))
            .connect()
            .await
            .unwrap()
    }
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
