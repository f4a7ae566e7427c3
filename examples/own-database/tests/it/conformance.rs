//! The suite that every adapter runs. What the five methods leave out is skipped.

use axum_users::User;
use axum_users_testkit::Fixture;
use own_database::JsonFile;
use tempfile::TempDir;

struct Folder(TempDir);

impl Fixture for Folder {
    type User = User;
    type Database = JsonFile;

    async fn start() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    async fn connect(&self) -> JsonFile {
        JsonFile::open(self.0.path().join("users.json")).await.unwrap()
    }
}

axum_users_testkit::conformance!(Folder);
