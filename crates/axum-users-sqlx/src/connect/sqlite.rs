//! Opening a SQLite file, and sentences for what can be wrong with it.

use std::{path::Path, str::FromStr, sync::Arc, time::Duration};

use sqlx::{
    AssertSqlSafe, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::time::{Instant, sleep};

use super::{ConnectError, SqlxOptions};
use crate::{
    SqlxDatabase,
    engine::Pool,
    error::{sqlite_code as code, sqlite_code},
    in_place::InPlace,
};

pub(super) async fn connect(url: &str, settings: SqlxOptions) -> Result<SqlxDatabase, ConnectError> {
    let pool = open(url, &settings).await?;
    let in_place = match settings.read_in_place && is_plain_file(url) {
        true => InPlace::of(&pool).map(Arc::new),
        false => None,
    };
    let mut database = SqlxDatabase::new(Pool::Sqlite(pool), settings);
    database.in_place = in_place;
    Ok(database)
}

/// Whether the URL names a file, and nothing but whether it is to be made.
fn is_plain_file(url: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    !url.contains(":memory:") && matches!(query, "" | "mode=rw" | "mode=rwc")
}

async fn open(url: &str, settings: &SqlxOptions) -> Result<SqlitePool, ConnectError> {
    let place = Place::parse(url)?;
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|error| ConnectError::Url(error.into()))?
        .foreign_keys(true)
        .busy_timeout(settings.busy_timeout)
        .synchronous(SqliteSynchronous::Normal);
    let pool = SqlitePoolOptions::new()
        // An in-memory database lives as long as its one connection.
        .max_connections(if place == Place::Memory { 1 } else { settings.pool_size })
        .min_connections(1)
        .acquire_timeout(settings.busy_timeout)
        .idle_timeout(None)
        .max_lifetime(None)
        // A file does not go away as a server does; the test would cost a switch of threads each time.
        .test_before_acquire(false);
    if place == Place::Memory {
        return pool.connect_with(options.clone()).await.map_err(|error| explain(error, &options));
    }
    create_for_owner(options.get_filename());
    open_file(pool, &options, settings.busy_timeout).await.map_err(|error| explain(error, &options))
}

/// Opens the file, switches it to WAL, once for all connections, and sees that it can be written.
async fn open_file(
    pool: SqlitePoolOptions,
    options: &SqliteConnectOptions,
    busy_timeout: Duration,
) -> Result<SqlitePool, sqlx::Error> {
    let pool = pool.connect_with(options.clone()).await?;
    let mut connection = pool.acquire().await?;
    let deadline = Instant::now() + busy_timeout;
    loop {
        match sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut *connection).await {
            // SQLite does not wait when two processes switch a new file at once.
            Err(error) if is_locked(&error) && Instant::now() < deadline => {
                sleep(Duration::from_millis(20)).await;
            }
            other => {
                other?;
                break;
            }
        }
    }
    check_writable(&mut connection, busy_timeout).await?;
    drop(connection);
    Ok(pool)
}

/// Whether another connection's lock is the reason.
fn is_locked(error: &sqlx::Error) -> bool {
    matches!(sqlite_code(error), Some(code::BUSY | code::LOCKED))
}

/// Makes a missing file readable for its owner only: it will hold e-mails and hashes. SQLite gives the files that
/// it makes beside it the same mode. Where this fails, SQLite fails next, and says why.
fn create_for_owner(path: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _ = options.open(path);
}

/// Writes and takes it back: on a file that can only be read, SQLite lets a transaction begin all the same. One text, since
/// each costs two switches of threads, and whoever starts the program waits.
async fn check_writable(
    connection: &mut SqliteConnection,
    busy_timeout: Duration,
) -> Result<(), sqlx::Error> {
    let patient = format!("PRAGMA busy_timeout = {}", busy_timeout.as_millis());
    let written =
        format!("PRAGMA busy_timeout = 0; BEGIN IMMEDIATE; PRAGMA user_version = 0; ROLLBACK; {patient}");
    match sqlx::raw_sql(AssertSqlSafe(written)).execute(&mut *connection).await {
        // Somebody else is writing, so it can be written.
        Err(error) if is_locked(&error) => {
            sqlx::raw_sql(AssertSqlSafe(patient)).execute(connection).await.map(|_| ())
        }
        done => done.map(|_| ()),
    }
}

/// Where a URL says that the database is.
#[derive(PartialEq, Eq)]
enum Place {
    Memory,
    File,
}

impl Place {
    /// SQLite says no more than "unable to open database file" of what this tells apart.
    fn parse(url: &str) -> Result<Self, ConnectError> {
        let (_, rest) = url.split_once(':').ok_or(ConnectError::NotAUrl)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = path.trim_start_matches("//");
        let mode =
            form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "mode").map(|(_, mode)| mode);
        if path == ":memory:" || mode.as_deref() == Some("memory") {
            return Ok(Self::Memory);
        }
        let options = SqliteConnectOptions::from_str(url).map_err(|error| ConnectError::Url(error.into()))?;
        check_path(options.get_filename(), mode.as_deref() == Some("rwc"))?;
        Ok(Self::File)
    }
}

fn check_path(path: &Path, creates: bool) -> Result<(), ConnectError> {
    if path.as_os_str().is_empty() {
        return Err(ConnectError::NotAUrl);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(ConnectError::MissingFolder(folder.to_owned()));
    }
    if !path.exists() && !creates {
        return Err(ConnectError::MissingFile(path.to_owned()));
    }
    if path.is_dir() {
        return Err(ConnectError::NotADatabase(path.to_owned()));
    }
    Ok(())
}

fn explain(error: sqlx::Error, options: &SqliteConnectOptions) -> ConnectError {
    let path = options.get_filename().to_owned();
    match sqlite_code(&error) {
        Some(code::NOT_A_DATABASE | code::CORRUPT) => ConnectError::NotADatabase(path),
        Some(code::READ_ONLY) => ConnectError::ReadOnly(path),
        Some(code::BUSY | code::LOCKED) => ConnectError::Locked(path),
        // Nothing but a lock keeps the first connection of a pool waiting.
        None if matches!(error, sqlx::Error::PoolTimedOut) => ConnectError::Locked(path),
        _ => ConnectError::Other(path, error.into()),
    }
}
