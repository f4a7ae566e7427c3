//! Where the users are, and the application's own tables.

use std::env;

use axum_users_seaorm::SeaOrmDatabase;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Schema};

use crate::models::{note, user};

/// Opens the database; `users.migrate()` makes the tables of users.
pub(crate) async fn connect() -> Result<DatabaseConnection, DbErr> {
    let url = env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite://app.db?mode=rwc".into());
    let database = SeaOrmDatabase::<user::Entity>::connect(&url).await?;
    database.connection().cloned().ok_or_else(|| DbErr::Custom("there is no connection".into()))
}

/// Makes the application's own table, which refers to the users'. A larger application has migrations for it.
pub(crate) async fn make_notes(connection: &DatabaseConnection) -> Result<(), DbErr> {
    let definitions = Schema::new(connection.get_database_backend());
    let mut create = definitions.create_table_from_entity(note::Entity);
    connection.execute(create.if_not_exists()).await.map(|_| ())
}
