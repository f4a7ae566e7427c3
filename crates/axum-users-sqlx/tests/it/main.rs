//! `SqlxDatabase` against real databases, seen through the adapter trait and through plain SQL.
//!
//! The servers are those of `POSTGRES_URL` and `MYSQL_URL`; every test makes a database of its own there.
#![cfg(feature = "sqlite")]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)] // a test may panic wherever it stands

// Helpers that only one engine's tests need.
#![cfg_attr(
    not(all(feature = "sqlite", feature = "postgres", feature = "mysql")),
    allow(unused_imports, unused_variables, dead_code)
)]

#[macro_use]
mod place;

mod adopt;
#[cfg(feature = "sqlite")]
mod allocations;
mod availability;
mod columns;
mod conformance;
mod migrate;
mod oauth;
#[cfg(all(feature = "postgres", feature = "mysql"))]
mod outage;
mod races;
#[cfg(all(feature = "postgres", feature = "mysql"))]
#[allow(dead_code, reason = "the server's tests use the rest")]
mod throwaway;
#[cfg(all(feature = "postgres", feature = "mysql"))]
mod tls;
mod tokens;
mod users;

use std::{path::Path, sync::Arc};

use axum_users::{
    Timestamp, User, UserDatabase, UserModel,
    schema::{Record, Schema, Value},
};
use axum_users_sqlx::{SqlxDatabase, SqlxOptions};
use uuid::Uuid;

use crate::place::{Engine, Place};

/// The adapter as the library sees it.
fn users<U: UserModel>(database: &SqlxDatabase) -> &impl UserDatabase<U> {
    database
}

fn configure(database: &mut SqlxDatabase, schema: Schema) {
    UserDatabase::<User>::configure(database, &Arc::new(schema)).unwrap();
}

/// A new database with its tables.
async fn fresh(engine: Engine) -> (Place, SqlxDatabase) {
    let place = Place::new(engine).await;
    let database = place.open(SqlxOptions::new(), User::schema()).await;
    (place, database)
}

/// The original's database.
async fn fastapi_users_file() -> Place {
    Place::copy_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/fastapi-users.sqlite")).await
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
