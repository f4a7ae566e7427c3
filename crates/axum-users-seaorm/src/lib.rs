//! Keeps the users of [`axum_users`] in the application's own SeaORM entity.
//!
//! Derive [`UserModel`] on the entity's `Model`, beside SeaORM's own derive. Its relations and everything else stay
//! the application's.
//!
//! ```
//! mod user {
//!     use axum_users::UserModel;
//!     use axum_users_seaorm::UuidText;
//!     use sea_orm::entity::prelude::*;
//!
//!     #[derive(Clone, Debug, PartialEq, DeriveEntityModel, UserModel)]
//!     #[sea_orm(table_name = "user")]
//!     pub struct Model {
//!         #[sea_orm(primary_key, auto_increment = false)]
//!         pub id: UuidText, // `Uuid` for PostgreSQL, or `i64`
//!         pub email: String,
//!         pub hashed_password: String,
//!         pub is_active: bool,
//!         pub is_superuser: bool,
//!         pub is_verified: bool,
//!         pub first_name: String,
//!     }
//!
//!     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
//!     pub enum Relation {}
//!
//!     impl ActiveModelBehavior for ActiveModel {}
//! }
//!
//! // OAuth accounts and sessions as entities that are related to the users.
//! mod oauth_account {
//!     axum_users_seaorm::oauth_account_entity!(super::user);
//! }
//! mod access_token {
//!     axum_users_seaorm::access_token_entity!(super::user);
//! }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use axum_users_seaorm::SeaOrmDatabase;
//!
//! let database = SeaOrmDatabase::<user::Entity>::connect("sqlite://app.db?mode=rwc").await?;
//! # let _ = database;
//! # Ok(())
//! # }
//! # fn main() {}
//! ```
//!
//! [`transaction()`] makes a user and the application's own rows together, or neither.
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
//! As the entity says. [`UuidText`] is what FastAPI Users stores in SQLite and MySQL, a plain `Uuid` what it stores
//! in PostgreSQL. The user table gets no column but the entity's.

#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
compile_error!("axum-users-seaorm needs a database: enable its feature `sqlite`, `postgres` or `mysql`");

mod accounts;
mod audit;
mod connection;
mod database;
mod error;
mod layout;
mod migrate;
mod related;
mod sessions;
mod tokens;
mod transaction;
mod uuid_text;
mod value;

pub use self::{
    database::SeaOrmDatabase,
    layout::UserEntity,
    transaction::{Transaction, TransactionError, transaction},
    uuid_text::UuidText,
};
pub use axum_users::UserModel;
pub use sea_orm;
