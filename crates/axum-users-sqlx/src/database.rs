//! [`SqlxDatabase`]: opening it, its statements, and their turns.

mod adapter;

use std::{fmt, sync::Arc, time::Duration};

use axum_users::{
    DatabaseError, UserModel,
    schema::{Record, Schema, Value},
};
use tokio::sync::{Mutex, MutexGuard};

#[cfg(feature = "sqlite")]
use crate::in_place::InPlace;
use crate::{
    accounts::id_text,
    connect::{ConnectError, SqlxOptions},
    dialect::Dialect,
    engine::{Call, Cells, Connections, Pool, Reader, Row, Work},
    error::{database_error, user_error},
    inspect::{Found, FoundTables, inspect, recognise},
    statements::{Statements, Tables, sql},
};

/// Users in SQLite, PostgreSQL, MySQL or MariaDB. Clones share one pool.
///
/// With SQLite, writes of one process take turns before they take its lock, so that a crowd of writers neither
/// starves one of them nor keeps readers from the pool.
///
/// ```
/// use axum_users::{Bearer, Jwt, User, Users};
/// use axum_users_sqlx::SqlxDatabase;
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let database = SqlxDatabase::connect("sqlite://app.db?mode=rwc").await?;
/// let users = Users::<User>::builder(database, std::env::var("SECRET")?)
///     .backend("jwt", Bearer::default(), Jwt::lasting_seconds(3600))
///     .build()?;
/// users.migrate().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqlxDatabase {
    pub(crate) connections: Connections,
    pub(crate) options: SqlxOptions,
    #[cfg(feature = "sqlite")]
    pub(crate) in_place: Option<Arc<InPlace>>,
    writer: Arc<Mutex<()>>,
    statements: Option<Arc<Statements>>,
}

impl fmt::Debug for SqlxDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlxDatabase").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Tries again when what was tried failed for a reason that passes: a deadlock, or a plan that is stale, which every
/// connection of the pool may have.
macro_rules! unless_passing {
    ($attempt:expr) => {{
        let mut left = 16;
        loop {
            match $attempt.await {
                Err(error) if left > 0 && is_passing(&error) => left -= 1,
                done => break done,
            }
        }
    }};
}
pub(crate) use unless_passing;

impl SqlxDatabase {
    /// Opens the database at `url` with the default [`SqlxOptions`]: `sqlite://data.db?mode=rwc` (which makes a
    /// missing file), `postgres://user:password@host/database`, `mysql://user:password@host/database`.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        SqlxOptions::new().connect(url).await
    }

    /// Uses a pool that the application has, with the default [`SqlxOptions`].
    #[must_use]
    pub fn with_pool(pool: impl Into<Pool>) -> Self {
        SqlxOptions::new().with_pool(pool)
    }

    pub(crate) fn new(pool: Pool, options: SqlxOptions) -> Self {
        Self {
            connections: Connections::of(pool),
            options,
            #[cfg(feature = "sqlite")]
            in_place: None,
            writer: Arc::default(),
            statements: None,
        }
    }

    /// The pool, for the application's own queries.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.connections.pool
    }

    /// Closes every connection, waiting for those in use. A SQLite file is whole by itself afterwards; closing
    /// the [`pool`](Self::pool) alone leaves it with the file of its last writes beside it.
    pub async fn close(&self) {
        #[cfg(feature = "sqlite")]
        if let Some(in_place) = &self.in_place {
            in_place.close();
        }
        self.connections.pool.close().await;
    }

    /// Says what is in the database, before anything is changed there.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn inspect(&self) -> Result<Found, DatabaseError> {
        inspect(&self.connections, &self.tables()).await
    }

    /// The tables of users that the database has: those of the options, else those that FastAPI Users makes with
    /// SQLAlchemy or with Tortoise ORM; `None` where there is no user table. For programs that learn only when
    /// they run what users' ids are, and what the tables are called.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn recognise(&self) -> Result<Option<FoundTables>, DatabaseError> {
        recognise(&self.connections, &self.tables()).await
    }

    /// The same connections, with tables of other names than the options had: those that
    /// [`recognise`](Self::recognise) found, for instance.
    #[must_use]
    pub fn with_tables(
        mut self,
        user: impl Into<String>,
        oauth_account: impl Into<String>,
        access_token: impl Into<String>,
    ) -> Self {
        self.options =
            self.options.user_table(user).oauth_account_table(oauth_account).access_token_table(access_token);
        self.statements = None;
        self
    }

    pub(crate) fn tables(&self) -> Tables {
        match &self.statements {
            Some(statements) => statements.tables.clone(),
            None => Tables::new(&self.options, "user"),
        }
    }

    pub(crate) fn statements(&self) -> Result<&Statements, DatabaseError> {
        let missing = || DatabaseError::Other("the database was not given a schema".into());
        self.statements.as_deref().ok_or_else(missing)
    }

    /// Waits until no other write of this process is under way, where the database has one writer only.
    pub(crate) async fn turn(&self) -> Result<Option<MutexGuard<'_, ()>>, DatabaseError> {
        if self.connections.dialect() != Dialect::Sqlite {
            return Ok(None);
        }
        if let Ok(turn) = self.writer.try_lock() {
            return Ok(Some(turn));
        }
        // The first in the row may wait for another process as long as the whole timeout. Those behind it give
        // up earlier, so that nobody waits for much longer than that.
        let patience: Duration = self.options.busy_timeout / 2;
        let waited = tokio::time::timeout(patience, self.writer.lock()).await;
        waited
            .map(Some)
            .map_err(|_| DatabaseError::Unavailable("too many writes wait for the database".into()))
    }

    /// Runs a statement that reads.
    pub(crate) async fn read(&self, call: Call) -> Result<Vec<Row>, DatabaseError> {
        if self.has_no_such(&call) {
            return Ok(Vec::new());
        }
        self.connections.fetch(call, self.options.timeout).await.map_err(database_error)
    }

    /// Runs a statement that reads a row or a few, and answers what `pick` makes of the first row of which it
    /// makes something. A SQLite file is read in place where it can be; see [`InPlace`].
    pub(crate) async fn find<T>(
        &self,
        call: Call,
        pick: impl Fn(&dyn Cells) -> Result<Option<T>, DatabaseError>,
    ) -> Result<Option<T>, DatabaseError> {
        #[cfg(feature = "sqlite")]
        if let Some(in_place) = &self.in_place
            && let Some(found) = in_place.find(&call, &pick)
        {
            return found;
        }
        for row in &self.read(call).await? {
            if let Some(found) = pick(row)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Runs a statement that writes, and answers how many rows it touched.
    pub(crate) async fn write(&self, call: Call) -> Result<u64, DatabaseError> {
        self.try_write(call).await?.map_err(database_error)
    }

    /// Runs a statement that changes or deletes what its arguments name.
    pub(crate) async fn change(&self, call: Call) -> Result<u64, DatabaseError> {
        if self.has_no_such(&call) {
            return Ok(0);
        }
        self.write(call).await
    }

    /// PostgreSQL keeps no text with a zero byte, and takes none as an argument either.
    fn has_no_such(&self, call: &Call) -> bool {
        self.connections.dialect() == Dialect::Postgres && call.has_zero_byte()
    }

    pub(crate) async fn try_write(&self, call: Call) -> Result<Result<u64, sqlx::Error>, DatabaseError> {
        let _turn = self.turn().await?;
        Ok(self.connections.execute(call, self.options.timeout).await)
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin(&self) -> Result<Work, DatabaseError> {
        self.connections.begin_writing(Some(self.options.timeout)).await.map_err(database_error)
    }

    async fn try_create<U: UserModel>(&self, record: &Record) -> Result<U, DatabaseError> {
        let statements = self.statements()?;
        let _turn = self.turn().await?;
        if statements.dialect.has_returning() {
            let created = self.connections.fetch(statements.create(record), self.options.timeout).await;
            return inserted_user(statements, created);
        }
        let mut work = self.begin().await?;
        let created = insert_user(&mut work, statements, record).await;
        work.finish(created).await
    }

    async fn try_update<U: UserModel>(
        &self,
        id: &U::Id,
        expected: &Record,
        changes: &Record,
    ) -> Result<Option<U>, DatabaseError> {
        let statements = self.statements()?;
        let call =
            statements.update(expected, changes).map_err(|error| DatabaseError::Other(error.into()))?;
        let (call, _turn) = (call.id(id), self.turn().await?);
        let failed = |error| user_error(error, &statements.schema);
        if statements.dialect.has_returning() {
            let rows = self.connections.fetch(call, self.options.timeout).await.map_err(failed)?;
            return first_user(statements, &rows);
        }
        let mut work = self.begin().await?;
        let updated = match work.execute(call).await.map_err(failed) {
            Ok(0) => Ok(None),
            Ok(_) => get_user(&mut work, statements, id).await,
            Err(error) => Err(error),
        };
        work.finish(updated).await
    }

    async fn try_delete<U: UserModel>(&self, id: &U::Id) -> Result<bool, DatabaseError> {
        let statements = self.statements()?;
        let _turn = self.turn().await?;
        let mut work = self.begin().await?;
        let deleted = delete_user::<U>(&mut work, statements, id).await.map_err(database_error);
        work.finish(deleted).await
    }
}

async fn delete_user<U: UserModel>(
    work: &mut Work,
    statements: &Statements,
    id: &U::Id,
) -> Result<bool, sqlx::Error> {
    for sql in [&statements.delete_state, &statements.sessions.delete_all] {
        work.execute(Call::new(sql).text(id_text(id))).await?;
    }
    if let Some(retire) = &statements.retire_id {
        work.execute(Call::new(retire).id(id)).await?;
        work.execute(Call::new(&statements.forget_retired_ids)).await?;
    }
    let mut deleted = 0;
    for sql in &statements.delete {
        deleted = work.execute(Call::new(sql).id(id)).await?;
    }
    Ok(deleted > 0)
}

/// Inserts a user within a transaction, and reads it back where the insert does not answer it.
pub(crate) async fn insert_user<U: UserModel>(
    work: &mut Work,
    statements: &Statements,
    record: &Record,
) -> Result<U, DatabaseError> {
    if statements.dialect.has_returning() {
        return inserted_user(statements, work.fetch(statements.create(record)).await);
    }
    let inserted = work.execute(statements.create(record)).await;
    inserted.map_err(|error| user_error(error, &statements.schema))?;
    let made = match record.get("id") {
        None | Some(Value::Null) => {
            let last = work.fetch(Call::new(&sql("SELECT LAST_INSERT_ID()".to_owned()))).await;
            let last: i64 = last.map_err(database_error)?.first().map_or(Ok(0), |row| row.get(0))?;
            work.fetch(Call::new(&statements.get).integer(last)).await
        }
        Some(id) => {
            let id_type = statements.schema.id_type();
            work.fetch(Call::new(&statements.get).value(id.clone(), id_type)).await
        }
    };
    inserted_user(statements, made)
}

fn inserted_user<U: UserModel>(
    statements: &Statements,
    rows: Result<Vec<Row>, sqlx::Error>,
) -> Result<U, DatabaseError> {
    let rows = rows.map_err(|error| user_error(error, &statements.schema))?;
    first_user(statements, &rows)?.ok_or_else(|| DatabaseError::Other("the insert answered no row".into()))
}

async fn get_user<U: UserModel>(
    work: &mut Work,
    statements: &Statements,
    id: &U::Id,
) -> Result<Option<U>, DatabaseError> {
    let rows = work.fetch(Call::new(&statements.get).id(id)).await.map_err(database_error)?;
    first_user(statements, &rows)
}

fn first_user<U: UserModel>(statements: &Statements, rows: &[Row]) -> Result<Option<U>, DatabaseError> {
    rows.first().map(|row| user_from_row(&statements.schema, row)).transpose()
}

pub(crate) fn user_from_row<U: UserModel>(schema: &Schema, row: &dyn Cells) -> Result<U, DatabaseError> {
    U::from_row(schema, &mut Reader(row)).map_err(DatabaseError::Decode)
}
