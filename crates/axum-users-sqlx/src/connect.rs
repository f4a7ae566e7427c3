//! Opening a database: options, and sentences for what can be wrong with it.

#[cfg(any(feature = "postgres", feature = "mysql"))]
mod server;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::{path::PathBuf, time::Duration};

use axum_users::BoxError;

use crate::{SqlxDatabase, engine::Pool};

/// How to open a database, and what its tables are called.
///
/// ```
/// # use std::time::Duration;
/// # async fn example() -> Result<(), axum_users_sqlx::ConnectError> {
/// use axum_users_sqlx::SqlxOptions;
///
/// let options = SqlxOptions::new().pool_size(20).timeout(Duration::from_secs(2));
/// let database = options.connect("sqlite://app.db?mode=rwc").await?;
/// # let _ = database;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SqlxOptions {
    pub(crate) user_table: Option<String>,
    pub(crate) oauth_account_table: String,
    pub(crate) access_token_table: String,
    pub(crate) side_by_side: bool,
    pub(crate) busy_timeout: Duration,
    pub(crate) timeout: Duration,
    pub(crate) read_in_place: bool,
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
            timeout: Duration::from_secs(4),
            read_in_place: true,
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

    /// Whether a single row of a SQLite file is read on the thread that asks for it, which is twice as fast as
    /// asking a thread for it. On by default, for files that [`connect`](Self::connect) opens; switch it off where
    /// the file lies on a slow disk, since the read then keeps other requests waiting.
    #[must_use]
    pub fn read_in_place(mut self, read_in_place: bool) -> Self {
        self.read_in_place = read_in_place;
        self
    }

    /// How long to wait for a lock that another process holds on a SQLite file, 5 seconds by default. Afterwards the answer is
    /// [`DatabaseError::Unavailable`](axum_users::DatabaseError::Unavailable).
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// How long a server may take to answer, from asking the pool for a connection to the last row, 4 seconds by
    /// default. Afterwards the answer is
    /// [`DatabaseError::Unavailable`](axum_users::DatabaseError::Unavailable). Migrations take their time.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Opens the database at `url`.
    ///
    /// - `sqlite://data.db?mode=rwc`; `mode=rwc` makes a missing file.
    /// - `postgres://user:password@host:5432/database`; also `postgresql://`. TLS by `?sslmode=` `disable`,
    ///   `prefer` (the default), `require`, `verify-ca`, `verify-full`, with `sslrootcert`, `sslcert` and
    ///   `sslkey`; a socket by `?host=/run/postgresql`.
    /// - `mysql://user:password@host:3306/database`; also `mariadb://`. TLS by `?ssl-mode=` `DISABLED`,
    ///   `PREFERRED` (the default), `REQUIRED`, `VERIFY_CA`, `VERIFY_IDENTITY`, with `ssl-ca`, `ssl-cert` and
    ///   `ssl-key`; a socket by `?socket=/run/mysqld/mysqld.sock`.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(self, url: &str) -> Result<SqlxDatabase, ConnectError> {
        let pool = match scheme(url)? {
            #[cfg(feature = "sqlite")]
            "sqlite" => return sqlite::connect(url, self).await,
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => Pool::Postgres(server::postgres(url, &self).await?),
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => Pool::MySql(server::mysql(url, &self).await?),
            other => return Err(ConnectError::UnknownScheme(other.to_owned())),
        };
        Ok(SqlxDatabase::new(pool, self))
    }

    /// Uses a pool that the application has. Give SQLite's connections a busy timeout, foreign keys and WAL, and
    /// MySQL's the SQL mode `STRICT_TRANS_TABLES`.
    #[must_use]
    pub fn with_pool(self, pool: impl Into<Pool>) -> SqlxDatabase {
        SqlxDatabase::new(pool.into(), self)
    }
}

/// What stands before the colon of a URL.
fn scheme(url: &str) -> Result<&str, ConnectError> {
    let (scheme, _) = url.split_once(':').ok_or(ConnectError::NotAUrl)?;
    if scheme.is_empty() || !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) {
        return Err(ConnectError::NotAUrl);
    }
    Ok(scheme)
}

/// The beginnings of URLs that this build knows.
const KNOWN: &[&str] = &[
    #[cfg(feature = "sqlite")]
    "`sqlite:`",
    #[cfg(feature = "postgres")]
    "`postgres:`",
    #[cfg(feature = "mysql")]
    "`mysql:`",
];

/// Why a database could not be opened. No text has the URL in it, which may hold a password.
///
/// ```
/// use axum_users_sqlx::{ConnectError, SqlxDatabase};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let error = SqlxDatabase::connect("no URL at all").await.unwrap_err();
/// assert!(matches!(error, ConnectError::NotAUrl));
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The text does not begin with a scheme.
    #[error("a database is named by a URL, for example `sqlite://data.db?mode=rwc`")]
    NotAUrl,
    /// The scheme is none that this crate was built for.
    #[error("`{0}:` is no database that this build knows; it knows {known}", known = KNOWN.join(", "))]
    UnknownScheme(String),
    /// The URL's options are wrong.
    #[error("the database URL is wrong")]
    Url(#[source] BoxError),
    /// Nobody could tell where the password ends.
    #[error(
        "the database URL has an `@` or a `#` where none belongs; characters like `@ : / ? # %` in the user's name, \
         the password or a parameter have to be percent-encoded"
    )]
    Unclear,
    /// The URL has a parameter that nobody reads: a slip of the pen in one about TLS must not turn TLS off.
    #[error("the database URL has the parameter `{name}`, which is none of {known}")]
    UnknownParameter {
        /// The parameter.
        name: String,
        /// Those that there are.
        known: &'static str,
    },
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
    /// The URL names a server and no database there.
    #[error(
        "the database URL names no database; put one behind the server, for example `mysql://host/users`"
    )]
    NoDatabaseNamed,
    /// Nobody answers at the server's address.
    #[error("the database server at {server} cannot be reached")]
    Unreachable {
        /// Its host and port, or its socket.
        server: String,
        /// What went wrong.
        source: BoxError,
    },
    /// The user or the password is wrong, or may not come from here.
    #[error("the database server at {server} does not let `{user}` in")]
    Refused {
        /// Its host and port, or its socket.
        server: String,
        /// The user's name.
        user: String,
        /// What the server says.
        source: BoxError,
    },
    /// The server does not have the database.
    #[error("the database server at {server} has no database `{database}`")]
    MissingDatabase {
        /// Its host and port, or its socket.
        server: String,
        /// The database's name.
        database: String,
        /// What the server says.
        source: BoxError,
    },
    /// Anything else about a server, TLS among it.
    #[error("the database server at {server} cannot be used")]
    Unusable {
        /// Its host and port, or its socket.
        server: String,
        /// What went wrong.
        source: BoxError,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cr_20_nobody_waits_for_five_seconds_unless_that_is_changed() {
        assert!(SqlxOptions::new().timeout < Duration::from_secs(5));
    }
}
