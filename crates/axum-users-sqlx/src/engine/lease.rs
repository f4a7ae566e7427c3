//! A connection to a server, taken from the pool for one piece of work.

use std::{
    io,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    Database, Executor, IntoArguments, Pool, SqlSafeStr, pool::PoolConnection, query::Query, raw_sql,
};
use tokio::time::{Instant, timeout_at};

use super::relay::Relay;

/// A server that hangs would keep every connection of the pool, each waited on without end. So a connection that
/// has not answered in time, or whose caller went away in the middle, is closed and not returned to the pool.
pub(crate) struct Lease<DB: Database> {
    /// Until the end there is one.
    connection: Option<PoolConnection<DB>>,
    /// Where the connection goes at the end, and how many statements it has had since it left the pool.
    relay: Arc<Relay<DB>>,
    turns: u32,
    deadline: Option<Instant>,
    in_transaction: bool,
    /// Whether the last answer was read to its end.
    is_clean: bool,
}

impl<DB: Database> Lease<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
{
    async fn take(
        pool: &Pool<DB>,
        relay: &Arc<Relay<DB>>,
        timeout: Option<Duration>,
    ) -> Result<Self, sqlx::Error> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let (connection, turns) = in_time(deadline, pin!(relay.take(pool))).await?;
        let (connection, relay) = (Some(connection), Arc::clone(relay));
        Ok(Self { connection, relay, turns, deadline, in_transaction: false, is_clean: true })
    }

    pub(super) async fn begin(
        pool: &Pool<DB>,
        relay: &Arc<Relay<DB>>,
        timeout: Option<Duration>,
    ) -> Result<Self, sqlx::Error> {
        let mut lease = Self::take(pool, relay, timeout).await?;
        lease.in_transaction = true;
        lease.run("BEGIN").await?;
        Ok(lease)
    }

    /// One statement by itself. One deadline is set for taking the connection and for the answer: two would cost
    /// twice.
    pub(super) async fn fetch_once(
        pool: &Pool<DB>,
        relay: &Arc<Relay<DB>>,
        timeout: Duration,
        query: Query<'_, DB, DB::Arguments>,
    ) -> Result<Vec<DB::Row>, sqlx::Error> {
        let work = pin!(async { Self::take(pool, relay, None).await?.fetch(query).await });
        in_time(Some(Instant::now() + timeout), work).await
    }

    /// See [`fetch_once`](Self::fetch_once).
    pub(super) async fn execute_once(
        pool: &Pool<DB>,
        relay: &Arc<Relay<DB>>,
        timeout: Duration,
        query: Query<'_, DB, DB::Arguments>,
    ) -> Result<DB::QueryResult, sqlx::Error> {
        let work = pin!(async { Self::take(pool, relay, None).await?.execute(query).await });
        in_time(Some(Instant::now() + timeout), work).await
    }

    pub(super) async fn fetch(
        &mut self,
        query: Query<'_, DB, DB::Arguments>,
    ) -> Result<Vec<DB::Row>, sqlx::Error> {
        self.is_clean = false;
        let connection = self.connection.as_deref_mut().ok_or(sqlx::Error::PoolClosed)?;
        let result = in_time(self.deadline, pin!(query.fetch_all(connection))).await;
        self.is_clean = is_answer(&result);
        result
    }

    pub(super) async fn execute(
        &mut self,
        query: Query<'_, DB, DB::Arguments>,
    ) -> Result<DB::QueryResult, sqlx::Error> {
        self.is_clean = false;
        let connection = self.connection.as_deref_mut().ok_or(sqlx::Error::PoolClosed)?;
        let result = in_time(self.deadline, pin!(query.execute(connection))).await;
        self.is_clean = is_answer(&result);
        result
    }

    pub(super) async fn run(&mut self, sql: impl SqlSafeStr) -> Result<(), sqlx::Error> {
        self.is_clean = false;
        let connection = self.connection.as_deref_mut().ok_or(sqlx::Error::PoolClosed)?;
        let result = in_time(self.deadline, pin!(raw_sql(sql).execute(connection))).await;
        self.is_clean = is_answer(&result);
        result.map(|_| ())
    }

    /// Ends the transaction.
    pub(super) async fn end(mut self, how: &'static str) -> Result<(), sqlx::Error> {
        self.run(how).await?;
        self.in_transaction = false;
        Ok(())
    }
}

impl<DB: Database> Drop for Lease<DB> {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        match self.is_clean && !self.in_transaction {
            true => self.relay.give(connection, self.turns),
            false => connection.close_on_drop(),
        }
    }
}

/// Whether the server answered, be it with an error of its own, and will answer the next statement too.
fn is_answer<T>(result: &Result<T, sqlx::Error>) -> bool {
    #[cfg(feature = "postgres")]
    if result.as_ref().is_err_and(crate::error::is_stale_plan) {
        return false;
    }
    matches!(result, Ok(_) | Err(sqlx::Error::Database(_)))
}

/// The work is pinned where it is made: taking a connection is a future of many kilobytes, which would be copied from
/// hand to hand, a hundred kilobytes for each statement.
async fn in_time<T>(
    deadline: Option<Instant>,
    work: Pin<&mut impl Future<Output = Result<T, sqlx::Error>>>,
) -> Result<T, sqlx::Error> {
    let Some(deadline) = deadline else { return work.await };
    timeout_at(deadline, work).await.unwrap_or_else(|_| {
        Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the database did not answer in time")))
    })
}
