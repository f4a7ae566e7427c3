//! A pool, or a transaction of the application's.

use std::{fmt, sync::Arc};

use axum_users::DatabaseError;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use tokio::sync::{Mutex, MutexGuard};

use crate::error::database_error;

/// Where statements go.
#[derive(Clone)]
pub(crate) enum Connection {
    /// In SQLite, writes of one process take turns before they take its lock.
    Pool {
        pool: DatabaseConnection,
        writer: Arc<Mutex<()>>,
    },
    Transaction(Arc<DatabaseTransaction>),
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pool { .. } => "Pool",
            Self::Transaction(_) => "Transaction",
        })
    }
}

/// Runs a block with `$connection` as what the statements go to.
macro_rules! on {
    ($connection:expr, $name:ident => $run:expr) => {
        match $connection {
            $crate::connection::Connection::Pool { pool, .. } => {
                let $name = pool;
                $run
            }
            $crate::connection::Connection::Transaction(transaction) => {
                let $name = &**transaction;
                $run
            }
        }
    };
}
pub(crate) use on;

/// Tries again, a few times, when a deadlock took back what was tried.
macro_rules! unless_deadlocked {
    ($attempt:expr) => {{
        let mut left = 5;
        loop {
            match $attempt.await {
                Err(error) if left > 0 && $crate::error::is_deadlock(&error) => left -= 1,
                done => break done,
            }
        }
    }};
}
pub(crate) use unless_deadlocked;

impl Connection {
    pub(crate) fn pool(pool: DatabaseConnection) -> Self {
        Self::Pool { pool, writer: Arc::default() }
    }

    pub(crate) fn backend(&self) -> DbBackend {
        on!(self, connection => connection.get_database_backend())
    }

    /// Waits until no other write of this process is under way, where the database has one writer only.
    pub(crate) async fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        match self {
            Self::Pool { writer, .. } if self.backend() == DbBackend::Sqlite => Some(writer.lock().await),
            _ => None,
        }
    }

    /// Begins a transaction that writes; within the application's own it is a savepoint, so that what the database
    /// refuses here leaves that one whole.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, DatabaseError> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        on!(self, connection => connection.begin_with_options(options).await).map_err(database_error)
    }

    /// Whether one statement alone would not do: those of MySQL answer no rows, and PostgreSQL ends a transaction when it
    /// refuses something.
    pub(crate) fn needs_transaction(&self) -> bool {
        matches!(self, Self::Transaction(_)) || !self.backend().support_returning()
    }
}

/// Commits what went well, and takes back what did not.
pub(crate) async fn finish<T>(
    work: DatabaseTransaction,
    done: Result<T, DatabaseError>,
) -> Result<T, DatabaseError> {
    match done {
        Ok(done) => work.commit().await.map(|()| done).map_err(database_error),
        Err(error) => {
            // The connection may be gone, and the transaction with it; the first error says more.
            let _: Result<(), DbErr> = work.rollback().await;
            Err(error)
        }
    }
}
