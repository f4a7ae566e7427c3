//! Keeps the users of [`axum_users`] in SQLite, in the tables that FastAPI Users makes.
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
//! # What is stored how
//!
//! As SQLAlchemy does on SQLite, so that Python reads it too: UUIDs as 36 characters in lower case, booleans as
//! 0 and 1, timestamps as `2026-11-23 10:00:00.000000` in UTC, dates as `2026-11-23`, JSON as text. Reading is
//! more patient: UUIDs without dashes or in capitals, timestamps without a fraction or with an offset.

#[cfg(not(feature = "sqlite"))]
compile_error!("axum-users-sqlx needs a database: enable its feature `sqlite`");

#[cfg(feature = "sqlite")]
mod accounts;
#[cfg(feature = "sqlite")]
mod connect;
#[cfg(feature = "sqlite")]
mod database;
#[cfg(feature = "sqlite")]
mod error;
#[cfg(feature = "sqlite")]
mod inspect;
#[cfg(feature = "sqlite")]
mod migrate;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqlite")]
mod statements;
#[cfg(feature = "sqlite")]
mod text;

#[cfg(feature = "sqlite")]
pub use self::{
    connect::{ConnectError, SqlxOptions},
    database::SqlxDatabase,
    inspect::{Counts, Flavour, Found},
};
pub use sqlx;
