//! Reaching a PostgreSQL or MySQL server, and sentences for what can be wrong with it.

use std::{io::ErrorKind, time::Duration};

use sqlx::{ConnectOptions, Connection};
#[cfg(feature = "mysql")]
use sqlx::{
    Executor, MySqlPool,
    mysql::{MySqlConnectOptions, MySqlPoolOptions},
};
#[cfg(feature = "postgres")]
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::timeout;

use super::{ConnectError, SqlxOptions};

/// A connection that was idle for longer is tried before it is used: the server may have been started anew.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// Sets up a pool. Its connections are tried when they come back from a rest, not at each use.
macro_rules! pool_options {
    ($options:ty, $settings:expr) => {
        <$options>::new()
            .max_connections($settings.pool_size)
            .acquire_timeout($settings.timeout)
            .test_before_acquire(false)
            .before_acquire(|connection, metadata| {
                Box::pin(async move {
                    if metadata.idle_for > TRUSTED_FOR {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
    };
}

#[cfg(feature = "postgres")]
const POSTGRES_PARAMETERS: &str = "sslmode, sslrootcert, sslcert, sslkey, host, hostaddr, port, dbname, user, \
    password, application_name, options, statement-cache-capacity";

#[cfg(feature = "mysql")]
const MYSQL_PARAMETERS: &str = "ssl-mode, ssl-ca, ssl-cert, ssl-key, charset, collation, timezone, socket, \
    statement-cache-capacity";

/// The driver passes over what it does not know. It reads `ssl-mode` and `sslmode` alike.
fn check(url: &str, known: &'static str) -> Result<(), ConnectError> {
    let plain = |name: &str| name.replace('-', "");
    let (_, rest) = url.split_once("://").ok_or(ConnectError::NotAUrl)?;
    let path = rest.find(['/', '?', '#']).map_or("", |end| &rest[end..]);
    // A piece of the password would be taken for a port, the database's name or a parameter, and be shown.
    if path.contains(['@', '#']) {
        return Err(ConnectError::Unclear);
    }
    let query = path.split_once('?').map_or("", |(_, query)| query);
    for (name, _) in form_urlencoded::parse(query.as_bytes()) {
        let base = name.split('[').next().unwrap_or_default();
        let is_known = known.split(", ").any(|known| plain(known) == plain(base));
        if !is_known && !["sslca", "ssl-root-cert", "time-zone"].contains(&base) {
            return Err(ConnectError::UnknownParameter { name: name.into_owned(), known });
        }
    }
    Ok(())
}

#[cfg(feature = "postgres")]
pub(super) async fn postgres(url: &str, settings: &SqlxOptions) -> Result<PgPool, ConnectError> {
    check(url, POSTGRES_PARAMETERS)?;
    let options: PgConnectOptions =
        url.parse().map_err(|error: sqlx::Error| ConnectError::Url(error.into()))?;
    let database = options.get_database().unwrap_or_else(|| options.get_username()).to_owned();
    let place = Place {
        server: server(options.get_socket(), options.get_host(), options.get_port()),
        user: options.get_username().to_owned(),
        database,
    };
    try_once(&options, settings.timeout).await.map_err(|error| place.explain(error))?;
    let lock_timeout = format!("SET lock_timeout = {}", settings.timeout.as_millis());
    let pool = pool_options!(PgPoolOptions, settings).after_connect(move |connection, _| {
        let sql = sqlx::AssertSqlSafe(lock_timeout.clone());
        Box::pin(async move { sqlx::raw_sql(sql).execute(connection).await.map(|_| ()) })
    });
    Ok(pool.connect_lazy_with(options))
}

#[cfg(feature = "mysql")]
pub(super) async fn mysql(url: &str, settings: &SqlxOptions) -> Result<MySqlPool, ConnectError> {
    check(url, MYSQL_PARAMETERS)?;
    let options: MySqlConnectOptions =
        url.parse().map_err(|error: sqlx::Error| ConnectError::Url(error.into()))?;
    let Some(database) = options.get_database().map(str::to_owned) else {
        return Err(ConnectError::NoDatabaseNamed);
    };
    let place = Place {
        server: server(options.get_socket(), options.get_host(), options.get_port()),
        user: options.get_username().to_owned(),
        database,
    };
    try_once(&options, settings.timeout).await.map_err(|error| place.explain(error))?;
    let seconds = settings.timeout.as_secs().max(1);
    // Strict, so that what does not fit is refused and not cut.
    let set_up = format!(
        "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES'), \
         SESSION innodb_lock_wait_timeout = {seconds}, SESSION lock_wait_timeout = {seconds}"
    );
    let pool = pool_options!(MySqlPoolOptions, settings).after_connect(move |connection, _| {
        let sql = sqlx::AssertSqlSafe(set_up.clone());
        Box::pin(async move { connection.execute(sqlx::raw_sql(sql)).await.map(|_| ()) })
    });
    Ok(pool.connect_lazy_with(options))
}

/// The pool would try again and again, and then say no more than that it took too long.
async fn try_once<O: ConnectOptions<Connection: Sized>>(
    options: &O,
    patience: Duration,
) -> Result<(), sqlx::Error> {
    let connection = timeout(patience, options.connect()).await.map_err(|_| sqlx::Error::PoolTimedOut)??;
    connection.close().await
}

fn server(socket: Option<&std::path::PathBuf>, host: &str, port: u16) -> String {
    match socket {
        Some(path) => path.display().to_string(),
        None if host.contains(':') => format!("[{host}]:{port}"),
        None => format!("{host}:{port}"),
    }
}

/// What may be said of a URL.
struct Place {
    server: String,
    user: String,
    database: String,
}

impl Place {
    fn explain(self, error: sqlx::Error) -> ConnectError {
        let Self { server, user, database } = self;
        #[cfg(feature = "postgres")]
        match crate::error::postgres_code(&error) {
            Some(code) if code.starts_with("28") => {
                return ConnectError::Refused { server, user, source: error.into() };
            }
            Some("3D000") => return ConnectError::MissingDatabase { server, database, source: error.into() },
            _ => {}
        }
        #[cfg(feature = "mysql")]
        match crate::error::mysql_number(&error) {
            Some(1044 | 1045 | 1698 | 1862 | 3118 | 4151) => {
                return ConnectError::Refused { server, user, source: error.into() };
            }
            Some(1049) => return ConnectError::MissingDatabase { server, database, source: error.into() },
            _ => {}
        }
        let is_unreachable = match &error {
            // What was sent was no TLS, or no certificate that is believed.
            sqlx::Error::Io(error) => error.kind() != ErrorKind::InvalidData,
            error => matches!(error, sqlx::Error::PoolTimedOut),
        };
        let source = error.into();
        match is_unreachable {
            true => ConnectError::Unreachable { server, source },
            false => ConnectError::Unusable { server, source },
        }
    }
}
