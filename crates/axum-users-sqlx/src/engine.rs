//! The drivers behind one face: calls go in, rows come out, whichever database answers.

mod call;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod lease;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod relay;
mod row;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(any(feature = "postgres", feature = "mysql"))]
use std::sync::Arc;
use std::time::Duration;

use axum_users::DatabaseError;
use sqlx::AssertSqlSafe;
#[cfg(feature = "mysql")]
use sqlx::{MySql, MySqlPool};
#[cfg(feature = "postgres")]
use sqlx::{PgPool, Postgres};
#[cfg(feature = "sqlite")]
use sqlx::{Sqlite, SqlitePool, Transaction};

pub(crate) use self::{
    call::Call,
    row::{Cell, Cells, FoundInstead, Reader, Row},
};
#[cfg(any(feature = "postgres", feature = "mysql"))]
use self::{lease::Lease, relay::Relay};
use crate::{dialect::Dialect, error::database_error};

/// A pool of connections to one of the databases.
///
/// ```
/// use axum_users_sqlx::{Pool, SqlxDatabase};
///
/// async fn count(database: &SqlxDatabase) -> Result<i64, sqlx::Error> {
///     match database.pool() {
///         Pool::Sqlite(pool) => sqlx::query_scalar(r#"SELECT count(*) FROM "user""#).fetch_one(pool).await,
///         _ => Err(sqlx::Error::RowNotFound),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Pool {
    /// SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(SqlitePool),
    /// PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(PgPool),
    /// MySQL or MariaDB.
    #[cfg(feature = "mysql")]
    MySql(MySqlPool),
}

/// The connections of a [`Pool`] at a moment.
///
/// ```
/// # fn look(database: &axum_users_sqlx::SqlxDatabase) {
/// let state = database.pool().state();
/// println!("{} of {} connections are in use", state.open - state.idle, state.most);
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolState {
    /// How many are open, in use or idle.
    pub open: u32,
    /// How many of these nobody uses.
    pub idle: u32,
    /// How many may be open at once.
    pub most: u32,
}

#[cfg(feature = "sqlite")]
impl From<SqlitePool> for Pool {
    fn from(pool: SqlitePool) -> Self {
        Self::Sqlite(pool)
    }
}

#[cfg(feature = "postgres")]
impl From<PgPool> for Pool {
    fn from(pool: PgPool) -> Self {
        Self::Postgres(pool)
    }
}

#[cfg(feature = "mysql")]
impl From<MySqlPool> for Pool {
    fn from(pool: MySqlPool) -> Self {
        Self::MySql(pool)
    }
}

impl Pool {
    /// Closes every connection, waiting for those in use.
    pub async fn close(&self) {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pool) => pool.close().await,
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => pool.close().await,
            #[cfg(feature = "mysql")]
            Self::MySql(pool) => pool.close().await,
        }
    }

    /// How many connections are open and idle now, and how many there may be.
    #[must_use]
    pub fn state(&self) -> PoolState {
        fn of<DB: sqlx::Database>(pool: &sqlx::Pool<DB>) -> PoolState {
            let (open, idle) = (pool.size(), u32::try_from(pool.num_idle()).unwrap_or(u32::MAX));
            PoolState { open, idle: idle.min(open), most: pool.options().get_max_connections() }
        }
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pool) => of(pool),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => of(pool),
            #[cfg(feature = "mysql")]
            Self::MySql(pool) => of(pool),
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Dialect::Postgres,
            #[cfg(feature = "mysql")]
            Self::MySql(_) => Dialect::MySql,
        }
    }
}

/// The connections of a pool, for statements.
#[derive(Clone)]
pub(crate) struct Connections {
    pub(crate) pool: Pool,
    #[cfg(feature = "postgres")]
    postgres: Arc<Relay<Postgres>>,
    #[cfg(feature = "mysql")]
    mysql: Arc<Relay<MySql>>,
}

impl Connections {
    pub(crate) fn of(pool: Pool) -> Self {
        Self {
            pool,
            #[cfg(feature = "postgres")]
            postgres: Arc::default(),
            #[cfg(feature = "mysql")]
            mysql: Arc::default(),
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.pool.dialect()
    }

    /// Runs one statement by itself and answers its rows. `timeout` is a server's; SQLite has its own.
    pub(crate) async fn fetch(&self, call: Call, timeout: Duration) -> Result<Vec<Row>, sqlx::Error> {
        #[cfg(not(any(feature = "postgres", feature = "mysql")))]
        let _ = timeout;
        match &self.pool {
            // To the end: at the first row of a RETURNING, SQLite has not committed, and a full disk would go
            // unnoticed.
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(pool) => {
                let rows = sqlite::query(call).fetch_all(pool).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => {
                let rows = Lease::fetch_once(pool, &self.postgres, timeout, postgres::query(call)).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
            #[cfg(feature = "mysql")]
            Pool::MySql(pool) => {
                let rows = Lease::fetch_once(pool, &self.mysql, timeout, mysql::query(call)).await?;
                Ok(rows.into_iter().map(Row::MySql).collect())
            }
        }
    }

    /// Runs one statement by itself and answers how many rows it touched.
    pub(crate) async fn execute(&self, call: Call, timeout: Duration) -> Result<u64, sqlx::Error> {
        #[cfg(not(any(feature = "postgres", feature = "mysql")))]
        let _ = timeout;
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(pool) => Ok(sqlite::query(call).execute(pool).await?.rows_affected()),
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => {
                Ok(Lease::execute_once(pool, &self.postgres, timeout, postgres::query(call))
                    .await?
                    .rows_affected())
            }
            #[cfg(feature = "mysql")]
            Pool::MySql(pool) => {
                Ok(Lease::execute_once(pool, &self.mysql, timeout, mysql::query(call)).await?.rows_affected())
            }
        }
    }

    /// Begins a transaction that reads only and may take its time.
    pub(crate) async fn begin_reading(&self) -> Result<Work, sqlx::Error> {
        match &self.pool {
            // One transaction, so that another process's migration is seen wholly or not at all.
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(pool) => pool.begin().await.map(Work::Sqlite),
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => Lease::begin(pool, &self.postgres, None).await.map(Work::Postgres),
            #[cfg(feature = "mysql")]
            Pool::MySql(pool) => Lease::begin(pool, &self.mysql, None).await.map(Work::MySql),
        }
    }

    /// Begins a transaction that writes. `timeout`: see [`fetch`](Self::fetch); nothing is waited for longer.
    pub(crate) async fn begin_writing(&self, timeout: Option<Duration>) -> Result<Work, sqlx::Error> {
        #[cfg(not(any(feature = "postgres", feature = "mysql")))]
        let _ = timeout;
        match &self.pool {
            // A deferred transaction that read first could not wait for another writer: it would fail at once
            // with SQLITE_BUSY_SNAPSHOT.
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(pool) => pool.begin_with(sqlite::BEGIN_WRITING).await.map(Work::Sqlite),
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => Lease::begin(pool, &self.postgres, timeout).await.map(Work::Postgres),
            #[cfg(feature = "mysql")]
            Pool::MySql(pool) => Lease::begin(pool, &self.mysql, timeout).await.map(Work::MySql),
        }
    }
}

/// A transaction under way. Dropping it takes everything back.
pub(crate) enum Work {
    #[cfg(feature = "sqlite")]
    Sqlite(Transaction<'static, Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(Lease<Postgres>),
    #[cfg(feature = "mysql")]
    MySql(Lease<MySql>),
}

impl Work {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Dialect::Postgres,
            #[cfg(feature = "mysql")]
            Self::MySql(_) => Dialect::MySql,
        }
    }

    pub(crate) async fn fetch(&mut self, call: Call) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(transaction) => {
                let rows = sqlite::query(call).fetch_all(&mut **transaction).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(lease) => {
                Ok(lease.fetch(postgres::query(call)).await?.into_iter().map(Row::Postgres).collect())
            }
            #[cfg(feature = "mysql")]
            Self::MySql(lease) => {
                Ok(lease.fetch(mysql::query(call)).await?.into_iter().map(Row::MySql).collect())
            }
        }
    }

    /// Answers how many rows the statement touched.
    pub(crate) async fn execute(&mut self, call: Call) -> Result<u64, sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(transaction) => {
                Ok(sqlite::query(call).execute(&mut **transaction).await?.rows_affected())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(lease) => Ok(lease.execute(postgres::query(call)).await?.rows_affected()),
            #[cfg(feature = "mysql")]
            Self::MySql(lease) => Ok(lease.execute(mysql::query(call)).await?.rows_affected()),
        }
    }

    /// Runs statements without arguments, definitions among them.
    pub(crate) async fn run(&mut self, sql: String) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql);
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(transaction) => sqlx::raw_sql(sql).execute(&mut **transaction).await.map(|_| ()),
            #[cfg(feature = "postgres")]
            Self::Postgres(lease) => lease.run(sql).await,
            #[cfg(feature = "mysql")]
            Self::MySql(lease) => lease.run(sql).await,
        }
    }

    /// Commits after a success, takes everything back after an error.
    pub(crate) async fn finish<T>(self, result: Result<T, DatabaseError>) -> Result<T, DatabaseError> {
        match result {
            Ok(value) => self.commit().await.map(|()| value).map_err(database_error),
            Err(error) => {
                // The error that matters is the first one; the connection ends the transaction in any case.
                let _ = self.rollback().await;
                Err(error)
            }
        }
    }

    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(transaction) => transaction.commit().await,
            #[cfg(feature = "postgres")]
            Self::Postgres(lease) => lease.end("COMMIT").await,
            #[cfg(feature = "mysql")]
            Self::MySql(lease) => lease.end("COMMIT").await,
        }
    }

    pub(crate) async fn rollback(self) -> Result<(), sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(transaction) => transaction.rollback().await,
            #[cfg(feature = "postgres")]
            Self::Postgres(lease) => lease.end("ROLLBACK").await,
            #[cfg(feature = "mysql")]
            Self::MySql(lease) => lease.end("ROLLBACK").await,
        }
    }
}
