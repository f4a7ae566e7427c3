//! Where the users are.

use std::env;

use axum_users_mongodb::{ConnectError, MongoDatabase};

/// Connects to the server; `users.migrate()` makes the indexes.
pub(crate) async fn connect() -> Result<MongoDatabase, ConnectError> {
    let url = env::var("DATABASE_URL").unwrap_or_else(|_| "mongodb://127.0.0.1:27017/app".into());
    MongoDatabase::connect(&url).await
}
