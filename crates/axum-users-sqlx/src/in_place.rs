//! Reading a SQLite file on the thread that asks.
//!
//! sqlx gives each connection a thread of its own. For a row that is in memory anyway the two switches of
//! threads cost more than the read. So single rows are read where they are asked for, by connections that can
//! only read: with write-ahead logging no writer ever keeps a reader waiting, and each statement sees what was
//! committed last, by whomever.
//!
//! Whatever does not go smoothly is left to the pool, which waits for locks and has the words for errors.

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic wherever it stands")]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use axum_users::{DatabaseError, schema::Value};
use rusqlite::{
    Connection, OpenFlags,
    types::{ToSqlOutput, ValueRef},
};
use sqlx::SqlitePool;

use crate::{
    engine::{Call, Cell, Cells, FoundInstead},
    text,
};

/// Connections that are kept while nobody reads; more read at once only where more threads do.
const KEPT: usize = 16;

/// Statements that a connection keeps prepared: all that are ever read in place.
const STATEMENTS: usize = 16;

/// Connections that read a file in place.
pub(crate) struct InPlace {
    path: PathBuf,
    /// The file that the pool has opened, which `path` may come to name no longer.
    file: FileId,
    pool: SqlitePool,
    free: Mutex<Vec<Connection>>,
    given_up: AtomicBool,
}

impl InPlace {
    /// Reads the file that a pool has opened.
    pub(crate) fn of(pool: &SqlitePool) -> Option<Self> {
        let path = pool.connect_options().get_filename().to_owned();
        let file = FileId::of(&path)?;
        let (free, given_up) = (Mutex::default(), AtomicBool::new(false));
        Some(Self { path, file, pool: pool.clone(), free, given_up })
    }

    /// What `pick` makes of the first row of which it makes something. `None` when the pool has to be asked.
    pub(crate) fn find<T>(
        &self,
        call: &Call,
        pick: impl Fn(&dyn Cells) -> Result<Option<T>, DatabaseError>,
    ) -> Option<Result<Option<T>, DatabaseError>> {
        if self.pool.is_closed() {
            self.close();
            return None;
        }
        let free = self.free().pop();
        let connection = free.or_else(|| self.open())?;
        let found = run(&connection, call, pick).ok()?;
        let mut free = self.free();
        // Not after the end: a connection that is left open would keep SQLite from tidying up.
        if free.len() < KEPT && !self.given_up.load(Ordering::Acquire) {
            free.push(connection);
        }
        Some(found)
    }

    /// Closes the connections; nothing is read in place any more.
    pub(crate) fn close(&self) {
        self.given_up.store(true, Ordering::Release);
        self.free().clear();
    }

    fn open(&self) -> Option<Connection> {
        if self.given_up.load(Ordering::Acquire) {
            return None;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags).ok()?;
        // Without write-ahead logging readers and a writer keep each other waiting, and in place nobody waits.
        let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).ok()?;
        // Where another file was put in the place, the pool still has the old one.
        if mode != "wal" || FileId::of(&self.path) != Some(self.file) {
            self.given_up.store(true, Ordering::Release);
            return None;
        }
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.busy_timeout(std::time::Duration::ZERO).ok()?;
        Some(connection)
    }

    fn free(&self) -> MutexGuard<'_, Vec<Connection>> {
        // No code that can panic runs under this lock.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connections that were used and wait to be used again.
    #[cfg(test)]
    pub(crate) fn idle(&self) -> usize {
        self.free().len()
    }
}

fn run<T>(
    connection: &Connection,
    call: &Call,
    pick: impl Fn(&dyn Cells) -> Result<Option<T>, DatabaseError>,
) -> rusqlite::Result<Result<Option<T>, DatabaseError>> {
    let mut statement = connection.prepare_cached(call.sql())?;
    for (index, value) in call.values().enumerate() {
        statement.raw_bind_parameter(index + 1, argument(value))?;
    }
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        match pick(row) {
            Ok(None) => {}
            found => return Ok(found),
        }
    }
    Ok(Ok(None))
}

/// As the pool's driver binds it.
fn argument(value: &Value) -> ToSqlOutput<'_> {
    match value {
        Value::Bool(value) => ToSqlOutput::from(*value),
        Value::Integer(value) => ToSqlOutput::from(*value),
        Value::Float(value) => ToSqlOutput::from(*value),
        Value::Text(value) => ToSqlOutput::from(value.as_str()),
        Value::Uuid(value) => ToSqlOutput::from(value.hyphenated().to_string()),
        Value::Date(value) => ToSqlOutput::from(text::date(*value)),
        Value::Timestamp(value) => ToSqlOutput::from(text::timestamp(*value)),
        Value::Json(value) => ToSqlOutput::from(value.to_string()),
        Value::ObjectId(value) => ToSqlOutput::from(value.to_string()),
        _ => ToSqlOutput::from(rusqlite::types::Null),
    }
}

impl Cells for rusqlite::Row<'_> {
    fn cell(&self, index: usize) -> Result<Cell<'_>, FoundInstead> {
        Ok(match self.get_ref(index).map_err(|_| "no column")? {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(value) => Cell::Integer(value),
            ValueRef::Real(value) => Cell::Real(value),
            ValueRef::Text(text) => {
                Cell::Text(std::str::from_utf8(text).map_err(|_| "text that is not UTF-8")?)
            }
            ValueRef::Blob(_) => Cell::Bytes,
        })
    }

    fn column_name(&self, index: usize) -> String {
        self.as_ref().column_name(index).map_or_else(|_| index.to_string(), str::to_owned)
    }
}

/// Which file it is, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId(u64, u64);

impl FileId {
    #[cfg(unix)]
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let found = std::fs::metadata(path).ok()?;
        Some(Self(found.dev(), found.ino()))
    }

    /// Elsewhere an open file cannot be replaced.
    #[cfg(not(unix))]
    fn of(path: &Path) -> Option<Self> {
        path.exists().then_some(Self(0, 0))
    }
}
