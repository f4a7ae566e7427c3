//! Keeps the users of [`axum_users`] in SQLite, PostgreSQL, MySQL or MariaDB, in the tables that FastAPI Users
//! makes.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use axum_users_sqlx::SqlxDatabase;
//!
//! let database = SqlxDatabase::connect("sqlite://app.db?mode=rwc").await?;
//! # let _ = database;
//! # Ok(())
//! # }
//! ```
//!
//! An application with a pool of its own gives it to [`SqlxDatabase::with_pool`]. Sizes, time limits and the
//! tables' names are [`SqlxOptions`].
//!
//! # Features
//!
//! | feature | database |
//! | --- | --- |
//! | `sqlite` (default) | SQLite, compiled in |
//! | `postgres` | PostgreSQL 12 and later |
//! | `mysql` | MySQL 8.0.13 and MariaDB 10.7, and later |
//!
//! # What is stored how
//!
//! As SQLAlchemy does, so that Python reads it too.
//!
//! | | SQLite | PostgreSQL | MySQL, MariaDB |
//! | --- | --- | --- | --- |
//! | UUID | 36 characters in lower case | `UUID` | `CHAR(36)` |
//! | boolean | 0 and 1 | `BOOLEAN` | `BOOL` |
//! | timestamp | `2026-11-23 10:00:00.000000` in UTC | `TIMESTAMP WITH TIME ZONE` | `DATETIME(6)` in UTC |
//! | date | `2026-11-23` | `DATE` | `DATE` |
//! | JSON | text | `JSONB` | `LONGTEXT` |
//!
//! Reading is more patient: UUIDs without dashes or in capitals, timestamps without a fraction or with an offset,
//! an application's own `VARCHAR`, `CITEXT`, enums, and narrower numbers.
//!
//! On PostgreSQL and MySQL the tables of OAuth accounts are wider than the original's (`BIGINT` for times of
//! expiry, `TEXT` for providers' tokens), and a migration widens tables that Python made.
//!
//! # Integer ids
//!
//! The id of a deleted user is never given to another, whom tokens of the first would lead to: tables made here
//! count on, and where FastAPI Users made a SQLite table, which does not, the adapter notes the last id that it
//! deleted. What is deleted there by other programs it cannot know.
//!
//! # E-mails on MySQL and MariaDB
//!
//! A look-up never finds an address that differs by more than the case of ASCII letters, on any database. The
//! unique index of MySQL compares by the column's collation, so it may also refuse an address that differs from a
//! taken one by accents alone.
//!
//! # When the database goes away
//!
//! Every call then ends within [`SqlxOptions::timeout`] with
//! [`DatabaseError::Unavailable`](axum_users::DatabaseError::Unavailable), which routes answer with 503. Nothing
//! has to be started anew when it is back.

// What only one engine needs is left over where that engine is.
#![cfg_attr(
    not(all(feature = "sqlite", feature = "postgres", feature = "mysql")),
    allow(unused_imports, unused_variables, unreachable_code, dead_code)
)]

#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
compile_error!("axum-users-sqlx needs a database: enable its feature `sqlite`, `postgres` or `mysql`");

// The tests' databases; its macros come before those who use them.
#[cfg(all(test, feature = "sqlite"))]
#[allow(
    dead_code,
    unused_macros,
    clippy::unwrap_used,
    clippy::panic,
    reason = "the tests in `tests` use the rest"
)]
#[macro_use]
#[path = "../tests/it/place.rs"]
mod place;

mod accounts;
mod audit;
mod connect;
mod database;
mod dialect;
mod engine;
mod error;
#[cfg(feature = "sqlite")]
mod in_place;
mod inspect;
mod limits;
mod migrate;
#[cfg(all(test, feature = "sqlite"))]
mod plans;
mod sessions;
mod statements;
mod survey;
mod text;

// The tests' helpers know the crate by its name.
#[cfg(test)]
extern crate self as axum_users_sqlx;

pub use self::{
    connect::{ConnectError, SqlxOptions},
    database::SqlxDatabase,
    engine::{Pool, PoolState},
    inspect::{Counts, Flavour, Found, FoundTables},
};
pub use sqlx;

/// The book's pages: their programs are compiled with the documentation's tests.
#[cfg(all(doctest, feature = "sqlite"))]
mod book {
    #[doc = include_str!("../../../README.md")]
    struct Readme;
    #[doc = include_str!("../../../docs/from-fastapi-users.md")]
    struct FromFastapiUsers;
    #[doc = include_str!("../../../docs/several-instances.md")]
    struct SeveralInstances;
    #[doc = include_str!("../../../docs/sql-databases.md")]
    struct SqlDatabases;
    #[doc = include_str!("../../../docs/tutorial.md")]
    struct Tutorial;
}
