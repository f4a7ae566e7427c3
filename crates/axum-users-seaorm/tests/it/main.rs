//! `SeaOrmDatabase` against real databases, seen through the adapter trait and through the application's entities.
//!
//! The servers are those of `POSTGRES_URL` and `MYSQL_URL`; every test makes a database of its own there.
#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used, clippy::panic)] // a test may panic wherever it stands

#[macro_use]
mod place;

mod adopt;
mod conformance;
mod entities;
mod migrate;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod outage;
mod plans;
mod relations;
#[cfg(any(feature = "postgres", feature = "mysql"))]
#[path = "../../../axum-users-sqlx/tests/it/throwaway.rs"]
mod throwaway;
mod transaction;
