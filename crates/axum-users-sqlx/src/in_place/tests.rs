//! What is read in place is what the pool would read.

use std::sync::Arc;

use axum_users::{
    DatabaseError, User, UserDatabase, UserModel,
    schema::{Record, Value},
};
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{SqlxDatabase, SqlxOptions};

const ADA: Uuid = Uuid::from_u128(1);

struct Place {
    folder: TempDir,
    database: SqlxDatabase,
}

impl Place {
    async fn new(options: SqlxOptions) -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("users.db").display());
        let database = opened(&url, options).await;
        UserDatabase::<User>::migrate(&database).await.unwrap();
        let _: User = database.create(ada()).await.unwrap();
        Self { folder, database }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("users.db")
    }

    async fn email(&self) -> Result<Option<String>, DatabaseError> {
        self.database.get(&ADA).await.map(|user: Option<User>| user.map(|user| user.email))
    }

    /// Another process's connection, as far as SQLite can tell.
    async fn stranger(&self) -> SqliteConnection {
        SqliteConnection::connect(&format!("sqlite://{}", self.path().display())).await.unwrap()
    }

    fn idle(&self) -> usize {
        self.database.in_place.as_ref().unwrap().idle()
    }
}

async fn opened(url: &str, options: SqlxOptions) -> SqlxDatabase {
    let mut database = options.connect(url).await.unwrap();
    UserDatabase::<User>::configure(&mut database, &Arc::new(User::schema())).unwrap();
    database
}

fn ada() -> Record {
    Record::new()
        .with("id", Value::Uuid(ADA))
        .with("email", Value::Text("ada@example.org".into()))
        .with("hashed_password", Value::Text("h".into()))
        .with("is_active", Value::Bool(true))
        .with("is_superuser", Value::Bool(false))
        .with("is_verified", Value::Bool(false))
}

async fn run(connection: &mut SqliteConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(connection).await.unwrap();
}

#[tokio::test]
async fn a_row_is_read_in_place_unless_that_is_switched_off() {
    let place = Place::new(SqlxOptions::new()).await;
    assert_eq!(place.email().await.unwrap().as_deref(), Some("ada@example.org"));
    assert_eq!(place.idle(), 1);

    let place = Place::new(SqlxOptions::new().read_in_place(false)).await;
    assert_eq!(place.email().await.unwrap().as_deref(), Some("ada@example.org"));
    assert!(place.database.in_place.is_none());
}

#[tokio::test]
async fn a_database_in_memory_is_not_read_in_place() {
    for url in ["sqlite::memory:", "sqlite://shared?mode=memory&cache=shared"] {
        let database = opened(url, SqlxOptions::new()).await;
        UserDatabase::<User>::migrate(&database).await.unwrap();
        let created: User = database.create(ada()).await.unwrap();

        assert!(database.in_place.is_none());
        assert_eq!(database.get(&ADA).await.unwrap(), Some(created));
    }
}

#[tokio::test]
async fn every_commit_is_seen_at_once_whoever_made_it() {
    let place = Place::new(SqlxOptions::new()).await;
    let mut stranger = place.stranger().await;
    for number in 0..50 {
        let email = format!("ada{number}@example.org");
        let changes = Record::new().with("email", Value::Text(email.clone()));
        let _: Option<User> = place.database.update(&ADA, &Record::new(), &changes).await.unwrap();
        assert_eq!(place.email().await.unwrap(), Some(email));

        run(&mut stranger, "UPDATE user SET email = 'x' || email").await;
        assert_eq!(place.email().await.unwrap(), Some(format!("xada{number}@example.org")));
    }
    assert_eq!(place.idle(), 1);
}

#[tokio::test]
async fn a_writer_under_way_neither_hinders_nor_shows() {
    let place = Place::new(SqlxOptions::new()).await;
    let mut stranger = place.stranger().await;

    run(&mut stranger, "BEGIN EXCLUSIVE; UPDATE user SET email = 'other@example.org'").await;
    assert_eq!(place.email().await.unwrap().as_deref(), Some("ada@example.org"));
    assert_eq!(place.idle(), 1);

    run(&mut stranger, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE); VACUUM").await;
    assert_eq!(place.email().await.unwrap().as_deref(), Some("other@example.org"));
    assert_eq!(place.idle(), 1);
}

#[tokio::test]
async fn a_changed_schema_is_met_as_the_pool_meets_it() {
    let place = Place::new(SqlxOptions::new()).await;
    place.email().await.unwrap();
    let mut stranger = place.stranger().await;

    run(&mut stranger, "ALTER TABLE user ADD COLUMN motto TEXT; CREATE INDEX i ON user (motto)").await;
    assert_eq!(place.email().await.unwrap().as_deref(), Some("ada@example.org"));
    assert_eq!(place.idle(), 1);

    run(&mut stranger, "ALTER TABLE user RENAME TO people").await;
    let error = place.email().await.unwrap_err();
    assert!(matches!(error, DatabaseError::Other(_)), "{error:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_put_in_the_place_of_another_is_not_mixed_with_it() {
    let place = Place::new(SqlxOptions::new()).await;
    let other = Place::new(SqlxOptions::new()).await;
    let changes = Record::new().with("email", Value::Text("other@example.org".into()));
    let _: Option<User> = other.database.update(&ADA, &Record::new(), &changes).await.unwrap();
    other.database.close().await;

    std::fs::rename(other.path(), place.path()).unwrap();

    // The pool still has the old file, and so have those who read in place, had they opened one before or not.
    assert_eq!(place.email().await.unwrap().as_deref(), Some("ada@example.org"));
    assert_eq!(place.idle(), 0);
}

#[tokio::test]
async fn many_readers_at_once_read_beside_writers() {
    let place = Arc::new(Place::new(SqlxOptions::new()).await);
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let place = Arc::clone(&place);
            tokio::spawn(async move {
                for _ in 0..200 {
                    assert!(place.email().await.unwrap().is_some());
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for number in 0..50 {
        let changes = Record::new().with("hashed_password", Value::Text(format!("h{number}")));
        let _: Option<User> = place.database.update(&ADA, &Record::new(), &changes).await.unwrap();
    }
    for reader in readers {
        reader.await.unwrap();
    }
    let user: User = place.database.get(&ADA).await.unwrap().unwrap();
    assert_eq!(user.hashed_password, "h49");
}

#[tokio::test]
async fn closing_leaves_one_whole_file() {
    let place = Place::new(SqlxOptions::new()).await;
    place.email().await.unwrap();

    place.database.close().await;

    let files: Vec<_> =
        std::fs::read_dir(place.folder.path()).unwrap().map(|it| it.unwrap().path()).collect();
    assert_eq!(files, [place.path()]);
    let error = place.email().await.unwrap_err();
    assert!(matches!(error, DatabaseError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn a_closed_pool_ends_what_is_read_in_place() {
    let place = Place::new(SqlxOptions::new()).await;
    place.email().await.unwrap();

    place.database.pool().close().await;

    let error = place.email().await.unwrap_err();
    assert!(matches!(error, DatabaseError::Unavailable(_)), "{error:?}");
    assert_eq!(place.idle(), 0);
}
