//! Opening a database: options, and sentences for what can be wrong with it.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use axum_users::BoxError;
use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::time::{Instant, sleep};

use crate::{
    SqlxDatabase,
    error::{code, is_locked, primary_code},
    sqlite::BEGIN_WRITING,
};

/// How to open a database, and what its tables are called.
#[derive(Clone, Debug)]
pub struct SqlxOptions {
    pub(crate) user_table: Option<String>,
    pub(crate) oauth_account_table: String,
    pub(crate) access_token_table: String,
    pub(crate) side_by_side: bool,
    pub(crate) busy_timeout: Duration,
    pool_size: u32,
}

impl Default for SqlxOptions {
    fn default() -> Self {
        // More connections than that wait for the processor or for the one writer, not for each other.
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            user_table: None,
            oauth_account_table: "oauth_account".to_owned(),
            access_token_table: "accesstoken".to_owned(),
            side_by_side: false,
            busy_timeout: Duration::from_secs(5),
            pool_size: u32::try_from(cores * 2).unwrap_or(16).clamp(4, 16),
        }
    }
}

impl SqlxOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The name of the user table; without it the schema's, `user`.
    #[must_use]
    pub fn user_table(mut self, name: impl Into<String>) -> Self {
        self.user_table = Some(name.into());
        self
    }

    /// The name of the table of OAuth accounts, `oauth_account`.
    #[must_use]
    pub fn oauth_account_table(mut self, name: impl Into<String>) -> Self {
        self.oauth_account_table = name.into();
        self
    }

    /// The name of the table of access tokens, `accesstoken`.
    #[must_use]
    pub fn access_token_table(mut self, name: impl Into<String>) -> Self {
        self.access_token_table = name.into();
        self
    }

    /// Whether FastAPI Users writes to the same database meanwhile. Provider accounts then get no unique index,
    /// which Python does not expect. Off by default.
    #[must_use]
    pub fn side_by_side(mut self, side_by_side: bool) -> Self {
        self.side_by_side = side_by_side;
        self
    }

    /// How many connections may be open: twice the processor's cores by default, but at least 4 and at most 16.
    #[must_use]
    pub fn pool_size(mut self, connections: u32) -> Self {
        self.pool_size = connections.max(1);
        self
    }

    /// How long to wait for a lock that another process holds, 5 seconds by default. Afterwards the answer is
    /// [`DatabaseError::Unavailable`](axum_users::DatabaseError::Unavailable).
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Opens the database at `url`, for example `sqlite://data.db?mode=rwc`; `mode=rwc` makes a missing file.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(self, url: &str) -> Result<SqlxDatabase, ConnectError> {
        let place = Place::parse(url)?;
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|error| ConnectError::Url(error.into()))?
            .foreign_keys(true)
            .busy_timeout(self.busy_timeout)
            .synchronous(SqliteSynchronous::Normal);
        if place == Place::File {
            create_for_owner(options.get_filename());
            self.prepare_file(&options).await.map_err(|error| explain(error, &options))?;
        }
        let pool = SqlitePoolOptions::new()
            // An in-memory database lives as long as its one connection.
            .max_connections(if place == Place::Memory { 1 } else { self.pool_size })
            .min_connections(1)
            .acquire_timeout(self.busy_timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            // A file does not go away as a server does; the test would cost a switch of threads each time.
            .test_before_acquire(false)
            .connect_with(options.clone())
            .await
            .map_err(|error| explain(error, &options))?;
        Ok(SqlxDatabase::new(pool, self))
    }

    /// Uses a pool that the application has. Give its connections a busy timeout, foreign keys and WAL.
    #[must_use]
    pub fn with_pool(self, pool: SqlitePool) -> SqlxDatabase {
        SqlxDatabase::new(pool, self)
    }

    /// Switches the file to WAL, once for all connections, and sees that it can be written.
    async fn prepare_file(&self, options: &SqliteConnectOptions) -> Result<(), sqlx::Error> {
        let wal = options.clone().journal_mode(SqliteJournalMode::Wal);
        let deadline = Instant::now() + self.busy_timeout;
        let mut connection = loop {
            match wal.connect().await {
                // SQLite does not wait when two processes switch a new file at once.
                Err(error) if is_locked(&error) && Instant::now() < deadline => {
                    sleep(Duration::from_millis(20)).await;
                }
                other => break other?,
            }
        };
        match check_writable(&mut connection).await {
            // Somebody else is writing, so it can be written.
            Err(error) if !is_locked(&error) => return Err(error),
            _ => {}
        }
        connection.close().await
    }
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

/// Writes and takes it back: on a file that can only be read, SQLite lets a transaction begin all the same.
async fn check_writable(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("PRAGMA busy_timeout = 0").execute(&mut *connection).await?;
    let mut transaction = connection.begin_with(BEGIN_WRITING).await?;
    sqlx::raw_sql("PRAGMA user_version = 0").execute(&mut *transaction).await?;
    transaction.rollback().await
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
        let (scheme, rest) = url.split_once(':').ok_or(ConnectError::NotAUrl)?;
        if scheme.is_empty() || !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) {
            return Err(ConnectError::NotAUrl);
        }
        if scheme != "sqlite" {
            return Err(ConnectError::UnknownScheme(scheme.to_owned()));
        }
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
    match primary_code(&error) {
        Some(code::NOT_A_DATABASE | code::CORRUPT) => ConnectError::NotADatabase(path),
        Some(code::READ_ONLY) => ConnectError::ReadOnly(path),
        Some(code::BUSY | code::LOCKED) => ConnectError::Locked(path),
        _ => ConnectError::Other(path, error.into()),
    }
}

/// Why a database could not be opened. No text has the URL in it, which may hold a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The text does not begin with a scheme.
    #[error("a database is named by a URL, for example `sqlite://data.db?mode=rwc`")]
    NotAUrl,
    /// The scheme is none that this crate was built for.
    #[error(
        "`{0}:` is no database that this build knows; it knows `sqlite:`, for example `sqlite://data.db?mode=rwc`"
    )]
    UnknownScheme(String),
    /// The URL's options are wrong.
    #[error("the database URL is wrong")]
    Url(#[source] BoxError),
    /// The file's folder does not exist.
    #[error("the folder `{}` of the database does not exist", .0.display())]
    MissingFolder(PathBuf),
    /// The file does not exist, and the URL does not ask for a new one.
    #[error("the database `{}` does not exist; `?mode=rwc` at the end of its URL makes it", .0.display())]
    MissingFile(PathBuf),
    /// The file is something else, or damaged.
    #[error("the file `{}` is no SQLite database, or a damaged one", .0.display())]
    NotADatabase(PathBuf),
    /// The file, its folder or the URL's mode allows reading only.
    #[error("the database `{}` can only be read; users have to be written too", .0.display())]
    ReadOnly(PathBuf),
    /// Another process keeps it locked.
    #[error("the database `{}` is locked by another process", .0.display())]
    Locked(PathBuf),
    /// Anything else.
    #[error("the database `{}` cannot be opened; SQLite also has to make two files beside it", .0.display())]
    Other(PathBuf, #[source] BoxError),
}
