//! One migration at a time, whatever the number of processes.

use axum_users::{DatabaseError, MigrateError};

use super::{failed, fetch, get};
use crate::{dialect::Dialect, engine::Work};

/// The key of PostgreSQL's advisory lock: `axum_usr`.
const POSTGRES_KEY: i64 = 0x6178_756d_5f75_7372;

/// Its name on a MySQL server, where one name is one lock for all databases.
const MYSQL_NAME: &str = "CONCAT('axum_users_', MD5(DATABASE()))";

/// How long to wait for other migrations, and for statements that hold a table, in seconds.
const PATIENCE: u32 = 60;

/// Waits until no other process migrates this database. SQLite's write lock does that by itself.
pub(super) async fn take(work: &mut Work) -> Result<(), MigrateError> {
    match work.dialect() {
        Dialect::Sqlite => Ok(()),
        Dialect::Postgres => {
            let sql = format!(
                "SET LOCAL lock_timeout = '{PATIENCE}s'; SELECT pg_advisory_xact_lock({POSTGRES_KEY})"
            );
            work.run(sql).await.map_err(failed)
        }
        Dialect::MySql => {
            let rows = fetch(work, format!("SELECT GET_LOCK({MYSQL_NAME}, {PATIENCE})")).await?;
            let taken: Option<i64> = rows.first().map_or(Ok(None), |row| get(row, 0))?;
            if taken != Some(1) {
                let reason = "another process migrates the database and does not come to an end";
                return Err(MigrateError::Database(DatabaseError::Unavailable(reason.into())));
            }
            work.run(format!("SET SESSION lock_wait_timeout = {PATIENCE}")).await.map_err(failed)
        }
    }
}

/// Commits, or takes back what can be taken back, and lets the next one in.
pub(super) async fn end(mut work: Work, done: Result<(), MigrateError>) -> Result<(), MigrateError> {
    if work.dialect() == Dialect::MySql {
        // Each definition was committed by itself; a note of a version alone was not.
        let done = match (done, work.run("COMMIT".to_owned()).await) {
            (Ok(()), Err(error)) => Err(failed(error)),
            (done, _) => done,
        };
        let released = work.run(format!("DO RELEASE_LOCK({MYSQL_NAME})")).await.map_err(failed);
        // The connection is closed and not used again, so its settings end here too.
        drop(work);
        return done.and(released);
    }
    match done {
        Ok(()) => work.commit().await.map_err(failed),
        Err(error) => {
            // The error that matters is the first one.
            let _ = work.rollback().await;
            Err(error)
        }
    }
}
