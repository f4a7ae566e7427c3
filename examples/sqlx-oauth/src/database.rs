//! Where the users are.

use std::env;

use axum_users_sqlx::{ConnectError, SqlxDatabase};

/// Opens the file of users; `users.migrate()` makes its tables.
pub(crate) async fn connect() -> Result<SqlxDatabase, ConnectError> {
    let url = env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite://app.db?mode=rwc".into());
    SqlxDatabase::connect(&url).await
}
