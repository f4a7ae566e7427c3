//! The suite that every adapter runs, on SQLite files, with a second pool as another process has it.

use std::marker::PhantomData;

use axum_users::{User, UserModel};
use axum_users_sqlx::{SqlxDatabase, sqlx};
use axum_users_testkit::{Fixture, NumberedProfile, Profile};
use tempfile::TempDir;

use crate::url;

struct Sqlite<U> {
    folder: TempDir,
    model: PhantomData<fn() -> U>,
}

impl<U> Sqlite<U> {
    async fn open(&self) -> SqlxDatabase {
        SqlxDatabase::connect(&url(&self.folder.path().join("data.db"))).await.unwrap()
    }
}

impl<U: UserModel> Fixture for Sqlite<U> {
    type User = U;
    type Database = SqlxDatabase;

    async fn start() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), model: PhantomData }
    }

    async fn connect(&self) -> SqlxDatabase {
        self.open().await
    }

    async fn connect_again(&self) -> Option<SqlxDatabase> {
        Some(self.open().await)
    }

    async fn add_unknown_column(&self) -> bool {
        let sql = "ALTER TABLE user ADD COLUMN testkit_note TEXT; UPDATE user SET testkit_note = 'kept'";
        sqlx::raw_sql(sql).execute(self.open().await.pool()).await.unwrap();
        true
    }

    async fn unknown_column(&self) -> Vec<Option<String>> {
        let select = sqlx::query_scalar("SELECT testkit_note FROM user ORDER BY email");
        select.fetch_all(self.open().await.pool()).await.unwrap()
    }
}

mod without_own_fields {
    axum_users_testkit::conformance!(super::Sqlite<super::User>);
}
mod with_uuids {
    axum_users_testkit::conformance!(super::Sqlite<super::Profile>);
}
mod with_numbers {
    axum_users_testkit::conformance!(super::Sqlite<super::NumberedProfile>);
}
